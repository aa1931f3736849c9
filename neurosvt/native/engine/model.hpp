// What the engine runs, and what a run leaves behind: plain data, laid out by neurosvt/engine/layout.py,
// which has the same structures.

#pragma once

#include "../kernel.hpp"

namespace engine {

// A projection of spikes. Weights lie in tiles of 64 outputs, [tile][input][64], inputs in the order
// of bits (vector.hpp) where they are spikes, and in their own where they are pixels.
struct Product {
    enum Kind : Count { int16, int8, float32 };
    Count kind, inputs, outputs;
    const void* weights;
    const float* scale;  // of every output: what a whole number stands for; 1 for floats
    const std::int32_t* run;  // of every tile: rows that a sum of 16 bits holds
};

struct Block {
    Product qkv, out, expand, contract;
    const float* mixed_scale;  // of the attention's counts
};

// Lines that the events of the tokens vote for (nn/tracks.py); their numbers lie behind the charge.
struct Tracks {
    Count count;
    Product vote;  // of spikes: says, then x and y of what each is moved by, track by track
    const float *bias, *scale, *forget, *ridge;  // of every track
    const float* thresholds;                     // of every number of a track but its age
    float step, begins_at;  // units of time in a step; what has to be said for one to begin anew
};

// The leaky memory (ops/memory.py), the charge of one frame, or the spikes of a token of its own.
struct Memory {
    enum Kind : Count { leaky, none, token };
    Count kind, channels, gates, empties;
    Product read;  // of one position; others follow at `stride` bytes of weights
    Count stride;
    const std::int32_t* runs;  // (positions, tiles)
    const float *decay, *look, *forget;  // look: (channels, gates); null, as forget may be
    const float* token_current;
    Tracks tracks;
};

// Dense layers, [tile][input][64]. Halves are floats of 16 bits, all of them finite.
struct Dense {
    enum Kind : Count { float32, float16, int8 };
    Kind kind;
    Count inputs, outputs;
    const void* weights;
    const float *scale, *bias;  // of every output
};

struct Heads {
    Count channels, tracks;  // that they read; of tracks they choose a position among theirs
    Count classes, strengths, by_group, width, choice, kinds, corrects, layers;
    const Dense* dense;  // hidden, those that add to it, answer; behind these `layers` the two that choose
};

struct Model {
    Count across, down, patch, kernel, least, company;  // the first two: pixels of the sensor
    Count width, hidden, depth, heads, tokens, patches;
    Count stride;  // numbers of a token's membranes: all layers, each in whole tiles
    Product embed;
    const float* positions;  // (patches, padded width)
    const Block* blocks;
    const std::uint64_t* head_masks;  // (heads, words): channels of each head
    const float *keep, *keep_token;  // share that a membrane has left after so many steps
    Count keeps;                     // how many steps these tables know; later nothing is left
    const float *spread, *spread_token;  // noise that has gathered by then, for noise of 1 a step
    Memory memory;
    Heads head;
    Count layers;  // rows of `Session::counts`
};

// The events of one step: records as cameras and files give them (neurosvt/events/recording.py), or
// one frame, a byte for every polarity, y and x.
struct Events {
    enum Kind : int { records, frame };
    const void* data;
    Count count;
    Kind kind;
};

constexpr Count COLUMNS = 5;    // of a layer's counts
constexpr Count PRESENCES = 5;  // kinds of it: neurosvt/presence.py

struct Session {
    const Model* model;
    float* membranes;  // (tokens, stride)
    Count *patch_touched, *token_touched;  // step of the last touch of each
    float* charge;  // what the heads read: channels, then tracks
    Count clock;
    float* answer;         // class scores, probabilities, x, y, scores of presence
    Count* counts;         // (layers, COLUMNS), added to
    std::uint64_t* spikes;  // (tokens, words) of the last layer, or null
    float noise;
    std::uint32_t seed;
    std::uint64_t drawn;
};

}  // namespace engine
