// What is kept of a frame's spikes: nn/leaky_memory.py, nn/short_memories.py.

#pragma once

#include "../gated.hpp"
#include "neuron.hpp"

namespace ENGINE_TARGET {

INLINE void draw(Noise* noise, float spread, Count channels, float* to) {
    for (Count m = 0; m < channels; m += 8) store_as(to + m, spread * noise->next());
}

// `said` is what the frame says, in whole tiles; null for one that says nothing. `scratch` holds three
// times as many numbers as there are channels, and the gates. What each write gate wants, in `scratch`;
// null where nothing was asked of them.
INLINE const float* remember(const engine::Memory& a, const float* said, Noise* noise, float spread,
                     float* charge, float* scratch) {
    const Count M = a.channels;
    if (a.kind != engine::Memory::leaky) {
        for (Count m = 0; m < M; ++m) charge[m] = said ? said[m] : 0.0f;
        return nullptr;
    }
    const float* disturbance = nullptr;
    if (noise) {
        draw(noise, spread, M, scratch);
        disturbance = scratch;
    }
    if (!said) {
        leak(charge, a.decay, disturbance, M, charge);
        return nullptr;
    }
    // Where there are no write gates one is open; where there are none that empty, none does.
    constexpr float OPEN = 0;
    float *gate = scratch + M + 8, *wants = gate + M;
    for (Count m = 0; m < M; ++m) gate[m] = a.empties && said[M + m] - 1 >= 0 ? 1.0f : 0.0f;
    const float* write = a.gates ? said + (a.empties ? 2 : 1) * M : &OPEN;
    write_charge(charge, said, gate, write, disturbance, a.decay, a.look, a.forget, M, a.gates ? a.gates : 1,
                 wants, charge);
    return wants;
}

}  // namespace ENGINE_TARGET
