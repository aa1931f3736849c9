// The leaky memory: charge that leaks, is emptied by gates and is driven. neurosvt/ops/memory.py.

#include "kernel.hpp"

namespace {

constexpr Count WIDE = 256;  // channels that are worth a thread: narrower strips of memory are slower

// Every charge is a channel of a sample; parts are of these, so that no two meet.
struct Memory {
    const float *drive, *gate, *v, *decay;
    Count steps, samples, channels;
    float* charge;
};

inline void charge_part(const Memory& a, Count begin, Count end) {
    const Count size = a.samples * a.channels;
    for (Count t = 0; t < a.steps; ++t) {
        for (Count b = 0; b < a.samples; ++b) {
            const Count at = t * size + b * a.channels;
            const float* __restrict drive = a.drive + at;
            const float* __restrict gate = a.gate + at;
            const float* __restrict before = t ? a.charge + at - size : a.v + b * a.channels;
            const float* __restrict decay = a.decay;
            float* __restrict charge = a.charge + at;
            // Multiply, then add, in the order of the definition.
            for (Count m = begin; m < end; ++m)
                charge[m] = before[m] * (decay[m] * (1 - gate[m])) + drive[m];
        }
    }
}

struct Gradient {
    const float *grad, *charge, *gate, *v, *decay;
    Count steps, samples, channels;
    float *grad_drive, *grad_gate, *grad_v, *grad_decay;  // of the last, a sum over samples
};

inline void gradient_part(const Gradient& a, Count begin, Count end) {
    const Count size = a.samples * a.channels;
    for (Count t = a.steps - 1; t >= 0; --t) {
        for (Count b = 0; b < a.samples; ++b) {
            const Count at = t * size + b * a.channels;
            const float* __restrict grad = a.grad + at;
            const float* __restrict gate = a.gate + at;
            const float* __restrict before = t ? a.charge + at - size : a.v + b * a.channels;
            const float* __restrict decay = a.decay;
            float* __restrict carry = a.grad_v + b * a.channels;
            float* __restrict on_drive = a.grad_drive + at;
            float* __restrict on_gate = a.grad_gate + at;
            float* __restrict on_decay = a.grad_decay;
            for (Count m = begin; m < end; ++m) {
                const float g = grad[m] + carry[m];
                const float on_keep = g * before[m];
                on_drive[m] = g;
                on_gate[m] = -decay[m] * on_keep;
                on_decay[m] += on_keep * (1 - gate[m]);
                carry[m] = g * (decay[m] * (1 - gate[m]));
            }
        }
    }
}

}  // namespace

CLONED static void charge_f32(const void* job, Count begin, Count end) {
    charge_part(*static_cast<const Memory*>(job), begin, end);
}
CLONED static void gradient_f32(const void* job, Count begin, Count end) {
    gradient_part(*static_cast<const Gradient*>(job), begin, end);
}

DOOR void memory_forward_f32(const float* drive, const float* gate, const float* v,
                             const float* decay, Count steps, Count samples, Count channels,
                             float* charge, int threads) {
    const Memory job{drive, gate, v, decay, steps, samples, channels, charge};
    in_parts(channels, WIDE, 16, threads, charge_f32, &job);
}
DOOR void memory_backward_f32(const float* grad, const float* charge, const float* gate,
                              const float* v, const float* decay, Count steps, Count samples,
                              Count channels, float* grad_drive, float* grad_gate, float* grad_v,
                              float* grad_decay, int threads) {
    const Gradient job{grad,    charge,   gate,       v,         decay,  steps,
                       samples, channels, grad_drive, grad_gate, grad_v, grad_decay};
    in_parts(channels, WIDE, 16, threads, gradient_f32, &job);
}
