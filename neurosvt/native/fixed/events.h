/* Events to the windows that they fall into. Bits of a pixel in `fired`: the polarities that fired, those
 * that were counted, those that are kept. */

#define NSVT_COUNTED 2
#define NSVT_KEPT 4

static uint8_t *nsvt_pixel(const nsvt_session *s, const nsvt_event *event) {
    return NSVT_PART(s, uint8_t, fired) + (event->y + 1) * (s->model->side + 2) + event->x + 1;
}

static int nsvt_lonely(const nsvt_model *m, const uint8_t *here) {
    const uint8_t *above = here - (m->side + 2), *below = here + (m->side + 2);
    const int near = ((above[-1] & 3) != 0) + ((above[0] & 3) != 0) + ((above[1] & 3) != 0) +
                     ((here[-1] & 3) != 0) + ((here[1] & 3) != 0) + ((below[-1] & 3) != 0) +
                     ((below[0] & 3) != 0) + ((below[1] & 3) != 0);
    return near < m->company;
}

static void nsvt_count_windows(const nsvt_session *s, const nsvt_event *event) {
    const nsvt_model *m = s->model;
    int32_t *counts = NSVT_PART(s, int32_t, counts), wy, wx;
    int32_t *own = NSVT_PART(s, int32_t, own) + 3 * (event->y / m->patch * m->across + event->x / m->patch);
    for (wy = m->first[event->y]; wy <= m->last[event->y]; ++wy)
        for (wx = m->first[event->x]; wx <= m->last[event->x]; ++wx) counts[wy * m->across + wx] += 1;
    own[0] += 1; /* in the middle of a pixel, from the middle of its patch, in half pixels */
    own[1] += 2 * (event->x % m->patch) + 1 - m->patch;
    own[2] += 2 * (event->y % m->patch) + 1 - m->patch;
}

/* The windows with enough events into `active`, in reading order; how many. */
static int32_t nsvt_see(const nsvt_session *s, const nsvt_event *events, int32_t count) {
    const nsvt_model *m = s->model;
    int32_t *counts = NSVT_PART(s, int32_t, counts), *active = NSVT_PART(s, int32_t, active), n, found = 0;
    memset(counts, 0, sizeof(int32_t) * (size_t)m->patches);
    memset(NSVT_PART(s, int32_t, own), 0, 3 * sizeof(int32_t) * (size_t)m->patches);
    for (n = 0; n < count; ++n) *nsvt_pixel(s, events + n) |= (uint8_t)(events[n].on ? 2 : 1);
    for (n = 0; n < count; ++n) {
        uint8_t *pixel = nsvt_pixel(s, events + n);
        const int bit = events[n].on ? 2 : 1;
        if (*pixel & bit << NSVT_COUNTED) continue;
        *pixel |= (uint8_t)(bit << NSVT_COUNTED);
        if (m->company && nsvt_lonely(m, pixel)) continue;
        *pixel |= (uint8_t)(bit << NSVT_KEPT);
        nsvt_count_windows(s, events + n);
    }
    for (n = 0; n < m->patches; ++n) {
        const int32_t enough = counts[n] >= m->least && counts[n] > 0;
        counts[n] = enough ? found : -1; /* from here on: which of the active it is */
        active[found] = n;
        found += enough;
    }
    return found;
}

/* Weights of the events that are kept, added up for every active window; forgets the events. */
static void nsvt_embed(const nsvt_session *s, const nsvt_event *events, int32_t count, int32_t rows) {
    const nsvt_model *m = s->model;
    const int32_t *slot = NSVT_PART(s, int32_t, counts), border = (m->kernel - m->patch) / 2;
    int32_t *sums = NSVT_PART(s, int32_t, sums), n, wy, wx, tile, i;
    memset(sums, 0, sizeof(int32_t) * (size_t)(rows * m->wide));
    for (n = 0; n < count; ++n) {
        uint8_t *pixel = nsvt_pixel(s, events + n);
        const int polarity = events[n].on != 0, bit = 1 << polarity << NSVT_KEPT, y = events[n].y, x = events[n].x;
        if (!(*pixel & bit)) continue;
        *pixel &= (uint8_t)~bit;
        for (wy = m->first[y]; wy <= m->last[y]; ++wy)
            for (wx = m->first[x]; wx <= m->last[x]; ++wx) {
                const int32_t row = slot[wy * m->across + wx];
                const int32_t input = (polarity * m->kernel + y + border - wy * m->patch) * m->kernel + x +
                                      border - wx * m->patch;
                if (row < 0) continue;
                for (tile = 0; tile < m->wide; tile += NSVT_TILE) {
                    const nsvt_number *weights = m->embed.weights + (tile * m->embed.inputs + input * NSVT_TILE);
                    int32_t *to = sums + row * m->wide + tile;
                    for (i = 0; i < NSVT_TILE; ++i) to[i] += weights[i];
                }
            }
    }
    for (n = 0; n < count; ++n) *nsvt_pixel(s, events + n) = 0;
}
