// The events that a camera reports of a timeline: neurosvt/scenes/simulate.py.
//
// Sequences share nothing, so each is simulated to its end before the next: its canvases stay in
// the cache. All that is rounded is rounded as in the definition. That takes a logarithm of the light
// at every pixel looked at; here light is first held against bounds a hair inside of those at which
// its pixel could fire, and the logarithm taken of the few that pass.

#include <algorithm>
#include <vector>

#include "kernel.hpp"

namespace {

constexpr float HAIR = 1e-5f;  // more than the logarithm and the bounds are rounded by

struct Simulation {
    std::uint8_t* frames;  // (T, batch, 2, size, size), all 0
    Count batch, size, width;
    Count substeps, steps;  // of a frame, and in all
    Count objects, side, bands;
    const double* position;   // (objects, steps + 1, batch, 2): the object's, then those before it
    const float* sprites;     // (objects, batch, 2, side * side + side + 1): light and cover, flat
    const float* background;  // (batch, width, width)
    float* scene;             // the same, with the object
    float* layers;            // (objects - 1, 2, batch, width, width): the others' light and cover
    const float* edges;       // (steps + 1, batch, bands, 2)
    const float* distance;    // (batch, width, width) along the bands' normal
    const float* curtain;     // (batch, width, width)
    const float* log_light;   // (steps + 1, batch)
    const float* threshold;   // (batch, width, width)
    float* reference;         // (batch, width, width)
};

// One sequence at one substep.
struct Camera {
    const Simulation& a;
    Count b, border, plane;
    const float *background, *distance, *curtain, *threshold;
    float *scene, *reference;
    std::vector<float> upper, lower, light, sprite;
    std::uint8_t* frame = nullptr;
    const float* edge = nullptr;
    float log_light = 0;

    Camera(const Simulation& job, Count row)
        : a(job), b(row), border((job.width - job.size) / 2), plane(job.width * job.width),
          background(a.background + row * plane),
          distance(a.bands ? a.distance + row * plane : nullptr),
          curtain(a.bands ? a.curtain + row * plane : nullptr),
          threshold(a.threshold + row * plane), scene(a.scene + row * plane),
          reference(a.reference + row * plane), upper(plane), lower(plane), light(a.width),
          sprite(a.side * a.side + a.side) {}

    float* layer(Count object, Count what) const {
        return a.layers + (((object - 1) * 2 + what) * a.batch + b) * plane;
    }

    // What the light of a pixel may at most be while it stays silent, and must at least be.
    INLINE void bound(Count at) {
        upper[at] = exponential(reference[at] + threshold[at] - log_light) * (1 - HAIR);
        lower[at] = exponential(reference[at] - threshold[at] - log_light) * (1 + HAIR);
    }

    // Draw an object where it is at substep k; gives its square's upper left corner.
    void draw(Count object, Count k, Count* top, Count* left) {
        const double* at = a.position + ((object * (a.steps + 1) + k) * a.batch + b) * 2;
        const double shift = double(border) - double(a.side) / 2;
        const double x = at[0] + shift, y = at[1] + shift;
        const float fx = float(x - std::floor(x)), fy = float(y - std::floor(y));
        *left = Count(std::floor(x)) + 1;
        *top = Count(std::floor(y)) + 1;
        const Count side = a.side, size = side * side;
        for (Count what = 0; what < 2; ++what) {
            const float* s = a.sprites + ((object * a.batch + b) * 2 + what) * (size + side + 1);
            float* sideways = sprite.data();
            for (Count i = 0; i < size + side; ++i) sideways[i] = (s[i] - s[i + 1]) * fx + s[i + 1];
            float* to = object ? layer(object, what) : scene;
            for (Count v = 0; v < side; ++v) {
                const float* from = sideways + v * side;
                float* line = to + (*top + v) * a.width + *left;
                const float* behind = background + (*top + v) * a.width + *left;
                for (Count u = 0; u < side; ++u) {
                    const float value = (from[u] - from[u + side]) * fy + from[u + side];
                    if (object || what == 0)
                        line[u] = value;
                    else  // the object's cover, over the background
                        line[u] = line[u] + (1 - value) * behind[u];
                }
            }
        }
    }

    // Light of the pixels [first, last) of a line of the canvas.
    INLINE void look(Count first, Count last) {
        const Count count = last - first;
        float* l = light.data();
        std::memcpy(l, scene + first, count * sizeof(float));
        for (Count p = 0; p < a.bands; ++p) {
            const float low = edge[2 * p], high = edge[2 * p + 1];
            const float *d = distance + first, *c = curtain + first;
            for (Count i = 0; i < count; ++i) {
                const float to = high - d[i] + 0.5f, from = d[i] - low + 0.5f;
                const float covered = (to < 0 ? 0.0f : to > 1 ? 1.0f : to)
                                      * (from < 0 ? 0.0f : from > 1 ? 1.0f : from);
                l[i] = l[i] + covered * (c[i] - l[i]);
            }
        }
        for (Count object = 1; object < a.objects; ++object) {
            const float *shines = layer(object, 0) + first, *covers = layer(object, 1) + first;
            for (Count i = 0; i < count; ++i) l[i] = l[i] * (1 - covers[i]) + shines[i];
        }
    }

    // A pixel whose light may have left its thresholds; i is its index in `light`.
    INLINE bool fire(Count at, Count i) {
        const float seen = float(std::log(double(light[i]))) + log_light;
        const float change = seen - reference[at];
        if (!(std::fabs(change) >= threshold[at])) return false;
        reference[at] += std::trunc(change / threshold[at]) * threshold[at];
        const Count y = at / a.width - border, x = at % a.width - border;
        frame[((change > 0) * a.size + y) * a.size + x] = 1;
        return true;
    }

    // See the pixels [x, end) of line y of the canvas, as far as they are the sensor's.
    INLINE void see(Count y, Count x, Count end, bool all) {
        if (y < border || y >= border + a.size) return;
        const Count first = y * a.width + std::max(x, border);
        const Count last = y * a.width + std::min(end, border + a.size);
        if (first >= last) return;
        look(first, last);
        const float *l = light.data(), *up = upper.data() + first, *down = lower.data() + first;
        const Count count = last - first;
        if (all) {
            for (Count i = 0; i < count; ++i) fire(first + i, i);
            for (Count at = first; at < last; ++at) bound(at);
            return;
        }
        int any = 0;
        for (Count i = 0; i < count; ++i) any |= (l[i] >= up[i]) | (l[i] <= down[i]);
        if (!any) return;
        for (Count i = 0; i < count; ++i)
            if (((l[i] >= up[i]) | (l[i] <= down[i])) && fire(first + i, i)) bound(first + i);
    }

    // The sensor's pixels whose distance lies in [low, high): what an edge has passed.
    INLINE void strip(float low, float high) {
        for (Count y = border; y < border + a.size; ++y) {
            const float* line = distance + y * a.width;
            const float *begin = line + border, *end = begin + a.size, *from, *to;
            if (begin[0] <= end[-1]) {
                from = std::lower_bound(begin, end, low);
                to = std::lower_bound(from, end, high);
            } else {
                const auto above = [](float d, float bound) { return d >= bound; };
                from = std::lower_bound(begin, end, high, above);
                to = std::lower_bound(from, end, low, above);
            }
            see(y, from - line, to - line, false);
        }
    }

    void run() {
        log_light = a.log_light[b];
        for (Count at = 0; at < plane; ++at) bound(at);
        std::vector<Count> corners(2 * a.objects);
        for (Count k = 0; k < a.steps; ++k) {
            Count moved = 0;
            for (Count object = 0; object < a.objects; ++object) {
                const double* now =
                    a.position + ((object * (a.steps + 1) + k) * a.batch + b) * 2;
                const double* next = now + 2 * a.batch;
                if (now[0] == next[0] && now[1] == next[1]) continue;
                draw(object, k + 1, &corners[2 * moved], &corners[2 * moved + 1]);
                ++moved;
            }
            const float* before = a.edges + (k * a.batch + b) * a.bands * 2;
            edge = before + a.batch * a.bands * 2;
            frame = a.frames + (k / a.substeps * a.batch + b) * 2 * a.size * a.size;
            const float level = a.log_light[(k + 1) * a.batch + b];
            if (level != log_light) {
                log_light = level;
                for (Count y = 0; y < a.width; ++y) see(y, 0, a.width, true);
                continue;
            }
            for (Count m = 0; m < moved; ++m)
                for (Count v = 0; v < a.side; ++v)
                    see(corners[2 * m] + v, corners[2 * m + 1], corners[2 * m + 1] + a.side, false);
            for (Count e = 0; e < 2 * a.bands; ++e)
                if (before[e] != edge[e])
                    strip(std::min(before[e], edge[e]) - 1, std::max(before[e], edge[e]) + 1);
        }
    }
};

CLONED void simulate(const void* job, Count begin, Count end) {
    for (Count b = begin; b < end; ++b) Camera(*static_cast<const Simulation*>(job), b).run();
}

}  // namespace

DOOR void simulate_f32(std::uint8_t* frames, Count batch, Count size, Count width, int substeps,
                       int steps, Count objects, int side, int bands, const double* position,
                       const float* sprites, const float* background, float* scene, float* layers,
                       const float* edges, const float* distance, const float* curtain,
                       const float* log_light, const float* threshold, float* reference,
                       int threads) {
    const Simulation job{frames,   batch,    size,      width,     substeps,  steps,  objects,
                         side,     bands,    position,  sprites,   background, scene, layers,
                         edges,    distance, curtain,   log_light, threshold, reference};
    in_parts(batch, 1, 1, threads, simulate, &job);
}
