// Products of many spikes with weights: the sums of every choice of four inputs are made once, and
// each row looks up one for four inputs ("the four Russians": Arlazarov et al., 1970).

#pragma once

#include <algorithm>
#include <vector>

#include "product.hpp"

namespace ENGINE_TARGET {

// In what numbers of a kind are added up, and of how many inputs a sum is exact in them.
template <class T>
struct Added;
template <>
struct Added<float> {
    using Vector = Floats;
    static constexpr Count LANES = 8, RUN = 1 << 30;
    static constexpr double SPARSE = 0.14;  // share of spikes below which rows are gathered
    INLINE static Vector row(const float* from) { return load_as<Floats>(from); }
};
template <>
struct Added<std::int8_t> {
    using Vector = Shorts;
    static constexpr Count LANES = 16, RUN = 256;  // 256 * 127 fits 16 bits
    static constexpr double SPARSE = 0.10;
    INLINE static Vector row(const std::int8_t* from) {
        return widened(load_as<SixteenBytes>(from));
    }
};

constexpr int ACROSS = 4;   // vectors that a lookup adds
constexpr int AT_ONCE = 8;  // tables of four inputs each: 16 KB, half of a first cache

INLINE void take(const Floats* from, Floats* to, bool first) {
    for (int i = 0; i < ACROSS; ++i) to[i] = first ? from[i] : to[i] + from[i];
}
INLINE void take(const Shorts* from, Floats* to, bool first) {
    for (int i = 0; i < ACROSS; ++i) {
        Ints half[2] = {};
        add_halves(from[i], half, half + 1);
        for (int j = 0; j < 2; ++j) {
            Floats& sum = to[2 * i + j];
            sum = first ? as_floats(half[j]) : sum + as_floats(half[j]);
        }
    }
}

template <class T>
class Tables {
public:
    // Sums of one tile for all rows into `sums` (rows, PARTS), in the units of whole numbers.
    INLINE void tile(const Product& a, Count tile, const Word* spikes, Count rows, Floats* sums) {
        constexpr Count OUTPUTS = ACROSS * Kind::LANES;
        const T* weights = static_cast<const T*>(a.weights) + tile * a.inputs * TILE;
        part.resize(rows * ACROSS);
        for (Count o = 0; o < TILE; o += OUTPUTS)
            for (Count run = 0; run < a.inputs; run += Kind::RUN) {
                std::fill(part.begin(), part.end(), Vector{});
                const Count end = std::min(a.inputs, run + Kind::RUN);
                for (Count d = run; d < end; d += 4 * AT_ONCE) {
                    build(weights + d * TILE + o);
                    const Word* from = spikes + d / TILE;
                    for (Count r = 0; r < rows; ++r)
                        look_up(std::uint32_t(from[r * (a.inputs / TILE)] >> d % TILE),
                                part.data() + r * ACROSS);
                }
                for (Count r = 0; r < rows; ++r)
                    take(part.data() + r * ACROSS, sums + r * PARTS + o / 8, run == 0);
            }
    }

private:
    using Kind = Added<T>;
    using Vector = typename Kind::Vector;
    Vector table[AT_ONCE][16][ACROSS];
    std::vector<Vector> part;  // (rows, ACROSS)

    INLINE void build(const T* rows) {
        for (int g = 0; g < AT_ONCE; ++g) {
            Vector(*to)[ACROSS] = table[g];
            for (int i = 0; i < ACROSS; ++i) to[0][i] = Vector{};
            for (int bit = 0; bit < 4; ++bit) {
                Vector row[ACROSS];
                for (int i = 0; i < ACROSS; ++i)
                    row[i] = Kind::row(rows + (4 * g + bit) * TILE + i * Kind::LANES);
                for (int rest = 0; rest < 1 << bit; ++rest)
                    for (int i = 0; i < ACROSS; ++i)
                        to[rest | 1 << bit][i] = to[rest][i] + row[i];
            }
        }
    }
    INLINE void look_up(std::uint32_t spikes, Vector* to) const {
        Vector now[ACROSS];
        for (int i = 0; i < ACROSS; ++i) now[i] = to[i];
#pragma GCC unroll 8
        for (int g = 0; g < AT_ONCE; ++g) {
            const Vector* found = table[g][spikes >> 4 * g & 15];
            for (int i = 0; i < ACROSS; ++i) now[i] += found[i];
        }
        for (int i = 0; i < ACROSS; ++i) to[i] = now[i];
    }
};

// Products in whichever way is faster for so many spikes; keeps its memory from call to call.
class Products {
public:
    // As `product`, of `spikes` (rows, words of the inputs).
    template <class Done>
    INLINE void run(const Product& a, const Word* spikes, Count rows, const Done& done) {
        const Count words = a.inputs / TILE;
        Count found = 0;
        for (Count w = 0; w < rows * words; ++w) found += __builtin_popcountll(spikes[w]);
        const double share = double(found) / double(rows * a.inputs);
        if (a.kind == Product::float32 && share >= Added<float>::SPARSE) {
            by_tables(floats, a, spikes, rows, done);
        } else if (a.kind == Product::int8 && share >= Added<std::int8_t>::SPARSE) {
            by_tables(bytes, a, spikes, rows, done);
        } else {
            named.clear(words);
            for (Count r = 0; r < rows; ++r) named.row(spikes + r * words, words);
            product(a, named, done);
        }
    }

private:
    Tables<float> floats;
    Tables<std::int8_t> bytes;
    Named named;
    std::vector<Floats> sums;

    template <class T, class Done>
    INLINE void by_tables(Tables<T>& tables, const Product& a, const Word* spikes, Count rows,
                          const Done& done) {
        sums.resize(rows * PARTS);
        for (Count tile = 0; tile < tiles(a.outputs); ++tile) {
            tables.tile(a, tile, spikes, rows, sums.data());
            for (Count r = 0; r < rows; ++r) {
                Floats* y = sums.data() + r * PARTS;
                for (int i = 0; i < PARTS; ++i) y[i] *= load_as<Floats>(a.scale + tile * TILE + 8 * i);
                done(r, tile, y);
            }
        }
    }
};

}  // namespace ENGINE_TARGET
