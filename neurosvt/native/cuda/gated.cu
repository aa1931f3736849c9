// The leaky memory behind write gates that may look at what is remembered: neurosvt/ops/memory.py.
//
// A warp has a sample through all steps, its lanes the channels; what all channels add up to is a
// sum of the warp. Lanes meet wherever one reads what another wrote.

#include "device.cuh"
#include "gate.cuh"

INLINE float strength_inverse(const float* v, Count channels, int lane) {
    float power = 0;
    for (Count m = lane; m < channels; m += WARP) power += v[m] * v[m];
    return 1.0f / sqrtf(sum_of_warp(power) / (float)channels + LEAST_POWER);
}

__global__ void gated_forward(const float* drive, const float* gate, const float* write,
                              const float* noise, const float* v, const float* decay,
                              const float* look, const float* forget, const unsigned char* said,
                              Count steps, Count samples, Count channels, Count groups,
                              float* wants, float* charge) {
    const Count sample = thread() / WARP, width = channels / groups;
    const int lane = threadIdx.x % WARP;
    if (sample >= samples) return;  // whole warps
    const float* before = v + sample * channels;
    for (Count t = 0; t < steps; ++t) {
        const Count row = t * samples + sample, at = row * channels;
        const bool tells = !said || said[row];
        const float inverse = tells && look ? strength_inverse(before, channels, lane) : 0.0f;
        for (Count g = 0; g < groups; ++g) {
            float want = tells ? write[row * groups + g] + 1 : 0.0f;
            if (tells && look) {
                float sum = 0;
                for (Count m = lane; m < channels; m += WARP)
                    sum += before[m] * inverse * look[m * groups + g];
                want += sum_of_warp(sum);
            }
            if (lane == 0) wants[row * groups + g] = want;
            const float open = tells && want >= 0 ? 1.0f : 0.0f;
            for (Count m = g * width + lane; m < (g + 1) * width; m += WARP) {
                const float disturbed = noise ? noise[at + m] : 0.0f;
                charge[at + m] =
                    tells ? before[m] * (decay[m] * (1 - open * freed(forget, gate + at, m))) +
                                open * drive[at + m] + disturbed
                          : before[m] * decay[m] + disturbed;
            }
        }
        before = charge + at;
        __syncwarp();
    }
}

// Of the last three gradients, and of `on_v`, every sample has its own, which begin as zeros; the
// last two may be null.
__global__ void gated_backward(const float* grad, const float* grad_wants, const float* charge,
                               const float* drive, const float* gate, const float* wants,
                               const float* v, const float* decay, const float* look,
                               const float* forget, const unsigned char* said, Count steps,
                               Count samples, Count channels, Count groups, float* on_drive,
                               float* on_gate, float* on_write, float* on_v, float* on_decay,
                               float* on_look, float* on_forget) {
    const Count sample = thread() / WARP, width = channels / groups;
    const int lane = threadIdx.x % WARP;
    if (sample >= samples) return;  // whole warps
    float *carry = on_v + sample * channels, *of_decay = on_decay + sample * channels;
    float* of_look = look ? on_look + sample * channels * groups : nullptr;
    float* of_forget = forget ? on_forget + sample * channels : nullptr;
    for (Count t = steps - 1; t >= 0; --t) {
        const Count row = t * samples + sample, at = row * channels;
        const float* before = t ? charge + at - samples * channels : v + sample * channels;
        const bool tells = !said || said[row];
        for (Count g = 0; g < groups; ++g) {
            const float want = wants[row * groups + g];
            const float open = tells && want >= 0 ? 1.0f : 0.0f;
            float on_open = 0;
            for (Count m = g * width + lane; m < (g + 1) * width; m += WARP) {
                const float whole = grad[at + m] + carry[m], leaked = whole * before[m];
                const float lost = freed(forget, gate + at, m);
                const float on_lost = -leaked * decay[m] * open;
                on_open += whole * drive[at + m] - leaked * decay[m] * lost;
                on_drive[at + m] = whole * open;
                on_gate[at + m] = forget ? on_lost * (1 - forget[m]) : on_lost;
                if (forget) of_forget[m] += on_lost * (1 - gate[at + m]);
                of_decay[m] += leaked * (1 - open * lost);
                carry[m] = whole * (decay[m] * (1 - open * lost));
            }
            on_open = sum_of_warp(on_open);
            if (lane == 0)
                on_write[row * groups + g] =
                    tells ? on_open / steepness(want) + grad_wants[row * groups + g] : 0.0f;
        }
        __syncwarp();
        if (!tells || !look) continue;
        const float inverse = strength_inverse(before, channels, lane);
        float along = 0;  // of the gradient and what is known
        for (Count m = lane; m < channels; m += WARP) {
            const float known = before[m] * inverse;
            float on_known = 0;
            for (Count g = 0; g < groups; ++g) {
                const float of_write = on_write[row * groups + g];
                on_known += of_write * look[m * groups + g];
                of_look[m * groups + g] += of_write * known;
            }
            along += on_known * known;
            carry[m] += on_known * inverse;
        }
        along = sum_of_warp(along) * inverse / (float)channels;
        for (Count m = lane; m < channels; m += WARP) carry[m] -= along * (before[m] * inverse);
        __syncwarp();
    }
}
