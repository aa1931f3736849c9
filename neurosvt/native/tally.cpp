// What flows into a product, for the meter: neurosvt/energy/products.py.

#include <vector>

#include "kernel.hpp"

namespace {

// Of rows of numbers: how many are not all 0 or 1, and their non-zeros; how many are, with at least
// one 1, and their ones; and how many columns have a non-zero in a frame, summed over frames. `frame`
// says of every row in which it lies; null: in equal parts, in their order.
template <class T>
INLINE void tally(const T* x, Count rows, Count width, const Count* frame, Count frames,
                  Count* found) {
    Count real = 0, numbers = 0, alive = 0, spikes = 0, needed = 0;
    std::vector<std::uint8_t> column(frames * width);
    for (Count r = 0; r < rows; ++r) {
        const T* row = x + r * width;
        std::uint8_t* filled = column.data() + (frame ? frame[r] : r * frames / rows) * width;
        std::int32_t nonzero = 0, ones = 0;
        for (Count i = 0; i < width; ++i) {
            const float value = load(row[i]);
            const bool any = !(value == 0.0f);
            nonzero += any;
            ones += value == 1.0f;
            filled[i] |= any;
        }
        const bool spiking = nonzero == ones;
        real += !spiking;
        numbers += spiking ? 0 : nonzero;
        alive += spiking && ones;
        spikes += spiking ? ones : 0;
    }
    for (const std::uint8_t any : column) needed += any;
    const Count all[5] = {real, numbers, alive, spikes, needed};
    std::memcpy(found, all, sizeof all);
}

CLONED void tally_float(const float* x, Count rows, Count width, const Count* frame, Count frames,
                        Count* found) {
    tally(x, rows, width, frame, frames, found);
}
CLONED void tally_half(const bf16* x, Count rows, Count width, const Count* frame, Count frames,
                       Count* found) {
    tally(x, rows, width, frame, frames, found);
}

}  // namespace

DOOR Count tally_f32(const float* x, Count rows, Count width, const Count* frame, int frames,
                    Count* found, int) {
    if (frame && !within(frame, rows, frames)) return OUTSIDE;
    tally_float(x, rows, width, frame, frames, found);
    return 0;
}
DOOR Count tally_bf16(const bf16* x, Count rows, Count width, const Count* frame, int frames,
                     Count* found, int) {
    if (frame && !within(frame, rows, frames)) return OUTSIDE;
    tally_half(x, rows, width, frame, frames, found);
    return 0;
}
