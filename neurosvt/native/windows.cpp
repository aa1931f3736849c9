// The pixels of windows that have events, as numbers: neurosvt/nn/embed.py.

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 15;  // pixels that are worth a thread

template <class T>
struct Windows {
    const std::uint8_t* frames;  // (frames, 2, height, width): an event where it is not 0
    const Count *frame, *position;
    Count height, width, kernel, stride, border, across;
    T* out;  // (rows, 2, kernel, kernel)
};

template <class T>
inline void fill(const Windows<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const Count top = a.position[r] / a.across * a.stride - a.border;
        const Count left = a.position[r] % a.across * a.stride - a.border;
        const Count first = left < 0 ? -left : 0;
        const Count last = left + a.kernel > a.width ? a.width - left : a.kernel;
        T* out = a.out + r * 2 * a.kernel * a.kernel;
        for (Count side = 0; side < 2; ++side) {
            const std::uint8_t* image = a.frames + (a.frame[r] * 2 + side) * a.height * a.width;
            for (Count y = top; y < top + a.kernel; ++y, out += a.kernel) {
                // Beyond the frame there are no events, and nothing to read.
                const bool inside = y >= 0 && y < a.height;
                const Count from = inside ? first : a.kernel, to = inside ? last : a.kernel;
                for (Count x = 0; x < from; ++x) store(out + x, 0.0f);
                for (Count x = to; x < a.kernel; ++x) store(out + x, 0.0f);
                const std::uint8_t* line = inside ? image + y * a.width : image;
                for (Count x = from; x < to; ++x) store(out + x, line[left + x] ? 1.0f : 0.0f);
            }
        }
    }
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void windows_part_##name(const void* job, Count begin, Count end) {              \
        fill<T>(*static_cast<const Windows<T>*>(job), begin, end);                                 \
    }                                                                                              \
    DOOR Count windows_##name(const std::uint8_t* frames, const Count* frame,                      \
                              const Count* position, Count images, Count rows, Count height,       \
                              Count width, int kernel, int stride, int border, T* out,             \
                              int threads) {                                                       \
        const Count across = width / stride, windows = height / stride * across;                   \
        if (!within(frame, rows, images) || !within(position, rows, windows)) return OUTSIDE;      \
        const Windows<T> job{frames, frame,  position, height, width, kernel,                      \
                             stride, border, across,   out};                                       \
        in_parts(rows, LEAST / (2 * kernel * kernel + 1) + 1, 1, threads, windows_part_##name,     \
                 &job);                                                                            \
        return 0;                                                                                  \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
