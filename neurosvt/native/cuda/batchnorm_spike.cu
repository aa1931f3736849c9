// Batch normalisation and a spike in a single step from rest: neurosvt/ops/batchnorm_spike.py.

#include "device.cuh"

// Of each run of rows and each channel, the sum and the sum of squares of what lies between a row
// and the first, so that a large mean does not eat the variance; in double precision.
template <class T>
__global__ void moments(const T* x, Count rows, Count width, double* parts) {
    const Count own = thread(), runs = (rows + RUN - 1) / RUN;
    if (own >= runs * width) return;
    const Count run = own / width, channel = own % width;
    const Count last = (run + 1) * RUN < rows ? (run + 1) * RUN : rows;
    const double origin = load(x[channel]);
    double sum = 0, squares = 0;
    for (Count r = run * RUN; r < last; ++r) {
        const double apart = load(x[r * width + channel]) - origin;
        sum += apart;
        squares += apart * apart;
    }
    parts[2 * run * width + channel] = sum;
    parts[(2 * run + 1) * width + channel] = squares;
}

template <class T>
__global__ void moments_of_parts(const T* x, Count rows, Count width, const double* parts,
                                 float* mean, float* variance) {
    const Count channel = thread(), runs = (rows + RUN - 1) / RUN;
    if (channel >= width) return;
    double sum = 0, squares = 0;
    for (Count run = 0; run < runs; ++run) {
        sum += parts[2 * run * width + channel];
        squares += parts[(2 * run + 1) * width + channel];
    }
    const double shift = sum / (double)rows, spread = squares / (double)rows - shift * shift;
    mean[channel] = (float)(load(x[channel]) + shift);
    variance[channel] = (float)(spread > 0 ? spread : spread != spread ? spread : 0);
}

template <class T>
__global__ void batch_fire(const T* x, const float* factor, const float* shift, Count rows,
                           Count width, float threshold, T* spikes) {
    const Count at = thread();
    if (at >= rows * width) return;
    const Count channel = at % width;
    store_spike(spikes + at, load(x[at]) * factor[channel] + shift[channel], threshold);
}

// Through the surrogate: what reaches u, and the slope of each row. A warp has a row.
template <class T>
__global__ void through_spike(const T* grad_spikes, const T* x, const float* factor,
                              const float* shift, const float* slope, Count rows, Count width,
                              float threshold, T* grad_u, float* grad_slope) {
    const Count row = thread() / WARP;
    const int lane = threadIdx.x % WARP;
    if (row >= rows) return;  // whole warps
    const float k = slope[row];
    float sum = 0;
    for (Count d = lane; d < width; d += WARP) {
        const Count at = row * width + d;
        const float u = load(x[at]) * factor[d] + shift[d] - threshold;
        const float steep = load(grad_spikes[at]) * sigmoid_derivative(k * u);
        sum += u * steep;
        store(grad_u + at, k * steep);
    }
    sum = sum_of_warp(sum);
    if (lane == 0) grad_slope[row] = sum;
}

// Of each run of rows, what the norm asks for: sums of grad_u, and of grad_u (x - mean).
template <class T>
__global__ void through_sums(const T* grad_u, const T* x, const float* mean, Count rows,
                             Count width, float* partial) {
    const Count own = thread(), runs = (rows + RUN - 1) / RUN;
    if (own >= runs * width) return;
    const Count run = own / width, channel = own % width;
    const Count last = (run + 1) * RUN < rows ? (run + 1) * RUN : rows;
    float plain = 0, along = 0;
    for (Count r = run * RUN; r < last; ++r) {
        const float grad = load(grad_u[r * width + channel]);
        plain += grad;
        along += grad * (load(x[r * width + channel]) - mean[channel]);
    }
    partial[2 * run * width + channel] = plain;
    partial[(2 * run + 1) * width + channel] = along;
}

template <class T>
__global__ void through_norm(T* grad, const T* x, const float* factor, const float* on_x,
                             const float* constant, Count rows, Count width) {
    const Count at = thread();
    if (at >= rows * width) return;
    const Count d = at % width;
    store(grad + at, load(grad[at]) * factor[d] - load(x[at]) * on_x[d] - constant[d]);
}
