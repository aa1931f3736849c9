// The leaky memory behind write gates that may look at what is remembered: neurosvt/ops/memory.py.

#include "gated.hpp"

namespace {

struct Gated {
    const float *drive, *gate, *write, *noise, *v, *decay;
    const float *look, *forget;  // null, as noise may be, where there is none
    const std::uint8_t* said;  // frames that drive, empty or write; null: all may
    Count steps, samples, channels, groups;
    float *wants, *charge;
};

inline void forward_part(const Gated& a, Count begin, Count end) {
    for (Count b = begin; b < end; ++b) {
        const float* before = a.v + b * a.channels;
        for (Count t = 0; t < a.steps; ++t) {
            const Count row = t * a.samples + b;
            const float* noise = a.noise ? a.noise + row * a.channels : nullptr;
            float *charge = a.charge + row * a.channels, *wants = a.wants + row * a.groups;
            if (a.said && !a.said[row]) {
                for (Count g = 0; g < a.groups; ++g) wants[g] = 0;
                leak(before, a.decay, noise, a.channels, charge);
            } else {
                write_charge(before, a.drive + row * a.channels, a.gate + row * a.channels,
                             a.write + row * a.groups, noise, a.decay, a.look, a.forget,
                             a.channels, a.groups, wants, charge);
            }
            before = charge;
        }
    }
}

struct GatedGradient {
    const float *grad, *grad_wants, *charge, *drive, *gate, *wants, *v, *decay, *look, *forget;
    const std::uint8_t* said;
    Count steps, samples, channels, groups;
    // Of the last three, one for every sample; `on_v` begins as zeros, and so do they.
    float *on_drive, *on_gate, *on_write, *on_v, *on_decay, *on_look, *on_forget;
};

inline void backward_part(const GatedGradient& a, Count begin, Count end) {
    const Count width = a.channels / a.groups;
    for (Count b = begin; b < end; ++b) {
        float* carry = a.on_v + b * a.channels;
        float* on_decay = a.on_decay + b * a.channels;
        float* on_forget = a.forget ? a.on_forget + b * a.channels : nullptr;
        for (Count t = a.steps - 1; t >= 0; --t) {
            const Count row = t * a.samples + b;
            const Count at = row * a.channels;
            const float* before =
                t ? a.charge + at - a.samples * a.channels : a.v + b * a.channels;
            const float *drive = a.drive + at, *gate = a.gate + at;
            const float* wants = a.wants + row * a.groups;
            float *on_drive = a.on_drive + at, *on_gate = a.on_gate + at;
            float* on_write = a.on_write + row * a.groups;
            if (a.said && !a.said[row]) {
                for (Count g = 0; g < a.groups; ++g) on_write[g] = 0;
                for (Count m = 0; m < a.channels; ++m) {
                    const float whole = a.grad[at + m] + carry[m];
                    on_drive[m] = on_gate[m] = 0;
                    on_decay[m] += whole * before[m];
                    carry[m] = whole * a.decay[m];
                }
                continue;
            }
            for (Count g = 0; g < a.groups; ++g) {
                const float open = wants[g] >= 0 ? 1.0f : 0.0f;
                float on_open = 0;
                for (Count m = g * width; m < (g + 1) * width; ++m) {
                    const float whole = a.grad[at + m] + carry[m];
                    const float leaked = whole * before[m];
                    const float lost = freed(a.forget, gate, m);
                    const float on_lost = -leaked * a.decay[m] * open;
                    on_open += whole * drive[m] - leaked * a.decay[m] * lost;
                    on_drive[m] = whole * open;
                    on_gate[m] = a.forget ? on_lost * (1 - a.forget[m]) : on_lost;
                    if (a.forget) on_forget[m] += on_lost * (1 - gate[m]);
                    on_decay[m] += leaked * (1 - open * lost);
                    carry[m] = whole * (a.decay[m] * (1 - open * lost));
                }
                on_write[g] = on_open / steepness(wants[g]) + a.grad_wants[row * a.groups + g];
            }
            if (!a.look) continue;
            const float inverse = strength_inverse(before, a.channels);
            float* on_look = a.on_look + b * a.channels * a.groups;
            float along = 0;  // of the gradient and what is known
            for (Count m = 0; m < a.channels; ++m) {
                const float known = before[m] * inverse;
                float on_known = 0;
                for (Count g = 0; g < a.groups; ++g) {
                    on_known += on_write[g] * a.look[m * a.groups + g];
                    on_look[m * a.groups + g] += on_write[g] * known;
                }
                along += on_known * known;
                carry[m] += on_known * inverse;
            }
            along *= inverse / float(a.channels);
            for (Count m = 0; m < a.channels; ++m) carry[m] -= along * (before[m] * inverse);
        }
    }
}

}  // namespace

CLONED static void gated_charge(const void* job, Count begin, Count end) {
    forward_part(*static_cast<const Gated*>(job), begin, end);
}
CLONED static void gated_gradient(const void* job, Count begin, Count end) {
    backward_part(*static_cast<const GatedGradient*>(job), begin, end);
}

DOOR void gated_forward_f32(const float* drive, const float* gate, const float* write,
                            const float* noise, const float* v, const float* decay,
                            const float* look, const float* forget,
                            const std::uint8_t* said, Count steps, Count samples, Count channels, Count groups, float* wants,
                            float* charge, int threads) {
    const Gated job{drive,  gate, write, noise,   v,        decay,  look,
                    forget, said, steps, samples, channels, groups, wants, charge};
    in_parts(samples, 4, 1, threads, gated_charge, &job);
}
DOOR void gated_backward_f32(const float* grad, const float* grad_wants, const float* charge, const float* drive,
                             const float* gate, const float* wants, const float* v,
                             const float* decay, const float* look, const float* forget,
                             const std::uint8_t* said, Count steps, Count samples, Count channels, Count groups,
                             float* on_drive, float* on_gate, float* on_write, float* on_v,
                             float* on_decay, float* on_look, float* on_forget, int threads) {
    const GatedGradient job{grad,    grad_wants, charge,   drive, gate,     wants,   v,        decay,
                            look,    forget,   said,  steps,    samples, channels, groups,
                            on_drive, on_gate, on_write, on_v,  on_decay, on_look, on_forget};
    in_parts(samples, 4, 1, threads, gated_gradient, &job);
}
