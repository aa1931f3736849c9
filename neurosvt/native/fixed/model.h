/* What is run: plain data, laid out by neurosvt/engine/fixed_layout.py, which has the same structures.
 * A threshold is NSVT_ONE in all that is no state; a state has as many bits as the model says. */

#define NSVT_POINT 14 /* bits behind the point of currents, scores and probabilities */
#define NSVT_ONE (1 << NSVT_POINT)
#define NSVT_TILE 64 /* outputs that are computed together */
#define NSVT_ACTIVE 9 /* bits behind the point of what a dense layer reads */
#define NSVT_ACTIVE_ONE (1 << NSVT_ACTIVE)
#define NSVT_MOST_ACTIVE 16383 /* and the largest such number: 32 */
#define NSVT_LONG 20 /* bits behind the point of the numbers of tracks */
#define NSVT_TRACK 7 /* strength, mean age, spread, x, y, their velocities */
#define NSVT_PRESENCES 5 /* kinds of presence */
#define NSVT_CORRECTION 6 /* numbers that correct a position */

/* Of a pointer that alone leads to what it leads to: loops over it become vector code. */
#ifdef __cplusplus
#define NSVT_ALONE __restrict
#else
#define NSVT_ALONE restrict
#endif

#if NSVT_BITS == 8
typedef int8_t nsvt_number; /* of weights and of the state */
typedef int16_t nsvt_partial; /* holds the sum of NSVT_RUN of them */
#define NSVT_RUN 256
#else
typedef int16_t nsvt_number;
typedef int32_t nsvt_partial;
#define NSVT_RUN 65536
#endif

/* A projection of spikes: output o is sum * scale[o] >> shift. */
typedef struct {
    int32_t inputs, outputs, shift;
    const nsvt_number *weights; /* [tile][input][NSVT_TILE] */
    const int32_t *scale;
} nsvt_product;

/* A layer of the heads. */
typedef struct {
    int32_t inputs, outputs, shift; /* inputs in whole sixteens */
    const nsvt_number *weights; /* [output][input] */
    const int32_t *scale, *bias;
} nsvt_dense;

typedef struct {
    nsvt_product qkv, out, expand, contract;
    int32_t mixed_shift;
    const int32_t *mixed_scale; /* of the attention's counts */
} nsvt_block;

/* Lines that events vote for; the numbers of each have 32 bits. */
typedef struct {
    int32_t count, step; /* units of time that a step lasts */
    nsvt_product vote;
    const int32_t *bias, *scale, *forget, *ridge;
} nsvt_tracks;

typedef struct {
    int32_t channels, gates, groups, empties;
    nsvt_product read; /* of one position; others follow at `stride` weights */
    int32_t stride, looks;
    const uint32_t *leak; /* halvings of a channel in a step, of 65536, << leak_shift */
    const uint8_t *leak_shift;
    const int32_t *forget; /* share that a write takes away, of 65536 */
    nsvt_dense look;
    nsvt_tracks tracks;
} nsvt_memory;

typedef struct {
    int32_t channels, tracks, classes, strengths, by_group, width, choice, kinds, corrects, layers, widest;
    const nsvt_dense *dense; /* as in native/engine/model.hpp */
} nsvt_heads;

/* Functions at steps of a 256th of their range, and at its end. */
typedef struct {
    const int32_t *half; /* 2^-x of 65536, x in [0, 1] */
    const int32_t *log2; /* of 1 + x, x in [0, 1]; 65536 is 1 */
    const int32_t *gelu; /* of [-4, 4] */
    const int32_t *sigmoid; /* of [-8, 8]; 65536 is 1 */
} nsvt_tables;

/* Where the parts of a state begin, in bytes. Those from `counts` on need not outlive a step. */
typedef struct {
    int32_t clock, patch_touched, token_touched, membranes, charge, exponent, written, tracks, track_written;
    int32_t fired, counts, own, active, keep, token, x, sums, first, firsts, second, seconds, square;
    int32_t values, said, charges, wants, act, told, votes, bytes;
} nsvt_parts;

typedef struct {
    int32_t side, patch, kernel, across, patches, least, company, width, wide, hidden, depth, heads, stride;
    int32_t state_bits, room; /* bits of a state; indices that a row of spikes has room for */
    nsvt_product embed, positions; /* positions: as inputs */
    const nsvt_block *blocks;
    const uint8_t *first, *last; /* windows along an axis that see a pixel */
    int32_t keeps;
    const uint16_t *keep; /* share of 65536 that a membrane has left after so many steps */
    nsvt_memory memory;
    nsvt_heads head;
    nsvt_tables tables;
    nsvt_parts at;
} nsvt_model;

#ifndef NSVT_EVENT
#define NSVT_EVENT
/* One event of a camera. */
typedef struct {
    uint16_t x, y;
    uint8_t on; /* brighter: not 0 */
} nsvt_event;
#endif

/* A model and a state of it. */
typedef struct {
    const nsvt_model *model;
    char *bytes;
} nsvt_session;

#define NSVT_PART(s, type, name) ((type *)(void *)((s)->bytes + (s)->model->at.name))
