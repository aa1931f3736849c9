// A deployed DySViT (models/dysvit.py), laid out by neurosvt/engine/layout.py, which has the same
// structures.

#pragma once

#include "model.hpp"

namespace engine {

// Neurons that run for one step from rest, behind a norm: a channel fires where factor x + offset
// reaches 1 (ops/batchnorm_spike.py). Channels that fill a tile up never do.
struct Fire {
    const float *factor, *offset;
};

struct ImageBlock {
    Fire fire_attention, fire_qkv, fire_mixed, fire_in, fire_hidden;
    Product qkv, out, expand, contract;
};

struct ImageModel {
    Count side, patch, width, hidden, depth, heads, classes;
    float residual_scale;
    const float* embed;             // [tile][colour, y, x][64]
    const float* positions;         // (tokens, padded width), with the embedding's bias
    const ImageBlock* blocks;
    const std::uint64_t* head_masks;  // (heads, words): channels of each head
    Fire fire;
    const float *head, *bias;  // (classes, padded width) and (classes)
};

constexpr Count IMAGE_LAYERS = 5;  // of a block, whose spikes are counted; the last layer follows

}  // namespace engine
