/* The leaky memory: nn/leaky_memory.py. A group of channels is touched only when its write gate opens.
 * Until then it keeps what it was given, and its age says how much has leaked: silence costs nothing and
 * rounds nothing. The channels of a group share an exponent, chosen anew at each write. */

/* Charge of all channels as it was at a step, in thresholds of NSVT_ONE. */
static void nsvt_charges(const nsvt_session *s, uint32_t clock, int32_t *to) {
    const nsvt_model *m = s->model;
    const nsvt_memory *a = &m->memory;
    const nsvt_number *charge = NSVT_PART(s, nsvt_number, charge);
    const uint8_t *exponent = NSVT_PART(s, uint8_t, exponent);
    const int32_t width = a->channels / a->groups;
    int32_t g, i;
    for (g = 0; g < a->groups; ++g) {
        const uint64_t age = clock - NSVT_PART(s, uint32_t, written)[g];
        for (i = g * width; i < (g + 1) * width; ++i) {
            const int32_t left = nsvt_halved(&m->tables, a->leak[i] * age >> a->leak_shift[i]);
            to[i] = (int32_t)((int64_t)charge[i] * left * (1 << exponent[g]) >> 16);
        }
    }
}

/* Charges relative to their strength, into what a dense layer reads. */
static void nsvt_relative(const int32_t *charges, int32_t count, int64_t least, int16_t *to) {
    int64_t power = 0, inverse;
    int32_t i;
    for (i = 0; i < count; ++i) power += (int64_t)charges[i] * charges[i];
    inverse = ((int64_t)1 << 32) / nsvt_root((uint64_t)(power / count + least));
    for (i = 0; i < count; ++i)
        to[i] = (int16_t)nsvt_within(charges[i] * inverse >> (32 - NSVT_ACTIVE), NSVT_MOST_ACTIVE);
}

/* Output `which` of a dense layer, in NSVT_ONE. */
static int32_t nsvt_dense_sum(const nsvt_dense *a, const int16_t *x, int32_t which) {
    const nsvt_number *weights = a->weights + which * a->inputs;
    int32_t sum = 0, i;
    for (i = 0; i < a->inputs; ++i) sum += (int32_t)weights[i] * x[i];
    return (int32_t)(((int64_t)sum * a->scale[which] + nsvt_half_of(a->shift)) >> a->shift) + a->bias[which];
}

#define NSVT_LEAST_POWER 268 /* a millionth of the square of NSVT_ONE: of a charge whose strength is asked for */

/* Sums over the tokens, each through weights of its own position. */
static void nsvt_read(const nsvt_rows *r, int32_t *said) {
    const nsvt_model *m = r->s->model;
    const nsvt_product *a = &m->memory.read;
    int32_t row, tile, i, sums[NSVT_TILE];
    for (tile = 0; tile < a->outputs; tile += NSVT_TILE) {
        int32_t *to = said + tile;
        for (i = 0; i < NSVT_TILE; ++i) to[i] = 0;
        for (row = 0; row < r->rows; ++row) {
            const nsvt_number *weights = a->weights + (size_t)r->token[row] * (size_t)m->memory.stride;
            nsvt_sum(weights + tile * a->inputs, r->first.list + row * m->room, r->first.length[row], sums);
            for (i = 0; i < NSVT_TILE; ++i) to[i] += sums[i];
        }
        nsvt_scale(to, a->scale + tile, a->shift);
    }
}

/* What each write gate wants; it opens from 0 on. */
static void nsvt_ask_gates(const nsvt_session *s, const int32_t *write, int32_t *wants) {
    const nsvt_model *m = s->model;
    const nsvt_memory *a = &m->memory;
    int32_t g;
    for (g = 0; g < a->gates; ++g) wants[g] = write[g] + NSVT_ONE;
    if (a->looks) {
        int32_t *charges = NSVT_PART(s, int32_t, charges);
        int16_t *known = NSVT_PART(s, int16_t, act);
        nsvt_charges(s, *NSVT_PART(s, uint32_t, clock) - 1, charges);
        nsvt_relative(charges, a->channels, NSVT_LEAST_POWER, known);
        for (g = 0; g < a->gates; ++g) wants[g] += nsvt_dense_sum(&a->look, known, g);
    }
}

/* A write to one group: `v` has its charges as they are, and takes what they become. */
static void nsvt_write_group(const nsvt_session *s, int32_t g, const int32_t *drive, const int32_t *gate, int32_t *v) {
    const nsvt_model *m = s->model;
    const nsvt_memory *a = &m->memory;
    const int32_t width = a->channels / a->groups, from = g * width, most = (1 << (m->state_bits - 1)) - 1;
    nsvt_number *charge = NSVT_PART(s, nsvt_number, charge);
    uint32_t *random = NSVT_PART(s, uint32_t, clock) + 1;
    int32_t i, largest = 0, exponent = 0;
    for (i = from; i < from + width; ++i) {
        const int32_t freed = a->empties && gate[i] >= NSVT_ONE ? 65536 : a->forget ? a->forget[i] : 0;
        v[i] = nsvt_within(((int64_t)v[i] * (65536 - freed) >> 16) + drive[i], 1 << 28);
        if (v[i] > largest) largest = v[i];
        if (-v[i] > largest) largest = -v[i];
    }
    while (largest >> exponent > most) ++exponent;
    /* Rounded at random, in proportion to how near either end is: or what adds up little by little would be lost. */
    for (i = from; i < from + width; ++i) {
        const int32_t part = (int32_t)(nsvt_draw(random) & ((1u << exponent) - 1));
        charge[i] = (nsvt_number)nsvt_within((v[i] + part) >> exponent, most);
    }
    NSVT_PART(s, uint8_t, exponent)[g] = (uint8_t)exponent;
    NSVT_PART(s, uint32_t, written)[g] = *NSVT_PART(s, uint32_t, clock);
}

/* A frame that says something. */
static void nsvt_remember(const nsvt_rows *r) {
    const nsvt_session *s = r->s;
    const nsvt_memory *a = &s->model->memory;
    int32_t *said = NSVT_PART(s, int32_t, said), *wants = NSVT_PART(s, int32_t, wants), g;
    int32_t *charges = NSVT_PART(s, int32_t, charges), *write;
    nsvt_read(r, said);
    write = said + (a->empties ? 2 : 1) * a->channels;
    nsvt_ask_gates(s, write, wants);
    nsvt_charges(s, *NSVT_PART(s, uint32_t, clock), charges);
    for (g = 0; g < a->groups; ++g)
        if (!a->gates || wants[g] >= 0) nsvt_write_group(s, g, said, said + a->channels, charges);
    if (a->tracks.count) nsvt_follow(r, wants, write + a->gates);
}
