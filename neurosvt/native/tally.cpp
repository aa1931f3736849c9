// What flows into a product, for the meter: neurosvt/energy/products.py.

#include "kernel.hpp"

namespace {

// Of rows of numbers: how many are not all 0 or 1, and their non-zeros; how many are, with at least
// one 1, and their ones; and in how many of `frames` equal parts of the rows there is any non-zero.
template <class T>
INLINE void tally(const T* x, Count rows, Count width, Count frames, Count* found) {
    Count real = 0, numbers = 0, alive = 0, spikes = 0, active = 0;
    const Count each = rows / frames;
    for (Count f = 0; f < frames; ++f) {
        bool any = false;
        for (Count r = f * each; r < (f + 1) * each; ++r) {
            const T* row = x + r * width;
            std::int32_t nonzero = 0, ones = 0;
            for (Count i = 0; i < width; ++i) {
                const float value = load(row[i]);
                nonzero += !(value == 0.0f);
                ones += value == 1.0f;
            }
            any |= nonzero > 0;
            const bool spiking = nonzero == ones;
            real += !spiking;
            numbers += spiking ? 0 : nonzero;
            alive += spiking && ones;
            spikes += spiking ? ones : 0;
        }
        active += any;
    }
    const Count all[5] = {real, numbers, alive, spikes, active};
    std::memcpy(found, all, sizeof all);
}

CLONED void tally_float(const float* x, Count rows, Count width, Count frames, Count* found) {
    tally(x, rows, width, frames, found);
}
CLONED void tally_half(const bf16* x, Count rows, Count width, Count frames, Count* found) {
    tally(x, rows, width, frames, found);
}

}  // namespace

DOOR void tally_f32(const float* x, Count rows, Count width, Count frames, Count* found, int) {
    tally_float(x, rows, width, frames, found);
}
DOOR void tally_bf16(const bf16* x, Count rows, Count width, Count frames, Count* found, int) {
    tally_half(x, rows, width, frames, found);
}
