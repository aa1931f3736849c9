#include "heads.hpp"

#include <algorithm>

#include "../gated.hpp"
#include "vector.hpp"

namespace ENGINE_TARGET {

namespace {

using engine::Dense;

// Sixteen weights, as two vectors of numbers.
INLINE void weights_at(const float* from, Floats* to) {
    to[0] = load_as<Floats>(from);
    to[1] = load_as<Floats>(from + 8);
}
INLINE void weights_at(const Half* from, Floats* to) {
    to[0] = widened(load_as<EightHalves>(from));
    to[1] = widened(load_as<EightHalves>(from + 8));
}
INLINE void weights_at(const std::int8_t* from, Floats* to) {
    EightShorts half[2];
    const Shorts wide = sixteen(from);
    std::memcpy(half, &wide, sizeof wide);
    to[0] = as_floats(widened(half[0]));
    to[1] = as_floats(widened(half[1]));
}

template <class T, int PARTS_USED>
INLINE void tile_of(const Dense& a, Count tile, const float* x, float* y) {
    const T* weights = static_cast<const T*>(a.weights) + tile * a.inputs * TILE;
    Floats sums[PARTS_USED] = {};
    for (Count d = 0; d < a.inputs; ++d)
        for (int i = 0; i < PARTS_USED; i += 2) {
            Floats pair[2];
            weights_at(weights + d * TILE + 8 * i, pair);
            sums[i] += x[d] * pair[0];
            sums[i + 1] += x[d] * pair[1];
        }
    for (int i = 0; i < PARTS_USED; ++i) {
        const Count at = tile * TILE + 8 * i;
        store_as(y + at, sums[i] * load_as<Floats>(a.scale + at) + load_as<Floats>(a.bias + at));
    }
}
template <class T>
INLINE void dense_of(const Dense& a, const float* x, float* y) {
    for (Count tile = 0; tile * TILE < a.outputs; ++tile) {
        if (a.outputs - tile * TILE > 16) tile_of<T, PARTS>(a, tile, x, y);
        else tile_of<T, 2>(a, tile, x, y);
    }
}
INLINE void dense(const Dense& a, const float* x, float* y, Count* found) {
    Count filled = 0, ones = 0;
    for (Count d = 0; d < a.inputs; ++d) {
        filled += x[d] != 0;
        ones += x[d] == 1;
    }
    const bool real = filled != ones;
    found[0] += real;
    found[1] += real ? filled : 0;
    found[2] += !real && ones;
    found[3] += real ? 0 : ones;
    switch (a.kind) {
        case Dense::float32: return dense_of<float>(a, x, y);
        case Dense::float16: return dense_of<Half>(a, x, y);
        case Dense::int8: return dense_of<std::int8_t>(a, x, y);
    }
}

INLINE Floats chosen(Ints which, Floats yes, Floats no) {
    return Floats((Ints(yes) & which) | (Ints(no) & ~which));
}

INLINE Floats exponential_of(Floats x) {
    Floats y;
    for (int j = 0; j < 8; ++j) y[j] = exponential(x[j]);
    return y;
}

// x times the share of a normal distribution below it. The complement of the error function by a fit
// of Chebyshev (Press et al., Numerical Recipes, 1992, sec. 6.2: within 1.2e-7 of itself everywhere).
INLINE Floats gelu(Floats x) {
    const Floats scaled = x * 0.70710678f;
    const Ints below = scaled < 0.0f;
    const Floats z = chosen(below, -scaled, scaled);
    const Floats t = 1.0f / (1.0f + 0.5f * z);
    Floats p = t * 0.17087277f - 0.82215223f;
    p = p * t + 1.48851587f; p = p * t - 1.13520398f;
    p = p * t + 0.27886807f; p = p * t - 0.18628806f;
    p = p * t + 0.09678418f; p = p * t + 0.37409196f;
    p = p * t + 1.00002368f; p = p * t - 1.26551223f;
    const Floats power = p - z * z;
    const Floats rest = t * exponential_of(chosen(power < -87.0f, Floats{} - 87.0f, power));
    const Floats erf = chosen(below, rest - 1.0f, 1.0f - rest);
    return 0.5f * x * (1.0f + erf);
}

INLINE void activate(const float* x, Count size, float* y, bool add) {
    for (Count i = 0; i < size; i += 8) {
        const Floats now = gelu(load_as<Floats>(x + i));
        store_as(y + i, add ? load_as<Floats>(y + i) + now : now);
    }
}

}  // namespace

void read_heads(const engine::Heads& a, Count channels, const float* charge, float* answer,
                Count* found, float* scratch) {
    const Count room = (std::max(a.width, channels + a.strengths) + TILE - 1) / TILE * TILE;
    float *x = scratch, *y = x + room, *z = y + room;
    if (!a.by_group) {
        const float inverse = strength_inverse(charge, channels);
        for (Count m = 0; m < channels; ++m) x[m] = charge[m] * inverse;
    }
    const Count group = a.strengths ? channels / a.strengths : 0;
    for (Count s = 0; s < a.strengths; ++s) {
        float sum = 0;
        for (Count m = s * group; m < (s + 1) * group; ++m) sum += charge[m] * charge[m];
        const float power = sum / float(group) + 1e-3f, inverse = 1.0f / std::sqrt(power);
        x[channels + s] = 0.25f * std::log(power);
        if (!a.by_group) continue;
        for (Count m = s * group; m < (s + 1) * group; ++m) x[m] = charge[m] * inverse;
    }
    dense(a.dense[0], x, z, found);
    activate(z, a.width, y, false);
    for (Count layer = 1; layer + 1 < a.layers; ++layer) {
        dense(a.dense[layer], y, z, found + layer * engine::COLUMNS);
        activate(z, a.width, y, true);
    }
    dense(a.dense[a.layers - 1], y, z, found + (a.layers - 1) * engine::COLUMNS);
    const float most = *std::max_element(z, z + a.classes);
    float total = 0;
    for (Count c = 0; c < a.classes; ++c) {
        answer[c] = z[c];
        total += answer[a.classes + c] = std::exp(z[c] - most);
    }
    for (Count c = 0; c < a.classes; ++c) answer[a.classes + c] /= total;
    for (int axis = 0; axis < 2; ++axis)
        answer[2 * a.classes + axis] = 1.0f / (1.0f + std::exp(-z[a.classes + axis]));
    for (Count kind = 0; kind < engine::PRESENCES; ++kind)
        answer[2 * a.classes + 2 + kind] = z[a.classes + 2 + kind];
}

}  // namespace ENGINE_TARGET
