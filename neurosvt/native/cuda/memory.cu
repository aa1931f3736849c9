// The leaky memory: charge that leaks, is emptied by gates and is driven. neurosvt/ops/memory.py.
//
// A thread has one channel of one sample through all steps.

#include "device.cuh"

__global__ void memory_forward(const float* drive, const float* gate, const float* v,
                               const float* decay, Count steps, Count samples, Count channels,
                               float* charge) {
    const Count own = thread(), size = samples * channels;
    if (own >= size) return;
    const float leak = decay[own % channels];
    float now = v[own];
    for (Count at = own; at < steps * size; at += size) {
        // Multiply, then add, in the order of the definition.
        now = now * (leak * (1 - gate[at])) + drive[at];
        charge[at] = now;
    }
}

// Of the gradient of the decay, every sample has a part.
__global__ void memory_backward(const float* grad, const float* charge, const float* gate,
                                const float* v, const float* decay, Count steps, Count samples,
                                Count channels, float* on_drive, float* on_gate, float* on_v,
                                float* on_decay) {
    const Count own = thread(), size = samples * channels;
    if (own >= size) return;
    const float leak = decay[own % channels];
    float carry = 0, of_decay = 0;
    for (Count at = own + (steps - 1) * size; at >= 0; at -= size) {
        const float before = at >= size ? charge[at - size] : v[own];
        const float g = grad[at] + carry, on_keep = g * before;
        on_drive[at] = g;
        on_gate[at] = -leak * on_keep;
        of_decay += on_keep * (1 - gate[at]);
        carry = g * (leak * (1 - gate[at]));
    }
    on_v[own] = carry;
    on_decay[own] = of_decay;
}
