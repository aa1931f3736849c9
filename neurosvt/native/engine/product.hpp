// Products of spikes with weights: the rows of weights that spikes name are added up.

#pragma once

#include <vector>

#include "model.hpp"
#include "vector.hpp"

namespace ENGINE_TARGET {

using engine::Product;

// Which inputs of every row are set, row after row.
struct Named {
    std::vector<std::uint16_t> places;
    std::vector<Count> start;
    std::vector<Word> seen;  // by any row

    void clear(Count words) {
        places.clear();
        start.assign(1, 0);
        seen.assign(words, 0);
    }
    void row(const Word* spikes, Count words) {
        const Count begin = start.back();
        places.resize(begin + words * TILE);
        std::uint16_t* next = places.data() + begin;
        for (Count w = 0; w < words; ++w) {
            seen[w] |= spikes[w];
            for (Word left = spikes[w]; left; left &= left - 1)
                *next++ = std::uint16_t(w * TILE + __builtin_ctzll(left));
        }
        start.push_back(next - places.data());
    }
    Count rows() const { return Count(start.size()) - 1; }
    Count needed() const {
        Count found = 0;
        for (const Word word : seen) found += __builtin_popcountll(word);
        return found;
    }
};

// Sums of the named rows of one tile. Whole numbers are added in as few bits as hold them, `run` rows
// at a time; they are exact in any order.
template <class T>
INLINE void sum_rows(const T* tile, const std::uint16_t* named, Count count, Count run, Ints* sums) {
    for (int i = 0; i < PARTS; ++i) sums[i] = Ints{};
    for (Count n = 0; n < count;) {
        const Count end = n + run < count ? n + run : count;
        Shorts part[4] = {};
        for (; n < end; ++n) {
            const T* row = tile + named[n] * TILE;
            for (int i = 0; i < 4; ++i) part[i] += sixteen(row + 16 * i);
        }
        for (int i = 0; i < 4; ++i) add_halves(part[i], sums + 2 * i, sums + 2 * i + 1);
    }
}
INLINE void sum_rows(const float* tile, const std::uint16_t* named, Count count, Count,
                     Floats* sums) {
    for (int i = 0; i < PARTS; ++i) sums[i] = Floats{};
    for (Count n = 0; n < count; ++n) {
        const float* row = tile + named[n] * TILE;
        for (int i = 0; i < PARTS; ++i) sums[i] += load_as<Floats>(row + 8 * i);
    }
}

INLINE Floats number(Ints x) { return as_floats(x); }
INLINE Floats number(Floats x) { return x; }

template <class T>
struct Sums {
    using Type = Ints;
};
template <>
struct Sums<float> {
    using Type = Floats;
};

// One tile of one row, in the units of the weights' layer.
template <class T>
INLINE void tile_of_row(const Product& a, Count tile, const std::uint16_t* named, Count count,
                        Floats* y) {
    typename Sums<T>::Type sums[PARTS];
    const T* weights = static_cast<const T*>(a.weights) + tile * a.inputs * TILE;
    sum_rows(weights, named, count, a.run ? a.run[tile] : 1, sums);
    for (int i = 0; i < PARTS; ++i)
        y[i] = number(sums[i]) * load_as<Floats>(a.scale + tile * TILE + 8 * i);
}

INLINE Count tiles(Count channels) { return (channels + TILE - 1) / TILE; }

// `done(row, tile, y)` for every row and every tile of 64 outputs; a tile's weights stay in the cache
// while they meet all rows.
template <class T, class Done>
INLINE void product_of(const Product& a, const Named& named, const Done& done) {
    for (Count tile = 0; tile < tiles(a.outputs); ++tile)
        for (Count r = 0; r < named.rows(); ++r) {
            Floats y[PARTS];
            const Count begin = named.start[r];
            tile_of_row<T>(a, tile, named.places.data() + begin, named.start[r + 1] - begin, y);
            done(r, tile, y);
        }
}
// `todo(T())` for the type of the weights.
template <class Todo>
INLINE void by_type(const Product& a, const Todo& todo) {
    switch (a.kind) {
        case Product::int16: return todo(std::int16_t());
        case Product::int8: return todo(std::int8_t());
        default: return todo(float());
    }
}
template <class Done>
INLINE void product(const Product& a, const Named& named, const Done& done) {
    by_type(a, [&](auto type) { product_of<decltype(type)>(a, named, done); });
}

}  // namespace ENGINE_TARGET
