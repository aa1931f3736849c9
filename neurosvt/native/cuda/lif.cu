// Leaky integrate-and-fire over rows: neurosvt/ops/lif.py says what rows, ranks and streams are.
//
// A thread walks through all touches of one channel of one stream, its membrane in a register;
// neighbouring threads have neighbouring channels.

#include "device.cuh"

// Share of the membrane that is left when a row arrives.
struct Keep {
    const float *rows, *channels;  // for each, or null; if both are: `all`
    float all;

    INLINE float at(Count row, Count channel) const {
        return rows ? rows[row] : channels ? channels[channel] : all;
    }
};

INLINE float reset(float h, float threshold, bool soft) {
    return h >= threshold ? (soft ? h - threshold : 0.0f) : h;
}

// What drives a neuron: the current, or times a scale, rounded as the product of tensors would be.
template <class T>
INLINE float drive(T in, const float* scale, Count channel) {
    return scale ? rounded<T>(load(in) * scale[channel]) : load(in);
}

template <class T>
__global__ void lif_forward(const T* current, const float* scale, float* v, const Count* sizes,
                            Count ranks, Count streams, Count width, const float* keep_rows,
                            const float* keep_channels, float keep_all, float threshold, Count soft,
                            T* spikes, unsigned char* bytes) {
    const Count own = thread();
    if (own >= streams * width) return;
    const Count stream = own / width, channel = own % width;
    const Keep keep{keep_rows, keep_channels, keep_all};
    float live = v[own];
    Count start = 0;
    for (Count r = 0; r < ranks && stream < sizes[r]; start += sizes[r++]) {
        const Count row = start + stream, at = row * width + channel;
        // As in the definition: multiply, then add.
        const float h = keep.at(row, channel) * live + drive(current[at], scale, channel);
        live = reset(h, threshold, soft);
        if (bytes)
            store_spike(bytes + at, h, threshold);
        else
            store_spike(spikes + at, h, threshold);
    }
    v[own] = live;
}

// Surrogates, as in neurosvt/ops/surrogate.py: 0 the arctan, 1 the sigmoid.
INLINE float derivative(Count surrogate, float u, float slope) {
    if (surrogate == 1) return slope * sigmoid_derivative(slope * u);
    const float x = 1.57079632679489662f * slope * u;
    return slope / 2 / (1 + x * x);
}

// The membranes of all steps are not kept from the forward pass, but computed again into `h`, which
// may be `grad`: a thread reads what it wrote there before it writes there again. Of what is summed
// up over streams, every stream has a part.
template <class T>
__global__ void lif_backward(const T* grad_spikes, const T* current, const float* scale,
                             const float* v, float* grad_v, const Count* sizes, Count ranks,
                             Count streams, Count width, const float* keep_rows,
                             const float* keep_channels, float keep_all, float threshold, Count soft,
                             Count surrogate, float slope, T* grad, float* h, float* on_keep,
                             float* along) {
    const Count own = thread();
    if (own >= streams * width) return;
    const Count stream = own / width, channel = own % width;
    const Keep keep{keep_rows, keep_channels, keep_all};
    float live = v[own];
    Count start = 0, r = 0;
    for (; r < ranks && stream < sizes[r]; start += sizes[r++]) {
        const Count row = start + stream, at = row * width + channel;
        const float now = keep.at(row, channel) * live + drive(current[at], scale, channel);
        h[at] = now;
        live = reset(now, threshold, soft);
    }
    float carry = grad_v[own], of_keep = 0, of_scale = 0;
    for (--r; r >= 0; --r) {
        start -= sizes[r];
        const Count row = start + stream, at = row * width + channel;
        const float now = h[at];
        const float through = soft || !(now >= threshold) ? carry : 0.0f;
        const float g = load(grad_spikes[at]) * derivative(surrogate, now - threshold, slope) + through;
        if (along) of_scale += load(current[at]) * rounded<T>(g);
        if (on_keep) {
            // What this row found: the membrane of the rank before, reset where it fired.
            const Count before = r ? (start - sizes[r - 1] + stream) * width + channel : 0;
            of_keep += g * (r ? reset(h[before], threshold, soft) : v[own]);
        }
        carry = g * keep.at(row, channel);
        store(grad + at, g);
    }
    grad_v[own] = carry;
    if (on_keep) on_keep[own] = of_keep;
    if (along) along[own] = of_scale;
}
