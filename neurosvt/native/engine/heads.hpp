// What is read from the charge: nn/heads.py, nn/track_heads.py. A file of its own is compiled from
// this, in which a multiplication and an addition may be one, for its numbers decide nothing about
// spikes.

#pragma once

#include <algorithm>

#include "../tracks.hpp"
#include "model.hpp"
#include "vector.hpp"

namespace ENGINE_TARGET {

// Numbers of their widest layer, in whole tiles.
inline Count widest(const engine::Heads& a) {
    const Count told = (TRACK + 2 * a.kinds) * a.tracks;
    const Count most = std::max({a.width, a.choice, a.channels + a.strengths + told});
    return (most + TILE - 1) / TILE * TILE;
}

// Class scores, probabilities, x and y, scores of presence, into `answer`; into `found`, of every
// dense layer: inputs that are not all 0 or 1 and their non-zeros, those that are and their ones.
// `scratch` holds three times the widest layer.
void read_heads(const engine::Heads& a, const float* charge, float* answer, Count* found,
                float* scratch);

}  // namespace ENGINE_TARGET
