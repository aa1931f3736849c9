/* Lines through the centres of what the tokens vote for: nn/tracks.py and ops/tracks.py. */

static int64_t nsvt_long(int64_t a, int64_t b) { return (a * b + (1 << (NSVT_LONG - 1))) >> NSVT_LONG; }
static int64_t nsvt_ratio(int64_t a, int64_t b) { return a * (1 << NSVT_LONG) / b; }

#define NSVT_LONG_ONE (1 << NSVT_LONG)
#define NSVT_FAINTEST 1049 /* a thousandth, added to a strength, which is divided by */
#define NSVT_LONGEST ((int64_t)90 << NSVT_LONG) /* an age whose square has room */
#define NSVT_MOST_LONG 2147483647

/* Time since a track was written to; what nothing was ever written to has none. */
static int64_t nsvt_age(const nsvt_session *s, int32_t which) {
    const uint32_t since = *NSVT_PART(s, uint32_t, clock) - NSVT_PART(s, uint32_t, track_written)[which];
    const int64_t age = (int64_t)since * s->model->memory.tracks.step;
    if (NSVT_PART(s, int32_t, tracks)[which * NSVT_TRACK] == 0) return 0;
    return age > NSVT_LONGEST ? NSVT_LONGEST : age;
}

/* A write: the gains of recursive least squares on a line, as ops/tracks.py has them. */
static void nsvt_write_track(const nsvt_session *s, int32_t which, const int64_t *place, int64_t weight, int begins) {
    const nsvt_tracks *a = &s->model->memory.tracks;
    int32_t *track = NSVT_PART(s, int32_t, tracks) + which * NSVT_TRACK, axis;
    const int64_t kept = begins ? 0 : 1, age = nsvt_age(s, which);
    const int64_t strength = nsvt_long(NSVT_LONG_ONE - a->forget[which], kept * track[0]) + weight + NSVT_FAINTEST;
    const int64_t share = nsvt_ratio(weight, strength), rest = NSVT_LONG_ONE - share;
    int64_t reach = kept * (track[1] + age), mean, spread, of_place, of_velocity;
    reach = reach > NSVT_LONGEST ? NSVT_LONGEST : reach;
    mean = nsvt_long(rest, reach);
    spread = nsvt_long(rest, kept * track[2] + nsvt_long(share, nsvt_long(reach, reach)));
    of_velocity = nsvt_ratio(nsvt_long(share, mean), spread + a->ridge[which]);
    of_place = share + nsvt_long(of_velocity, mean);
    for (axis = 0; axis < 2; ++axis) {
        const int64_t ahead = track[3 + axis] + nsvt_long(track[5 + axis], age), miss = place[axis] - ahead;
        track[3 + axis] = nsvt_within(ahead + nsvt_long(of_place, miss), NSVT_MOST_LONG);
        track[5 + axis] = nsvt_within(kept * track[5 + axis] + nsvt_long(of_velocity, miss), NSVT_MOST_LONG);
    }
    track[0] = nsvt_within(strength, NSVT_MOST_LONG);
    track[1] = nsvt_within(mean, NSVT_MOST_LONG);
    track[2] = nsvt_within(spread, NSVT_MOST_LONG);
    NSVT_PART(s, uint32_t, track_written)[which] = *NSVT_PART(s, uint32_t, clock);
}

/* What one token says, to the votes: their number, and sums of x and of y, of every track. */
static void nsvt_vote(const nsvt_session *s, const int32_t *own, int32_t token, const int32_t *told, int64_t *votes) {
    const nsvt_model *m = s->model;
    const nsvt_tracks *a = &m->memory.tracks;
    const int32_t at[2] = {token % m->across, token / m->across};
    int32_t j, axis;
    for (j = 0; j < a->count; ++j) {
        int64_t say = NSVT_ONE / 2 + ((told[j] + a->bias[j]) >> 2);
        say = say < 0 ? 0 : say > NSVT_ONE ? NSVT_ONE : say;
        votes[3 * j] += say * own[0];
        for (axis = 0; axis < 2; ++axis) {
            const int64_t from = told[a->count + 2 * j + axis] + (2 * at[axis] + 1 - m->across) * (NSVT_ONE / 2);
            votes[3 * j + 1 + axis] += say * own[0] * from + say * own[1 + axis] * NSVT_ONE / (2 * m->patch);
        }
    }
}

/* A step in which something was said: `wants` of each write gate, `anew` of each track. */
static void nsvt_follow(const nsvt_rows *r, const int32_t *wants, const int32_t *anew) {
    const nsvt_session *s = r->s;
    const nsvt_model *m = s->model;
    const nsvt_tracks *a = &m->memory.tracks;
    const int32_t *own = NSVT_PART(s, int32_t, own);
    int32_t *told = NSVT_PART(s, int32_t, told), row, tile, j;
    int64_t *votes = NSVT_PART(s, int64_t, votes), place[2];
    memset(votes, 0, 3 * sizeof(int64_t) * (size_t)a->count);
    for (row = 0; row < r->rows; ++row) {
        for (tile = 0; tile < a->vote.outputs; tile += NSVT_TILE) {
            nsvt_sum(a->vote.weights + tile * a->vote.inputs, r->first.list + row * m->room,
                     r->first.length[row], told + tile);
            nsvt_scale(told + tile, a->vote.scale + tile, a->vote.shift);
        }
        nsvt_vote(s, own + 3 * r->token[row], r->token[row], told, votes);
    }
    for (j = 0; j < a->count; ++j) {
        const int64_t many = votes[3 * j], weight = many * a->scale[j] >> NSVT_POINT;
        if (wants[j] < 0 || weight <= 0) continue;
        place[0] = votes[3 * j + 1] * (1 << (NSVT_LONG - NSVT_POINT)) / (many * m->across);
        place[1] = votes[3 * j + 2] * (1 << (NSVT_LONG - NSVT_POINT)) / (many * m->across);
        nsvt_write_track(s, j, place, weight, anew[j] >= 2 * NSVT_ONE);
    }
}
