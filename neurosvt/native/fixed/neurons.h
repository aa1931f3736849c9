/* Leaky integrate-and-fire, and products of its spikes with weights. A row of spikes is a list of the
 * channels that fired. */

/* Steps of a membrane in a threshold are 2^(state_bits - 4): it holds 8 thresholds below 0. */
#define NSVT_DEPTH 4

/* One touch of a tile: `v` has leaked to `keep` of itself and `current` comes in. Adds those that fire to
 * the list, which has room for all of them and one more; how long it is then. */
static int32_t nsvt_fire(const nsvt_model *m, const int32_t *current, nsvt_number *v, int32_t keep,
                         int32_t channel, uint16_t *list, int32_t length) {
    const int32_t down = NSVT_POINT + NSVT_DEPTH - m->state_bits, half = 1 << (down - 1);
    const int32_t most = (1 << (m->state_bits - 1)) - 1, up = 16 - down;
    uint8_t over[NSVT_TILE];
    int32_t i;
    for (i = 0; i < NSVT_TILE; ++i) {
        const int32_t h = current[i] + ((keep * v[i]) >> up), fired = h >= NSVT_ONE;
        int32_t left = (h + half) >> down;
        left = left < -most ? -most : left > most ? most : left;
        v[i] = (nsvt_number)(fired ? 0 : left);
        over[i] = (uint8_t)fired;
    }
    for (i = 0; i < NSVT_TILE; ++i) {
        list[length] = (uint16_t)(channel + i);
        length += over[i];
    }
    return length;
}

/* Sums of the rows of weights that a list names, of one tile; four at a time, which compilers keep out of memory. */
static void nsvt_sum(const nsvt_number *weights, const uint16_t *list, int32_t length, int32_t *sums) {
    int32_t n = 0, i;
    for (i = 0; i < NSVT_TILE; ++i) sums[i] = 0;
    while (n < length) {
        const int32_t end = length - n > NSVT_RUN ? n + NSVT_RUN : length;
        nsvt_partial part[NSVT_TILE] = {0};
        for (; n + 4 <= end; n += 4) {
            const nsvt_number *a = weights + list[n] * NSVT_TILE, *b = weights + list[n + 1] * NSVT_TILE;
            const nsvt_number *c = weights + list[n + 2] * NSVT_TILE, *d = weights + list[n + 3] * NSVT_TILE;
            for (i = 0; i < NSVT_TILE; ++i) part[i] = (nsvt_partial)(part[i] + (a[i] + b[i]) + (c[i] + d[i]));
        }
        for (; n < end; ++n) {
            const nsvt_number *row = weights + list[n] * NSVT_TILE;
            for (i = 0; i < NSVT_TILE; ++i) part[i] = (nsvt_partial)(part[i] + row[i]);
        }
        for (i = 0; i < NSVT_TILE; ++i) sums[i] += part[i];
    }
}

/* Sums of a tile as currents. */
static void nsvt_scale(int32_t *sums, const int32_t *scale, int32_t shift) {
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
