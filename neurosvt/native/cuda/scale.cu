// Sums over rows for each channel, and the scale that is made of them: neurosvt/ops/scale.py.

#include "device.cuh"

// A thread has a channel of a run of rows: every sum has one order.
template <class T>
__global__ void column_sums(const T* x, const T* y, Count rows, Count width, float* parts) {
    const Count own = thread(), runs = (rows + RUN - 1) / RUN;
    if (own >= runs * width) return;
    const Count first = own / width * RUN, channel = own % width;
    const Count last = first + RUN < rows ? first + RUN : rows;
    float sum = 0;
    for (Count r = first; r < last; ++r)
        sum += load(x[r * width + channel]) * load(y[r * width + channel]);
    parts[own] = sum;
}

// How many rows are not all zero, added to `filled`; whole warps only.
template <class T>
__global__ void filled_rows(const T* x, Count rows, Count width, unsigned long long* filled) {
    const Count row = thread();
    bool found = false;
    for (Count d = 0; row < rows && d < width && !found; ++d) found = load(x[row * width + d]) != 0;
    const float many = sum_of_warp(found ? 1.0f : 0.0f);
    if (threadIdx.x % WARP == 0 && many > 0) atomicAdd(filled, (unsigned long long)many);
}

template <class T>
__global__ void scale_rows(const T* x, const float* scale, Count rows, Count width, T* y) {
    const Count at = thread();
    if (at < rows * width) store(y + at, load(x[at]) * scale[at % width]);
}

// `out` may be `grad`.
template <class T>
__global__ void scale_backward(const T* grad, const T* x, const float* scale, const float* pull,
                               Count rows, Count width, T* out) {
    const Count at = thread();
    if (at >= rows * width) return;
    const Count channel = at % width;
    store(out + at, load(grad[at]) * scale[channel] - load(x[at]) * pull[channel]);
}
