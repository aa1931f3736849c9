/* One time step of a NeuroSVT: models/neurosvt.py. */

/* A state that has seen nothing. */
static void nsvt_begin(const nsvt_session *s) {
    memset(s->bytes, 0, (size_t)s->model->at.bytes);
    NSVT_PART(s, uint32_t, clock)[1] = 2463534242u; /* any but 0 */
}

/* Lets one step pass, on the events that fell within it; its answer where one is asked for, else NULL.
 * -1 if an event lies off the sensor: nothing has happened then. A silent step that is not asked only
 * counts. */
static int nsvt_pass(const nsvt_session *s, const nsvt_event *events, int32_t count, int32_t *answer) {
    const int32_t side = s->model->side;
    int32_t n;
    for (n = 0; n < count; ++n)
        if (events[n].x >= side || events[n].y >= side) return -1;
    ++*NSVT_PART(s, uint32_t, clock);
    if (count > 0) {
        const nsvt_rows rows = nsvt_spatial(s, events, count);
        if (rows.rows) nsvt_remember(&rows);
    }
    if (answer) nsvt_answer_of(s, answer);
    return 0;
}
