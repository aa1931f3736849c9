/* What is read from the memory: nn/heads.py, nn/track_heads.py. */

/* x times the share of a normal distribution below it. */
static int32_t nsvt_gelu(const nsvt_tables *t, int32_t x) {
    if (x >= 4 * NSVT_ONE) return x;
    return x <= -4 * NSVT_ONE ? 0 : nsvt_between(t->gelu, (uint32_t)(x + 4 * NSVT_ONE) >> 1);
}

static int16_t nsvt_active(int64_t x, int32_t point) {
    return (int16_t)nsvt_within(x >> (point - NSVT_ACTIVE), NSVT_MOST_ACTIVE);
}

/* A hidden layer; added to what is there, if `adds`. */
static void nsvt_layer(const nsvt_model *m, const nsvt_dense *a, const int16_t *x, int16_t *y, int adds) {
    int32_t o;
    for (o = 0; o < a->outputs; ++o) {
        const int64_t now = nsvt_gelu(&m->tables, nsvt_dense_sum(a, x, o));
        y[o] = nsvt_active(now + (adds ? (int64_t)y[o] * (1 << (NSVT_POINT - NSVT_ACTIVE)) : 0), NSVT_POINT);
    }
}

/* Channels relative to their strength, the strengths of groups; how many numbers. */
static int32_t nsvt_features(const nsvt_model *m, const int32_t *charges, int16_t *x) {
    const nsvt_heads *a = &m->head;
    const int32_t group = a->strengths ? a->channels / a->strengths : 0;
    int32_t g, i;
    if (!a->by_group) nsvt_relative(charges, a->channels, NSVT_LEAST_POWER, x);
    for (g = 0; g < a->strengths; ++g) {
        const int32_t *own = charges + g * group;
        int64_t power = 0;
        for (i = 0; i < group; ++i) power += (int64_t)own[i] * own[i];
        power = power / group + NSVT_LEAST_POWER * 1000;
        /* A quarter of the logarithm; the square of NSVT_ONE is 1. */
        x[a->channels + g] = nsvt_active(nsvt_log(&m->tables, (uint64_t)power, 2 * NSVT_POINT) / 4, 16);
        if (a->by_group) nsvt_relative(own, group, NSVT_LEAST_POWER * 1000, x + g * group);
    }
    return a->channels + a->strengths;
}

/* What a network is told of a track. */
static void nsvt_told(const nsvt_session *s, int32_t which, int16_t *x) {
    const nsvt_tables *t = &s->model->tables;
    const int32_t *track = NSVT_PART(s, int32_t, tracks) + which * NSVT_TRACK;
    const int64_t age = nsvt_age(s, which), three = 3 * NSVT_ACTIVE_ONE, four = 4 * NSVT_ACTIVE_ONE;
    const uint64_t strength = (uint64_t)(track[0] > 0 ? track[0] : 0), spread = (uint64_t)(track[2] > 0 ? track[2] : 0);
    int32_t axis;
    for (axis = 0; axis < 2; ++axis) {
        const int16_t moves = nsvt_active(2 * (int64_t)track[5 + axis], NSVT_LONG);
        x[axis] = nsvt_active(2 * (int64_t)track[3 + axis], NSVT_LONG);
        x[2 + axis] = (int16_t)(moves > three ? three : moves < -three ? -three : moves);
    }
    x[4] = nsvt_active((int64_t)nsvt_log(t, strength + NSVT_LONG_ONE / 10, NSVT_LONG) * 3 / 10, 16);
    x[5] = nsvt_active((int64_t)nsvt_log(t, spread + NSVT_LONG_ONE / 50, NSVT_LONG) * 3 / 10, 16);
    x[6] = nsvt_active(nsvt_log(t, (uint64_t)(NSVT_LONG_ONE + 3 * age), NSVT_LONG), 16);
    x[7] = nsvt_active(age / 2, NSVT_LONG);
    if (x[7] > four) x[7] = (int16_t)four;
}

/* The mean of what tracks offer, where they rest and where they have gone on to, by how likely each is. */
static void nsvt_choose(const nsvt_session *s, const int16_t *x, int16_t *hidden, int32_t *position) {
    const nsvt_model *m = s->model;
    const nsvt_heads *a = &m->head;
    const nsvt_dense *layer = a->dense + a->layers;
    int32_t *scores = NSVT_PART(s, int32_t, told), *shares = scores + 2 * a->tracks, j, axis;
    nsvt_layer(m, layer, x, hidden, 0);
    for (j = 0; j < 2 * a->tracks; ++j) scores[j] = nsvt_dense_sum(layer + 1, hidden, j);
    nsvt_shares(&m->tables, scores, 2 * a->tracks, shares);
    for (axis = 0; axis < 2; ++axis) {
        int64_t sum = 0;
        for (j = 0; j < a->tracks; ++j) {
            const int32_t *track = NSVT_PART(s, int32_t, tracks) + j * NSVT_TRACK;
            const int64_t rest = (int64_t)track[3 + axis] + NSVT_LONG_ONE / 2;
            int64_t gone = rest + nsvt_long(track[5 + axis], nsvt_age(s, j));
            gone = gone < 0 ? 0 : gone > NSVT_LONG_ONE ? NSVT_LONG_ONE : gone;
            sum += shares[j] * rest + shares[a->tracks + j] * gone;
        }
        position[axis] = (int32_t)(sum >> (NSVT_POINT + NSVT_LONG - 16));
    }
}

/* Class scores, their probabilities, scores of presence, their probabilities, all of NSVT_ONE, then x and
 * y of 65536. */
static void nsvt_answer_of(const nsvt_session *s, int32_t *answer) {
    const nsvt_model *m = s->model;
    const nsvt_heads *a = &m->head;
    int16_t *x = NSVT_PART(s, int16_t, act), *y = x + a->widest, *z = y + a->widest;
    int32_t *charges = NSVT_PART(s, int32_t, charges), *presence = answer + 2 * a->classes;
    int32_t *position = presence + 2 * NSVT_PRESENCES, layer, i, told, at;
    const nsvt_dense *last = a->dense + a->layers - 1;
    nsvt_charges(s, *NSVT_PART(s, uint32_t, clock), charges);
    memset(x, 0, 3 * sizeof(int16_t) * (size_t)a->widest);
    told = nsvt_features(m, charges, x);
    for (i = 0; i < a->tracks; ++i) nsvt_told(s, i, x + told + 8 * i);
    if (a->tracks) nsvt_choose(s, x, z, position);
    nsvt_layer(m, a->dense, x, y, 0);
    for (layer = 1; layer + 1 < a->layers; ++layer) {
        memcpy(x, y, sizeof(int16_t) * (size_t)a->widest);
        nsvt_layer(m, a->dense + layer, x, y, 1);
    }
    for (i = 0; i < a->classes; ++i) answer[i] = nsvt_dense_sum(last, y, i);
    nsvt_shares(&m->tables, answer, a->classes, answer + a->classes);
    at = a->classes;
    if (!a->tracks)
        for (i = 0; i < 2; ++i) {
            int32_t score = nsvt_dense_sum(last, y, at++);
            score = score < -8 * NSVT_ONE ? -8 * NSVT_ONE : score >= 8 * NSVT_ONE ? 8 * NSVT_ONE - 1 : score;
            position[i] = nsvt_between(m->tables.sigmoid, (uint32_t)(score + 8 * NSVT_ONE) >> 2);
        }
    for (i = 0; i < NSVT_PRESENCES; ++i) presence[i] = nsvt_dense_sum(last, y, at++);
    nsvt_shares(&m->tables, presence, NSVT_PRESENCES, presence + NSVT_PRESENCES);
}
