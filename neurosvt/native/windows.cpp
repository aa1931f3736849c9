// Windows of event frames: which have enough events that are not alone, and their pixels.
// neurosvt/ops/windows.py.

#include <algorithm>
#include <vector>

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 17;  // pixels that are worth a thread

struct Windows {
    const std::uint8_t* frames;  // (frames, 2, height, width): an event where it is not 0
    Count height, width, kernel, stride, border, across, windows, company, least;
    std::uint8_t* active;         // (frames, windows)
    const Count *frame, *position, *order;
    Count rows;
    std::uint8_t* out;  // (rows, 2, kernel, kernel)
};

INLINE bool any(const std::uint8_t* pixels, Count size) {
    std::uint8_t all = 0;
    for (Count i = 0; i < size; ++i) all |= pixels[i];
    return all != 0;
}

struct Event {
    std::int32_t pixel, x, y;  // of both sides, and where it stands in its own
    std::int32_t padded;       // in one side with a border beyond the frame
};

// The events of one frame that have company: at least so many of the eight pixels around them fire.
class Kept {
public:
    explicit Kept(const Windows& a)
        : a(a), padded(a.width + 2), fired((a.height + 2) * padded, 0), line(a.width + 8) {}

    INLINE const std::vector<Event>& of(Count frame) {
        const std::uint8_t* pixels = a.frames + frame * 2 * a.height * a.width;
        events.clear();
        if (!any(pixels, 2 * a.height * a.width)) return events;  // as most are
        for (Count i = 0; i < 2 * a.height; ++i) {
            const Count first = i * a.width, y = i < a.height ? i : i - a.height;
            if (!any(pixels + first, a.width)) continue;
            const Count count = places(pixels + first, a.width, line.data());
            for (Count n = 0; n < count; ++n) {
                const std::int32_t x = line[n];
                events.push_back({std::int32_t(first) + x, x, std::int32_t(y),
                                  std::int32_t((y + 1) * padded) + x + 1});
            }
        }
        if (a.company <= 0) return events;
        for (const Event& e : events) fired[e.padded] = 1;
        kept.clear();
        for (const Event& e : events) {
            const std::uint8_t* here = fired.data() + e.padded;
            const std::uint8_t *above = here - padded, *below = here + padded;
            const int near = above[-1] + above[0] + above[1] + here[-1] + here[1] + below[-1] +
                             below[0] + below[1];
            if (near >= a.company) kept.push_back(e);
        }
        for (const Event& e : events) fired[e.padded] = 0;
        return kept;
    }

private:
    const Windows& a;
    const Count padded;
    std::vector<std::uint8_t> fired;  // of either polarity
    std::vector<std::int32_t> line;
    std::vector<Event> events, kept;
};

// The windows [first, last) that hold a pixel, along one side of the frame.
struct Reach {
    std::vector<Count> first, last;

    // Windows begin every `stride` pixels and reach over `kernel`.
    Reach(const Windows& a, Count pixels) : first(pixels), last(pixels) {
        for (Count i = 0; i < pixels; ++i) {
            first[i] = std::max<Count>(0, (i + a.border - a.kernel + a.stride) / a.stride);
            last[i] = std::min(pixels / a.stride, (i + a.border) / a.stride + 1);
        }
    }
};

CLONED void find_active(const void* job, Count begin, Count end) {
    const auto& a = *static_cast<const Windows*>(job);
    const Reach down(a, a.height), across(a, a.width);
    std::vector<Count> counts(a.windows);
    Kept kept(a);
    for (Count f = begin; f < end; ++f) {
        std::uint8_t* active = a.active + f * a.windows;
        const auto& events = kept.of(f);
        if (events.empty()) {
            std::memset(active, 0, std::size_t(a.windows));
            continue;
        }
        std::fill(counts.begin(), counts.end(), 0);
        for (const Event& e : events)
            for (Count i = down.first[e.y]; i < down.last[e.y]; ++i)
                for (Count j = across.first[e.x]; j < across.last[e.x]; ++j)
                    ++counts[i * a.across + j];
        for (Count n = 0; n < a.windows; ++n) active[n] = counts[n] >= a.least;
    }
}

// A call of the library's own takes longer than a line of a window.
inline void copy(const std::uint8_t* from, std::uint8_t* to, Count size) {
    Count i = 0;
    for (; i + 8 <= size; i += 8) std::memcpy(to + i, from + i, 8);
    for (; i < size; ++i) to[i] = from[i];
}

// Rows [begin, end) in the order of their frames.
CLONED void fill_rows(const void* job, Count begin, Count end) {
    const auto& a = *static_cast<const Windows*>(job);
    const Count plane = a.height * a.width;
    std::vector<std::uint8_t> image(2 * plane, 0);
    const std::vector<Event>* events = nullptr;
    Kept kept(a);
    Count shown = -1;
    for (Count i = begin; i < end; ++i) {
        const Count r = a.order[i];
        if (a.frame[r] != shown) {
            if (events)
                for (const Event& e : *events) image[e.pixel] = 0;
            events = &kept.of(shown = a.frame[r]);
            for (const Event& e : *events) image[e.pixel] = 1;
        }
        const Count top = a.position[r] / a.across * a.stride - a.border;
        const Count left = a.position[r] % a.across * a.stride - a.border;
        const Count first = std::max<Count>(0, -left);
        const Count last = std::min(a.kernel, a.width - left);
        std::uint8_t* out = a.out + r * 2 * a.kernel * a.kernel;
        // Beyond the frame there are no events, and nothing to read.
        std::memset(out, 0, std::size_t(2 * a.kernel * a.kernel));
        for (Count side = 0; side < 2; ++side) {
            const std::uint8_t* from = image.data() + side * plane + top * a.width + left + first;
            for (Count y = 0; y < a.kernel; ++y, out += a.kernel) {
                if (top + y < 0 || top + y >= a.height) continue;
                copy(from + y * a.width, out + first, last - first);
            }
        }
    }
}

}  // namespace

DOOR void active_windows_f32(const std::uint8_t* frames, Count images, Count height, Count width,
                             int kernel, int stride, int border, int company, int least,
                             Count windows, std::uint8_t* active, int threads) {
    const Windows job{frames,  height, width,  kernel,  stride,  border, width / stride, windows,
                      company, least,  active, nullptr, nullptr, nullptr, 0,             nullptr};
    in_parts(images, LEAST / (2 * height * width + 1) + 1, 1, threads, find_active, &job);
}

DOOR Count window_pixels_f32(const std::uint8_t* frames, const Count* frame, const Count* position,
                             const Count* order, Count images, Count rows, Count height,
                             Count width, int kernel, int stride, int border, int company,
                             std::uint8_t* out, int threads) {
    const Count across = width / stride, windows = height / stride * across;
    if (!within(frame, rows, images) || !within(position, rows, windows) ||
        !within(order, rows, rows))
        return OUTSIDE;
    const Windows job{frames,  height, width,   kernel, stride,   border, across, windows,
                      company, 0,      nullptr, frame,  position, order,  rows,   out};
    in_parts(rows, LEAST / (2 * kernel * kernel + 1) + 1, 1, threads, fill_rows, &job);
    return 0;
}
