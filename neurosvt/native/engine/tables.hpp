// Products of spikes of many rows, where many inputs are set: the sums of all choices of four inputs
// are made once and looked up by every row (Abdelfattah et al. call it the method of four Russians).

#pragma once

#include <algorithm>

#include "product.hpp"

namespace ENGINE_TARGET {

template <class T>
struct Entry {  // of a table for weights T
    using Number = std::int16_t;
    using Vector = Shorts;
    static constexpr double DENSE = 0.18;  // share of inputs from which on tables are faster
};
template <>
struct Entry<float> {
    using Number = float;
    using Vector = Floats;
    static constexpr double DENSE = 0.25;
};
constexpr Count CHOICES = 16, LEAST_ROWS = 32;

INLINE Shorts entry(const std::int8_t* weights) { return sixteen(weights); }
INLINE Floats entry(const float* weights) { return load_as<Floats>(weights); }

// What the products of an image need beside their inputs; one for every thread.
struct Tables {
    alignas(64) float sums[8 * CHOICES * TILE / 2];  // of a chunk of inputs: 16 KiB of floats or shorts
    std::vector<float> rows;    // (rows, 64) shorts, or floats
    std::vector<std::int32_t> whole;  // (rows, 64)
};

template <class T>
class TableProduct {
    using Number = typename Entry<T>::Number;
    using Vector = typename Entry<T>::Vector;
    static constexpr Count LANES = sizeof(Vector) / sizeof(Number), VECTORS = TILE / LANES;
    static constexpr Count GROUPS = 16 / sizeof(Number);  // of four inputs, in a chunk

public:
    TableProduct(const Product& product, const Word* spikes, const Named& named, Tables& scratch)
        : a(product), spikes(spikes), named(named), rows(named.rows()), words(a.inputs / 64),
          table(reinterpret_cast<Number*>(scratch.sums)), whole(scratch.whole) {
        scratch.rows.resize(rows * TILE);
        sums = reinterpret_cast<Number*>(scratch.rows.data());
    }

    template <class Done>
    INLINE void run(const Done& done) {
        for (Count tile = 0; tile < tiles(a.outputs); ++tile) {
            std::fill(sums, sums + rows * TILE, Number(0));
            begin();
            const T* weights = static_cast<const T*>(a.weights) + tile * a.inputs * TILE;
            // Words of inputs that a sum of 16 bits holds.
            const Count held = a.run ? std::max<Count>(a.run[tile] / 64, 1) : words;
            for (Count w = 0; w < words; ++w) {
                if (w && w % held == 0) carry();
                for (Count g = 0; g < 16; g += GROUPS)
                    if (named.seen[w] >> 4 * g & MASK) chunk(weights + (w * 64 + 4 * g) * TILE, w, g);
            }
            finish(tile, done);
        }
    }

private:
    static constexpr Word MASK = GROUPS == 16 ? ~Word(0) : (Word(1) << 4 * (GROUPS % 16)) - 1;
    const Product& a;
    const Word* spikes;
    const Named& named;
    const Count rows, words;
    Number* table;
    Number* sums;
    std::vector<std::int32_t>& whole;

    INLINE void chunk(const T* weights, Count w, Count first) {
        for (Count g = 0; g < GROUPS; ++g)
            for (Count i = 0; i < VECTORS; ++i) {
                Vector sum[CHOICES] = {};
                for (int input = 0; input < 4; ++input) {
                    const Vector own = entry(weights + (4 * g + input) * TILE + i * LANES);
                    for (int other = 0; other < 1 << input; ++other)
                        sum[other | 1 << input] = sum[other] + own;
                }
                for (int choice = 0; choice < CHOICES; ++choice)
                    store_as(table + (g * CHOICES + choice) * TILE + i * LANES, sum[choice]);
            }
        for (Count r = 0; r < rows; ++r) {
            Number* to = sums + r * TILE;
            Vector sum[VECTORS];
            for (Count i = 0; i < VECTORS; ++i) sum[i] = load_as<Vector>(to + i * LANES);
            Word bits = spikes[r * words + w] >> 4 * first;
            for (Count g = 0; g < GROUPS; ++g, bits >>= 4) {
                const Number* from = table + (g * CHOICES + (bits & 15)) * TILE;
                for (Count i = 0; i < VECTORS; ++i) sum[i] += load_as<Vector>(from + i * LANES);
            }
            for (Count i = 0; i < VECTORS; ++i) store_as(to + i * LANES, sum[i]);
        }
    }

    INLINE void begin() {
        if constexpr (LANES == 16) whole.assign(rows * TILE, 0);
    }
    // Sums of 16 bits to those of 32, and begin anew.
    INLINE void carry() {
        if constexpr (LANES == 16)
            for (Count j = 0; j < rows * TILE; j += LANES) {
                Ints low = load_as<Ints>(whole.data() + j), high = load_as<Ints>(whole.data() + j + 8);
                add_halves(load_as<Shorts>(sums + j), &low, &high);
                store_as(whole.data() + j, low);
                store_as(whole.data() + j + 8, high);
                store_as(sums + j, Shorts{});
            }
    }
    template <class Done>
    INLINE void finish(Count tile, const Done& done) {
        carry();
        for (Count r = 0; r < rows; ++r) {
            Floats y[PARTS];
            for (int i = 0; i < PARTS; ++i) {
                const Floats scale = load_as<Floats>(a.scale + tile * TILE + 8 * i);
                if constexpr (LANES == 16)
                    y[i] = as_floats(load_as<Ints>(whole.data() + r * TILE + 8 * i)) * scale;
                else
                    y[i] = load_as<Floats>(sums + r * TILE + 8 * i) * scale;
            }
            done(r, tile, y);
        }
    }
};

template <class T, class Done>
INLINE void dense_or_named(const Product& a, const Word* spikes, const Named& named,
                           Tables& scratch, const Done& done) {
    const double inputs = double(named.rows()) * double(named.needed());
    if (named.rows() >= LEAST_ROWS && double(named.places.size()) > Entry<T>::DENSE * inputs)
        TableProduct<T>(a, spikes, named, scratch).run(done);
    else
        product_of<T>(a, named, done);
}
// As `product`, of rows whose spikes are at hand as words too; by tables where many are set.
template <class Done>
INLINE void product(const Product& a, const Word* spikes, const Named& named, Tables& scratch,
                    const Done& done) {
    if (a.kind == Product::int8)
        dense_or_named<std::int8_t>(a, spikes, named, scratch, done);
    else if (a.kind == Product::float32)
        dense_or_named<float>(a, spikes, named, scratch, done);
    else
        product(a, named, done);
}

}  // namespace ENGINE_TARGET
