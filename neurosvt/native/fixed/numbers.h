/* Arithmetic of whole numbers. A right shift of a number below 0 rounds down, as all compilers have it. */

static int32_t nsvt_within(int64_t x, int32_t most) {
    return x > most ? most : x < -(int64_t)most ? -most : (int32_t)x;
}

/* Half a unit of what is shifted away: to the nearest, not down. */
static int32_t nsvt_half_of(int32_t shift) { return shift > 0 ? 1 << (shift - 1) : 0; }

/* A table at a share of 65536 of its range. */
static int32_t nsvt_between(const int32_t *table, uint32_t share) {
    const int32_t *at = table + (share >> 8);
    return at[0] + (((at[1] - at[0]) * (int32_t)(share & 255)) >> 8);
}

/* 2^-x as a share of 65536; x in 65536ths. */
static int32_t nsvt_halved(const nsvt_tables *t, uint64_t x) {
    const uint64_t whole = x >> 16;
    return whole > 16 ? 0 : nsvt_between(t->half, (uint32_t)(x & 65535)) >> whole;
}

static int32_t nsvt_top_bit(uint64_t x) {
    int32_t bit = 0, step;
    for (step = 32; step; step >>= 1)
        if (x >> step) {
            x >>= step;
            bit += step;
        }
    return bit;
}

/* The natural logarithm of x / 2^point, times 65536; x from 1 on. */
static int32_t nsvt_log(const nsvt_tables *t, uint64_t x, int32_t point) {
    const int32_t top = nsvt_top_bit(x);
    const uint32_t share = (uint32_t)(top > 16 ? x >> (top - 16) : x << (16 - top)) & 65535;
    return (int32_t)(((int64_t)(top - point) * 65536 + nsvt_between(t->log2, share)) * 45426 >> 16);
}

/* The largest number whose square is not above x. */
static uint32_t nsvt_root(uint64_t x) {
    uint64_t root = 0, bit = (uint64_t)1 << (nsvt_top_bit(x) & ~1);
    for (; bit; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

/* 0 to 65535, from a state that is never 0 (Marsaglia, "Xorshift RNGs", 2003). */
static uint32_t nsvt_draw(uint32_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random;
}

/* How likely each of several scores makes its own, of NSVT_ONE. */
static void nsvt_shares(const nsvt_tables *t, const int32_t *scores, int32_t count, int32_t *shares) {
    int32_t i, most = scores[0], power;
    int64_t total = 0;
    for (i = 1; i < count; ++i)
        if (scores[i] > most) most = scores[i];
    for (i = 0; i < count; ++i) {
        /* e^x is 2^(x / ln 2); scores in NSVT_ONE, exponents in 65536. */
        power = nsvt_halved(t, (uint64_t)(((int64_t)most - scores[i]) * 94548 >> NSVT_POINT));
        shares[i] = power;
        total += power;
    }
    for (i = 0; i < count; ++i) shares[i] = (int32_t)(((int64_t)shares[i] << NSVT_POINT) / total);
}
