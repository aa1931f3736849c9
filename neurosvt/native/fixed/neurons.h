/* Leaky integrate-and-fire, and products of its spikes with weights. A row of spikes is a list of the
 * channels that fired. */

/* Steps of a membrane in a threshold are 2^(state_bits - 4): it holds 8 thresholds below 0. */
#define NSVT_DEPTH 4

/* Eight flags, each 0 or 1, as the bits of a byte: the product moves each of them to its place at the top. */
static uint64_t nsvt_flags(const uint8_t *x) {
    const uint64_t low = (uint64_t)x[0] | (uint64_t)x[1] << 8 | (uint64_t)x[2] << 16 | (uint64_t)x[3] << 24;
    const uint64_t high = (uint64_t)x[4] | (uint64_t)x[5] << 8 | (uint64_t)x[6] << 16 | (uint64_t)x[7] << 24;
    return (low | high << 32) * 0x0102040810204080u >> 56;
}

/* The place of the lowest bit that is set. */
static int32_t nsvt_lowest(uint64_t bits) {
#ifdef __GNUC__
    return __builtin_ctzll(bits);
#else
    return nsvt_top_bit(bits & (~bits + 1));
#endif
}

/* One touch of a tile: `v` has leaked to `keep` of itself and `current` comes in. Adds those that fire to
 * the list; how long it is then. */
static int32_t nsvt_fire(const nsvt_model *m, const int32_t *NSVT_ALONE current, nsvt_number *NSVT_ALONE v,
                         int32_t keep, int32_t channel, uint16_t *NSVT_ALONE list, int32_t length) {
    const int32_t down = NSVT_POINT + NSVT_DEPTH - m->state_bits, half = 1 << (down - 1);
    const int32_t most = (1 << (m->state_bits - 1)) - 1, up = 16 - down;
    uint8_t over[NSVT_TILE];
    uint64_t spikes = 0;
    int32_t i;
    for (i = 0; i < NSVT_TILE; ++i) {
        const int32_t h = current[i] + ((keep * v[i]) >> up), fired = h >= NSVT_ONE;
        int32_t left = (h + half) >> down;
        left = left < -most ? -most : left > most ? most : left;
        v[i] = (nsvt_number)(fired ? 0 : left);
        over[i] = (uint8_t)fired;
    }
    for (i = 0; i < NSVT_TILE; i += 8) spikes |= nsvt_flags(over + i) << i;
    for (; spikes; spikes &= spikes - 1) list[length++] = (uint16_t)(channel + nsvt_lowest(spikes));
    return length;
}

/* Sums of the rows of weights that a list names, of one tile. In halves: compilers make vectors of each, and
 * keep them out of memory. */
static void nsvt_sum(const nsvt_number *NSVT_ALONE weights, const uint16_t *NSVT_ALONE list, int32_t length,
                     int32_t *NSVT_ALONE sums) {
    enum { HALF = NSVT_TILE / 2 };
    int32_t n = 0, i;
    for (i = 0; i < NSVT_TILE; ++i) sums[i] = 0;
    while (n < length) {
        const int32_t end = length - n > NSVT_RUN ? n + NSVT_RUN : length;
        nsvt_partial first[HALF] = {0}, second[HALF] = {0};
        for (; n < end; ++n) {
            const nsvt_number *row = weights + list[n] * NSVT_TILE;
            for (i = 0; i < HALF; ++i) first[i] = (nsvt_partial)(first[i] + row[i]);
            for (i = 0; i < HALF; ++i) second[i] = (nsvt_partial)(second[i] + row[HALF + i]);
        }
        for (i = 0; i < HALF; ++i) sums[i] += first[i];
        for (i = 0; i < HALF; ++i) sums[HALF + i] += second[i];
    }
}

/* Sums of a tile as currents. */
static void nsvt_scale(int32_t *NSVT_ALONE sums, const int32_t *NSVT_ALONE scale, int32_t shift) {
    const int32_t half = nsvt_half_of(shift);
    int32_t i;
    for (i = 0; i < NSVT_TILE; ++i) sums[i] = (sums[i] * scale[i] + half) >> shift;
}

/* Lists of `rows` rows of spikes, and their lengths. */
typedef struct {
    uint16_t *list;
    int32_t *length;
} nsvt_spikes;

static void nsvt_clear(nsvt_spikes a, int32_t rows) {
    memset(a.length, 0, sizeof(int32_t) * (size_t)rows);
}

/* What a token's membranes have kept since it was touched last; it is touched now. */
static int32_t nsvt_touch(const nsvt_session *s, uint32_t *touched) {
    const uint32_t clock = *NSVT_PART(s, uint32_t, clock), gap = clock - *touched;
    *touched = clock;
    return gap < (uint32_t)s->model->keeps ? s->model->keep[gap] : 0;
}
