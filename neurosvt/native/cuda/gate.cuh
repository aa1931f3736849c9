// What write gates of the leaky memory do, on processors and GPUs: neurosvt/ops/memory.py.

#pragma once

constexpr float LEAST_POWER = 1e-6f;  // of a charge whose strength is asked for

// The share of a channel's charge that a write takes away; `forget` may be null.
INLINE float freed(const float* forget, const float* gate, Count m) {
    return forget ? forget[m] + (1 - forget[m]) * gate[m] : gate[m];
}

// The arctan's derivative at its own slope, as ops/surrogate.py has it, of what a gate wanted.
INLINE float steepness(float wants) {
    const float away = 3.14159265358979f * wants;
    return 1 + away * away;
}
