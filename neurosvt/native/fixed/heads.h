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

/* A unit vector along a velocity, shorter where there is hardly a heading. */
static void nsvt_heading(const int64_t *velocity, int64_t *heading) {
    enum { SLOW = NSVT_LONG_ONE / 20, MOST = 1 << 28 };
    const int64_t x = nsvt_within(velocity[0], MOST), y = nsvt_within(velocity[1], MOST);
    const int64_t speed = nsvt_root((uint64_t)(x * x + y * y + (int64_t)SLOW * SLOW));
    heading[0] = x * NSVT_LONG_ONE / speed;
    heading[1] = y * NSVT_LONG_ONE / speed;
}

static int32_t nsvt_on_sensor(int64_t x) { return x < 0 ? 0 : x > NSVT_LONG_ONE ? NSVT_LONG_ONE : (int32_t)x; }

/* Sum of numbers by how likely each is; `step` from one number to the next. */
static int64_t nsvt_likely(const int32_t *shares, const int32_t *x, int32_t count, int32_t step) {
    int64_t sum = 0;
    int32_t i;
    for (i = 0; i < count; ++i) sum += (int64_t)shares[i] * x[i * step];
    return sum >> NSVT_POINT;
}

/* Where a thing is by now that each track has taken along, if it was last in view where tracks rest. */
static void nsvt_carry(const nsvt_session *s, const int32_t *origin, const int32_t *rest, int32_t *places) {
    const int32_t tracks = s->model->head.tracks;
    int64_t was[2], velocity[2], heading[2], way;
    int32_t j, axis;
    for (axis = 0; axis < 2; ++axis) was[axis] = nsvt_likely(origin, rest + axis, tracks, 2);
    for (j = 0; j < tracks; ++j) {
        const int32_t *track = NSVT_PART(s, int32_t, tracks) + j * NSVT_TRACK;
        for (axis = 0; axis < 2; ++axis) velocity[axis] = track[5 + axis];
        nsvt_heading(velocity, heading);
        for (axis = 0, way = 0; axis < 2; ++axis) way += nsvt_long(heading[axis], rest[2 * j + axis] - was[axis]);
        for (axis = 0; axis < 2; ++axis)
            places[2 * j + axis] = nsvt_on_sensor(was[axis] + nsvt_long(heading[axis], way));
    }
}

/* What has been chosen among tracks; times and lengths of NSVT_LONG_ONE. */
typedef struct {
    int64_t position[2], since, way[2], heading[2];
} nsvt_course;

/* The mean of what tracks offer by how likely each is, and how far the offers lie from it, into `near`. */
static nsvt_course nsvt_choose(const nsvt_session *s, const int16_t *x, int16_t *hidden, int16_t *near) {
    const nsvt_model *m = s->model;
    const nsvt_heads *a = &m->head;
    const nsvt_dense *layer = a->dense + a->layers;
    const int32_t tracks = a->tracks, offers = a->kinds * tracks, most = 3 * NSVT_ACTIVE_ONE;
    int32_t *scores = NSVT_PART(s, int32_t, told), *shares = scores + (layer + 1)->outputs, *places = shares + offers;
    int64_t velocity[2] = {0, 0};
    nsvt_course found = {{0, 0}, 0, {0, 0}, {0, 0}};
    int32_t j, axis;
    nsvt_layer(m, layer, x, hidden, 0);
    for (j = 0; j < (layer + 1)->outputs; ++j) scores[j] = nsvt_dense_sum(layer + 1, hidden, j);
    for (j = 0; j < tracks; ++j)
        for (axis = 0; axis < 2; ++axis) {
            const int32_t *track = NSVT_PART(s, int32_t, tracks) + j * NSVT_TRACK;
            const int64_t rest = (int64_t)track[3 + axis] + NSVT_LONG_ONE / 2;
            places[2 * j + axis] = nsvt_within(rest, INT32_MAX);
            places[2 * (tracks + j) + axis] = nsvt_on_sensor(rest + nsvt_long(track[5 + axis], nsvt_age(s, j)));
        }
    if (a->kinds > 2) {
        nsvt_shares(&m->tables, scores + offers, tracks, shares);
        nsvt_carry(s, shares, places, places + 4 * tracks);
    }
    nsvt_shares(&m->tables, scores, offers, shares);
    for (axis = 0; axis < 2; ++axis) {
        const int64_t mean = found.position[axis] = nsvt_likely(shares, places + axis, offers, 2);
        found.way[axis] = nsvt_likely(shares + tracks, places + 2 * tracks + axis, tracks, 2) -
                          nsvt_likely(shares + tracks, places + axis, tracks, 2);
        velocity[axis] = nsvt_likely(shares + tracks, NSVT_PART(s, int32_t, tracks) + 5 + axis, tracks, NSVT_TRACK);
        for (j = 0; j < offers && a->corrects; ++j) {
            const int16_t apart = nsvt_active(16 * (places[2 * j + axis] - mean), NSVT_LONG);
            near[2 * j + axis] = (int16_t)(apart > most ? most : apart < -most ? -most : apart);
        }
    }
    for (j = 0; j < tracks; ++j) found.since += (shares[tracks + j] * nsvt_age(s, j)) >> NSVT_POINT;
    nsvt_heading(velocity, found.heading);
    return found;
}

/* What tracks get wrong as a rule, as the last layer says it: nn/track_heads.py, `Course.corrections`. */
static int64_t nsvt_correction(const nsvt_course *a, const int32_t *wrong, int32_t axis) {
    const int64_t own = (int64_t)wrong[axis] * (1 << (NSVT_LONG - NSVT_POINT));
    const int64_t later = (wrong[2 + axis] * a->since) >> NSVT_POINT, way = (wrong[4] * a->way[axis]) >> NSVT_POINT;
    const int64_t ahead = (wrong[5] * a->heading[axis]) >> NSVT_POINT;
    return ((own + later + ahead) >> 5) + (way >> 4);
}

/* Class scores, their probabilities, scores of presence, their probabilities, all of NSVT_ONE, then x and
 * y of 65536. */
static void nsvt_answer_of(const nsvt_session *s, int32_t *answer) {
    const nsvt_model *m = s->model;
    const nsvt_heads *a = &m->head;
    int16_t *x = NSVT_PART(s, int16_t, act), *y = x + a->widest, *z = y + a->widest;
    int32_t *charges = NSVT_PART(s, int32_t, charges), *presence = answer + 2 * a->classes;
    int32_t *position = presence + 2 * NSVT_PRESENCES, wrong[NSVT_CORRECTION], layer, i, told, at;
    nsvt_course course;
    const nsvt_dense *last = a->dense + a->layers - 1;
    nsvt_charges(s, *NSVT_PART(s, uint32_t, clock), charges);
    memset(x, 0, 3 * sizeof(int16_t) * (size_t)a->widest);
    told = nsvt_features(m, charges, x);
    for (i = 0; i < a->tracks; ++i) nsvt_told(s, i, x + told + 8 * i);
    if (a->tracks) course = nsvt_choose(s, x, z, x + told + 8 * a->tracks);
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
    if (!a->tracks) return;
    for (i = 0; i < NSVT_CORRECTION; ++i) wrong[i] = a->corrects ? nsvt_dense_sum(last, y, at++) : 0;
    for (i = 0; i < 2; ++i)
        position[i] = nsvt_within((course.position[i] + nsvt_correction(&course, wrong, i)) >> (NSVT_LONG - 16), INT32_MAX);
}
