#include "heads.hpp"

#include <algorithm>

#include "../gated.hpp"

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

// Channels relative to their strength, and the strengths of groups.
INLINE void features(const engine::Heads& a, const float* charge, float* x) {
    const Count channels = a.channels;
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
}

// Power of every score against the largest; their sum.
INLINE float powers(const float* scores, Count count, float* to) {
    const float most = *std::max_element(scores, scores + count);
    float total = 0;
    for (Count i = 0; i < count; ++i) total += to[i] = std::exp(scores[i] - most);
    return total;
}

// What a network is told of a track.
INLINE void told_of(const float* track, float* x) {
    for (int i = 0; i < 2; ++i) {
        x[i] = 2 * track[3 + i];
        x[2 + i] = std::clamp(2 * track[5 + i], -3.0f, 3.0f);
    }
    x[4] = 0.3f * std::log(std::max(track[0], 0.0f) + 0.1f);
    x[5] = 0.3f * std::log(std::max(track[2], 0.0f) + 0.02f);
    x[6] = std::log(1 + 3 * track[7]);
    x[7] = std::min(0.5f * track[7], 4.0f);
}

// What has been chosen among tracks: the position, and the rest of `nn.track_heads.Course`.
struct Chosen {
    float position[2]{}, since = 0, way[2]{}, velocity[2]{};
};

// A unit vector along a velocity, shorter where there is hardly a heading.
INLINE void heading_of(const float* velocity, float* heading) {
    constexpr float SLOW = 0.05f;
    const float x = velocity[0], y = velocity[1];
    const float speed = std::sqrt(x * x + y * y + SLOW * SLOW);
    heading[0] = x / speed;
    heading[1] = y / speed;
}

// Where a thing is by now that each track has taken along, if it was last in view where tracks rest,
// by the powers of their scores, which sum to `total`.
INLINE void carry(const engine::Heads& a, const float* tracks, const float* origin, float total,
                  float* places) {
    float was[2]{};
    for (Count j = 0; j < a.tracks; ++j)
        for (int i = 0; i < 2; ++i) was[i] += origin[j] / total * (tracks[j * TRACK + 3 + i] + 0.5f);
    for (Count j = 0; j < a.tracks; ++j, tracks += TRACK) {
        float heading[2], way = 0;
        heading_of(tracks + 5, heading);
        for (int i = 0; i < 2; ++i) way += heading[i] * (tracks[3 + i] + 0.5f - was[i]);
        for (int i = 0; i < 2; ++i)
            places[2 * j + i] = std::clamp(was[i] + heading[i] * way, 0.0f, 1.0f);
    }
}

// The mean of what tracks offer, by how likely each is; the offers go into `places`: where tracks
// rest, where they have gone on to, and where what rests was carried.
INLINE Chosen choose(const engine::Heads& a, const float* tracks, const float* x, float* y,
                     float* z, Count* found, float* places) {
    const engine::Dense* layer = a.dense + a.layers;
    const Count offers = a.kinds * a.tracks;
    dense(layer[0], x, z, found);
    activate(z, a.choice, y, false);
    dense(layer[1], y, z, found + engine::COLUMNS);
    Chosen chosen;
    if (a.kinds > 2) {
        const float origins = powers(z + offers, a.tracks, y);
        carry(a, tracks, y, origins, places + 4 * a.tracks);
    }
    const float total = powers(z, offers, y);
    for (Count j = 0; j < a.tracks; ++j) {
        const float* track = tracks + j * TRACK;
        const float goes = y[a.tracks + j] / total;
        chosen.since += goes * track[7];
        for (int i = 0; i < 2; ++i) {
            const float rest = track[3 + i] + 0.5f;
            const float gone = std::clamp(rest + track[5 + i] * track[7], 0.0f, 1.0f);
            places[2 * j + i] = rest;
            places[2 * (a.tracks + j) + i] = gone;
            chosen.way[i] += goes * (gone - rest);
            chosen.velocity[i] += goes * track[5 + i];
        }
    }
    for (Count o = 0; o < offers; ++o)
        for (int i = 0; i < 2; ++i) chosen.position[i] += y[o] / total * places[2 * o + i];
    return chosen;
}

// Adds what tracks get wrong as a rule.
INLINE void correct(const Chosen& chosen, const float* wrong, float* position) {
    float heading[2];
    heading_of(chosen.velocity, heading);
    for (int i = 0; i < 2; ++i)
        position[i] += (wrong[i] + wrong[2 + i] * chosen.since + wrong[5] * heading[i]) / 32 +
                       wrong[4] * chosen.way[i] / 16;
}

}  // namespace

void read_heads(const engine::Heads& a, const float* charge, float* answer, Count* found,
                float* scratch) {
    const Count room = widest(a);
    float *x = scratch, *y = x + room, *z = y + room;
    float* position = answer + 2 * a.classes;
    features(a, charge, x);
    const float* tracks = charge + a.channels;
    for (Count j = 0; j < a.tracks; ++j)
        told_of(tracks + j * TRACK, x + a.channels + a.strengths + j * TRACK);
    Chosen chosen;
    if (a.tracks) {
        float* places = x + a.channels + a.strengths + a.tracks * TRACK;
        chosen = choose(a, tracks, x, y, z, found + a.layers * engine::COLUMNS, places);
        std::copy_n(chosen.position, 2, position);
        for (Count k = 0; k < 2 * a.kinds * a.tracks; ++k)
            places[k] = std::clamp(16 * (places[k] - position[k % 2]), -3.0f, 3.0f);
    }
    dense(a.dense[0], x, z, found);
    activate(z, a.width, y, false);
    for (Count layer = 1; layer + 1 < a.layers; ++layer) {
        dense(a.dense[layer], y, z, found + layer * engine::COLUMNS);
        activate(z, a.width, y, true);
    }
    dense(a.dense[a.layers - 1], y, z, found + (a.layers - 1) * engine::COLUMNS);
    std::copy_n(z, a.classes, answer);
    const float total = powers(z, a.classes, answer + a.classes);
    for (Count c = 0; c < a.classes; ++c) answer[a.classes + c] /= total;
    const float* rest = z + a.classes;
    if (!a.tracks)
        for (int axis = 0; axis < 2; ++axis) position[axis] = 1.0f / (1.0f + std::exp(-*rest++));
    std::copy_n(rest, engine::PRESENCES, position + 2);
    if (a.corrects) correct(chosen, rest + engine::PRESENCES, position);
}

}  // namespace ENGINE_TARGET
