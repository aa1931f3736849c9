// One step of the leaky memory behind write gates: neurosvt/ops/memory.py.

#pragma once

#include "kernel.hpp"

#include "cuda/gate.cuh"

inline float strength_inverse(const float* v, Count channels) {
    float power = 0;
    for (Count m = 0; m < channels; ++m) power += v[m] * v[m];
    return 1.0f / std::sqrt(power / float(channels) + LEAST_POWER);
}

// A step in which nothing is said: charge leaks. `noise` may be null.
INLINE void leak(const float* before, const float* decay, const float* noise, Count channels,
                 float* charge) {
    for (Count m = 0; m < channels; ++m)
        charge[m] = before[m] * decay[m] + (noise ? noise[m] : 0.0f);
}

// A step in which something is: `wants` takes what each gate wants. `look`, `forget` and `noise` may
// be null.
INLINE void write_charge(const float* before, const float* drive, const float* gate,
                         const float* write, const float* noise, const float* decay,
                         const float* look, const float* forget, Count channels, Count groups,
                         float* wants, float* charge) {
    const Count width = channels / groups;
    for (Count g = 0; g < groups; ++g) wants[g] = write[g] + 1;
    if (look) {
        const float inverse = strength_inverse(before, channels);
        for (Count m = 0; m < channels; ++m) {
            const float known = before[m] * inverse;
            for (Count g = 0; g < groups; ++g) wants[g] += known * look[m * groups + g];
        }
    }
    for (Count g = 0; g < groups; ++g) {
        const float open = wants[g] >= 0 ? 1.0f : 0.0f;
        for (Count m = g * width; m < (g + 1) * width; ++m) {
            const float kept = before[m] * (decay[m] * (1 - open * freed(forget, gate, m)));
            charge[m] = kept + open * drive[m] + (noise ? noise[m] : 0.0f);
        }
    }
}
