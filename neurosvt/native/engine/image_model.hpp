// A DySViT as the engine runs it: plain data, laid out by neurosvt/engine/layout.py.

#pragma once

#include "model.hpp"

namespace engine {

// A layer fires where x * factor + offset reaches 1: factors of all channels, then offsets, each in
// whole tiles.
struct ImageBlock {
    Product qkv, out, expand, contract;  // q, k and v in whole tiles each
    // Neurons.
    const float *fire_attention, *fire_qkv, *fire_mixed, *fire_in, *fire_hidden;
};

struct ImageModel {
    Count side, patch, width, hidden, depth, heads;
    const float* embed;      // [tile][colour, y, x][64]
    const float* positions;  // (tokens, padded width), the embedding's bias among them
    const ImageBlock* blocks;
    const float* last;                // neurons before the mean
    const std::uint64_t* head_masks;  // (heads, words): channels of each head
    float residual;                   // what a branch is multiplied by
    Count layers;                     // rows of an image's counts
};

// (images, 3, side, side) to (images, width): the share of an image's tokens that fired. `counts`:
// (images, layers, COLUMNS), or null.
struct Pictures {
    const float* pixels;
    float* features;
    Count* counts;
};

}  // namespace engine
