// Leaky integrate-and-fire, 64 neurons at a time (ops/lif.py), and the noise that models are judged
// with (nn/token_neuron.py).

#pragma once

#include "model.hpp"
#include "vector.hpp"

namespace ENGINE_TARGET {

// Normal numbers, by counting: the inverse of their distribution at hashed counters.
class Noise {
public:
    Noise(std::uint32_t seed, std::uint64_t* drawn) : seed(seed), drawn(drawn) {}

    INLINE Floats next() {
        const std::uint64_t first = *drawn;
        *drawn += 8;
        Unsigned x = LANES + std::uint32_t(first);
        x ^= seed ^ std::uint32_t(first >> 32) * 0x9E3779B9u;
        // "triple32" of Chris Wellons' search for low-bias hashes.
        x ^= x >> 17; x *= 0xED5AD4BBu;
        x ^= x >> 11; x *= 0xAC4C1B51u;
        x ^= x >> 15; x *= 0x31848BABu;
        x ^= x >> 14;
        // In (-1, 1), symmetric, never at an end.
        const Floats u = (as_floats(Ints(x >> 9)) + 0.5f) * (1.0f / (1 << 22)) - 1.0f;
        return inverse_erf(u) * 1.41421356f;
    }

private:
    typedef std::uint32_t Unsigned __attribute__((vector_size(32)));
    static constexpr Unsigned LANES = {0, 1, 2, 3, 4, 5, 6, 7};

    // log of x in (0, 1], as Cephes has it.
    INLINE static Floats log_of(Floats x) {
        const Ints bits = Ints(x);
        Ints exponent = ((bits >> 23) & 0xFF) - 126;
        Floats m = Floats((bits & 0x007FFFFF) | 0x3F000000);  // in [0.5, 1)
        const Ints low = m < 0.70710678f;
        exponent += low;
        m += Floats(Ints(m) & low);
        m -= 1.0f;
        const Floats z = m * m, e = as_floats(exponent);
        Floats p = m * 7.0376836292e-2f - 1.1514610310e-1f;
        p = p * m + 1.1676998740e-1f; p = p * m - 1.2420140846e-1f;
        p = p * m + 1.4249322787e-1f; p = p * m - 1.6668057665e-1f;
        p = p * m + 2.0000714765e-1f; p = p * m - 2.4999993993e-1f;
        p = p * m + 3.3333331174e-1f;
        return p * m * z - 0.5f * z - e * 2.12194440e-4f + m + e * 0.693359375f;
    }

    // Giles, "Approximating the erfinv function" (GPU Computing Gems 2010), single precision.
    INLINE static Floats inverse_erf(Floats u) {
        const Floats w = -log_of((1.0f - u) * (1.0f + u));
        const Floats a = w - 2.5f;
        Floats p = a * 2.81022636e-08f + 3.43273939e-07f;
        p = p * a - 3.5233877e-06f; p = p * a - 4.39150654e-06f;
        p = p * a + 0.00021858087f; p = p * a - 0.00125372503f;
        p = p * a - 0.00417768164f; p = p * a + 0.246640727f;
        p = p * a + 1.50140941f;
        const Ints far = w >= 5.0f;
        if (!word_of(bits_of(far, 0))) return p * u;  // all but one in forty
        Floats b = {};
        for (int j = 0; j < 8; ++j) b[j] = std::sqrt(w[j]);
        b -= 3.0f;
        Floats q = b * -0.000200214257f + 0.000100950558f;
        q = q * b + 0.00134934322f; q = q * b - 0.00367342844f;
        q = q * b + 0.00573950773f; q = q * b - 0.0076224613f;
        q = q * b + 0.00943887047f; q = q * b + 1.00167406f;
        q = q * b + 2.83297682f;
        return Floats((Ints(p) & ~far) | (Ints(q) & far)) * u;
    }

    std::uint32_t seed;
    std::uint64_t* drawn;
};

// What a layer of neurons did.
struct Fired {
    Count updates = 0, spikes = 0;
};

// One touch of a tile: `y` drives, times `scale` if there is one; `v` has leaked to `keep` of itself.
// Returns the spikes; `dense` takes them as numbers too.
INLINE Word fire(const Floats* y, const float* scale, float* v, float keep, Noise* noise,
                 float spread, Fired& fired, std::int16_t* dense = nullptr) {
    Ints bits = {}, silent = {};
    for (int i = 0; i < PARTS; ++i) {
        Floats current = scale ? y[i] * load_as<Floats>(scale + 8 * i) : y[i];
        silent += y[i] == 0.0f;
        if (noise) current += spread * noise->next();
        const Floats h = keep * load_as<Floats>(v + 8 * i) + current;
        const Ints over = h >= 1.0f;
        store_as(v + 8 * i, Floats(Ints(h) & ~over));
        bits |= bits_of(over, i);
        if (dense) store_as(dense + 8 * i, -lowest_shorts(over));
    }
    const Word word = word_of(bits);
    fired.updates += TILE + sum_of(silent);
    fired.spikes += __builtin_popcountll(word);
    return word;
}

}  // namespace ENGINE_TARGET
