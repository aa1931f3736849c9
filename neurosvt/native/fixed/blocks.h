/* From the sums of the windows to the spikes of the last layer. */

/* The rows that a step works on; `home` is where the next layer's membranes lie among a token's. */
typedef struct {
    const nsvt_session *s;
    int32_t rows, home;
    const int32_t *token, *keep;
    int32_t *x; /* (rows, wide) */
    nsvt_spikes first, second;
} nsvt_rows;

static nsvt_number *nsvt_membranes(const nsvt_rows *r, int32_t row) {
    return NSVT_PART(r->s, nsvt_number, membranes) + r->token[row] * r->s->model->stride + r->home;
}

/* Neurons that are driven by currents of their own, (rows, wide), times `scale` if there is one. */
static void nsvt_fire_all(nsvt_rows *r, const int32_t *currents, const int32_t *scale, int32_t shift) {
    const nsvt_model *m = r->s->model;
    int32_t row, tile, current[NSVT_TILE];
    for (row = 0; row < r->rows; ++row) {
        int32_t length = 0;
        uint16_t *list = r->first.list + row * m->room;
        for (tile = 0; tile < m->wide; tile += NSVT_TILE) {
            memcpy(current, currents + row * m->wide + tile, sizeof current);
            if (scale) nsvt_scale(current, scale + tile, shift);
            length = nsvt_fire(m, current, nsvt_membranes(r, row) + tile, r->keep[row], tile, list, length);
        }
        r->first.length[row] = length;
    }
    r->home += m->wide;
}

/* Neurons behind a product of the first spikes, into the second. */
static void nsvt_fire_product(nsvt_rows *r, const nsvt_product *a) {
    const nsvt_model *m = r->s->model;
    int32_t row, tile, sums[NSVT_TILE];
    nsvt_clear(r->second, r->rows);
    for (tile = 0; tile < a->outputs; tile += NSVT_TILE)
        for (row = 0; row < r->rows; ++row) {
            nsvt_sum(a->weights + tile * a->inputs, r->first.list + row * m->room, r->first.length[row], sums);
            nsvt_scale(sums, a->scale + tile, a->shift);
            r->second.length[row] = nsvt_fire(m, sums, nsvt_membranes(r, row) + tile, r->keep[row], tile,
                                              r->second.list + row * m->room, r->second.length[row]);
        }
    r->home += a->outputs;
}

/* Adds a product of spikes to the currents. */
static void nsvt_add_product(nsvt_rows *r, nsvt_spikes spikes, const nsvt_product *a) {
    const nsvt_model *m = r->s->model;
    int32_t row, tile, i, sums[NSVT_TILE];
    for (tile = 0; tile < a->outputs; tile += NSVT_TILE)
        for (row = 0; row < r->rows; ++row) {
            int32_t *x = r->x + row * m->wide + tile;
            nsvt_sum(a->weights + tile * a->inputs, spikes.list + row * m->room, spikes.length[row], sums);
            nsvt_scale(sums, a->scale + tile, a->shift);
            for (i = 0; i < NSVT_TILE; ++i) x[i] += sums[i];
        }
}

static void nsvt_add(int32_t *NSVT_ALONE to, const int32_t *NSVT_ALONE from, int32_t count) {
    int32_t i;
    for (i = 0; i < count; ++i) to[i] += from[i];
}

/* Attention between the spikes of a frame: for every head q (k^T v), in counts. */
static void nsvt_mix(const nsvt_rows *r, int32_t *out) {
    const nsvt_model *m = r->s->model;
    const int32_t each = m->width / m->heads, wide = m->wide;
    int32_t *square = NSVT_PART(r->s, int32_t, square), *values = NSVT_PART(r->s, int32_t, values), row, n, v, head;
    memset(square, 0, sizeof(int32_t) * (size_t)(m->width * each));
    memset(out, 0, sizeof(int32_t) * (size_t)(r->rows * wide));
    for (row = 0; row < r->rows; ++row) {
        const uint16_t *list = r->second.list + row * m->room;
        const int32_t length = r->second.length[row];
        for (v = length; v > 0 && list[v - 1] >= 2 * wide;) --v;
        if (v == length) continue;
        memset(values, 0, sizeof(int32_t) * (size_t)wide);
        for (n = v; n < length; ++n) values[list[n] - 2 * wide] = 1;
        for (n = v, head = m->width - each; n > 0 && list[n - 1] >= wide; --n) {
            const int32_t key = list[n - 1] - wide;
            while (key < head) head -= each;
            nsvt_add(square + key * each, values + head, each);
        }
    }
    for (row = 0; row < r->rows; ++row) {
        const uint16_t *list = r->second.list + row * m->room;
        for (n = 0, head = 0; n < r->second.length[row] && list[n] < wide; ++n) {
            while (list[n] >= head + each) head += each;
            nsvt_add(out + row * wide + head, square + list[n] * each, each);
        }
    }
}

static void nsvt_block_step(nsvt_rows *r, const nsvt_block *b) {
    int32_t *sums = NSVT_PART(r->s, int32_t, sums);
    nsvt_fire_all(r, r->x, NULL, 0);
    nsvt_fire_product(r, &b->qkv);
    nsvt_mix(r, sums);
    nsvt_fire_all(r, sums, b->mixed_scale, b->mixed_shift);
    nsvt_add_product(r, r->first, &b->out);
    nsvt_fire_all(r, r->x, NULL, 0);
    nsvt_fire_product(r, &b->expand);
    nsvt_add_product(r, r->second, &b->contract);
}

/* Current into the blocks, of the patches that fired; how many. */
static int32_t nsvt_enter(const nsvt_rows *seen, int32_t *token, int32_t *keep, int32_t *x) {
    const nsvt_model *m = seen->s->model;
    const int32_t half = nsvt_half_of(m->positions.shift);
    int32_t row, i, entered = 0;
    for (row = 0; row < seen->rows; ++row) {
        const int32_t length = seen->first.length[row], patch = seen->token[row];
        const nsvt_number *position = m->positions.weights + patch * m->wide;
        int32_t *to = x + entered * m->wide;
        if (!length) continue;
        for (i = 0; i < m->wide; ++i)
            to[i] = (position[i] * m->positions.scale[i] + half) >> m->positions.shift;
        for (i = 0; i < length; ++i) to[seen->first.list[row * m->room + i]] += NSVT_ONE;
        token[entered] = patch;
        keep[entered] = nsvt_touch(seen->s, NSVT_PART(seen->s, uint32_t, token_touched) + patch);
        ++entered;
    }
    return entered;
}

/* A frame with events: the rows that fired, and in `first` the spikes of their last layer. */
static nsvt_rows nsvt_spatial(const nsvt_session *s, const nsvt_event *events, int32_t count) {
    const nsvt_model *m = s->model;
    int32_t *sums = NSVT_PART(s, int32_t, sums), *keep = NSVT_PART(s, int32_t, keep), row, b;
    int32_t *active = NSVT_PART(s, int32_t, active), *token = NSVT_PART(s, int32_t, token);
    nsvt_rows r;
    r.s = s;
    r.first.list = NSVT_PART(s, uint16_t, first);
    r.first.length = NSVT_PART(s, int32_t, firsts);
    r.second.list = NSVT_PART(s, uint16_t, second);
    r.second.length = NSVT_PART(s, int32_t, seconds);
    r.x = NSVT_PART(s, int32_t, x);
    r.home = 0;
    r.token = active;
    r.keep = keep;
    r.rows = nsvt_see(s, events, count);
    nsvt_embed(s, events, count, r.rows);
    for (row = 0; row < r.rows; ++row)
        keep[row] = nsvt_touch(s, NSVT_PART(s, uint32_t, patch_touched) + active[row]);
    nsvt_fire_all(&r, sums, m->embed.scale, m->embed.shift);
    r.rows = nsvt_enter(&r, token, keep, r.x);
    r.token = token;
    if (!r.rows) return r;
    for (b = 0; b < m->depth; ++b) nsvt_block_step(&r, m->blocks + b);
    nsvt_fire_all(&r, r.x, NULL, 0);
    return r;
}
