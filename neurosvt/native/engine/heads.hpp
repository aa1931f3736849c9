// What is read from the charge: nn/heads.py. A file of its own is compiled from this, in which a
// multiplication and an addition may be one, for its numbers decide nothing about spikes.

#pragma once

#include "model.hpp"

namespace ENGINE_TARGET {

// Class scores, probabilities, x and y, scores of presence, into `answer`; into `found`, of every
// dense layer: inputs that are not all 0 or 1 and their non-zeros, those that are and their ones. `scratch` holds three times the widest layer, in whole tiles.
void read_heads(const engine::Heads& a, Count channels, const float* charge, float* answer,
                Count* found, float* scratch);

}  // namespace ENGINE_TARGET
