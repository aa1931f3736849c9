// Products of the spikes of many rows with weights. Where few fire, the rows of weights that spikes
// name are gathered from the first cache. Where many do, the sums of every choice of four inputs are
// made once, and each row looks up one for four inputs ("the four Russians": Arlazarov et al., 1970).

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
    // Share of spikes from which tables are faster: measured with 256 inputs and 1,024 outputs, and
    // the other way round, in AVX2.
    static constexpr double DENSE = 0.28;
    INLINE static Vector row(const float* from) { return load_as<Floats>(from); }
};
template <>
struct Added<std::int8_t> {
    using Vector = Shorts;
    static constexpr Count LANES = 16, RUN = 256;  // 256 * 127 fits 16 bits
    static constexpr double DENSE = 0.25;
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

// Vectors in whole lines of the cache; keeps its memory. Standard containers do not: what they are
// made of is shared by all instruction sets, which do not agree on how vectors lie.
class Lines {
public:
    template <class Vector>
    Vector* of(Count count) {
        bytes.resize(count * sizeof(Vector) + LINE);
        return reinterpret_cast<Vector*>((std::uintptr_t(bytes.data()) + LINE - 1) / LINE * LINE);
    }

private:
    static constexpr std::uintptr_t LINE = 64;
    std::vector<char> bytes;
};

template <class T>
class SpikeSums {
public:
    // Sums of one tile for all rows into `sums` (rows, PARTS), in the units of whole numbers.
    INLINE void look_up(const Product& a, Count tile, const Word* spikes, Count rows, Floats* sums) {
        constexpr Count OUTPUTS = ACROSS * Kind::LANES;
        const T* weights = static_cast<const T*>(a.weights) + tile * a.inputs * TILE;
        const auto table = table_room.of<Table>(AT_ONCE);
        const auto part = part_room.of<Vector>(rows * ACROSS);
        for (Count o = 0; o < TILE; o += OUTPUTS)
            for (Count run = 0; run < a.inputs; run += Kind::RUN) {
                std::fill_n(part, rows * ACROSS, Vector{});
                const Count end = std::min(a.inputs, run + Kind::RUN);
                for (Count d = run; d < end; d += 4 * AT_ONCE) {
                    for (int g = 0; g < AT_ONCE; ++g)
                        build(weights + (d + 4 * g) * TILE + o, table[g].sums);
                    const Word* from = spikes + d / TILE;
                    for (Count r = 0; r < rows; ++r)
                        add_named(table, std::uint32_t(from[r * (a.inputs / TILE)] >> d % TILE),
                                part + r * ACROSS);
                }
                for (Count r = 0; r < rows; ++r)
                    take(part + r * ACROSS, sums + r * PARTS + o / 8, run == 0);
            }
    }

    // The same by adding up the rows that spikes name, of as many inputs at a time as half of a first
    // cache holds.
    INLINE static void gather(const Product& a, Count tile, const Word* spikes, Count rows,
                              Floats* sums) {
        constexpr Count WORDS = sizeof(T) == 1 ? 4 : 1;
        constexpr int VECTORS = int(TILE / Kind::LANES);
        const T* weights = static_cast<const T*>(a.weights) + tile * a.inputs * TILE;
        const Count words = a.inputs / TILE;
        for (Count first = 0; first < words; first += WORDS) {
            const Count last = std::min(words, first + WORDS);
            // What is read next; no processor foresees it from the rows that spikes name.
            const char* next = reinterpret_cast<const char*>(weights + last * TILE * TILE);
            const Count bytes = (last - first) * TILE * TILE * Count(sizeof(T));
            Count ahead = 0;
            for (Count r = 0; r < rows; ++r) {
                for (; ahead * rows < (r + 1) * bytes; ahead += 64)
                    __builtin_prefetch(next + ahead, 0, 2);
                Vector now[VECTORS] = {};
                for (Count w = first; w < last; ++w)
                    for (Word left = spikes[r * words + w]; left; left &= left - 1) {
                        const T* row = weights + (w * TILE + __builtin_ctzll(left)) * TILE;
                        for (int i = 0; i < VECTORS; ++i) now[i] += Kind::row(row + i * Kind::LANES);
                    }
                for (int i = 0; i < VECTORS; i += ACROSS)
                    take(now + i, sums + r * PARTS + i * Kind::LANES / 8, first == 0);
            }
        }
    }

private:
    using Kind = Added<T>;
    using Vector = typename Kind::Vector;
    struct Table {
        Vector sums[16][ACROSS];
    };
    Lines table_room, part_room;

    INLINE static void build(const T* rows, Vector (*to)[ACROSS]) {
        for (int i = 0; i < ACROSS; ++i) {
            Vector sums[16] = {};
#pragma GCC unroll 4
            for (int bit = 0; bit < 4; ++bit) {
                const Vector row = Kind::row(rows + bit * TILE + i * Kind::LANES);
#pragma GCC unroll 8
                for (int rest = 0; rest < 1 << bit; ++rest) sums[rest | 1 << bit] = sums[rest] + row;
            }
#pragma GCC unroll 16
            for (int choice = 0; choice < 16; ++choice) to[choice][i] = sums[choice];
        }
    }
    INLINE static void add_named(const Table* table, std::uint32_t spikes, Vector* to) {
        Vector now[ACROSS];
        for (int i = 0; i < ACROSS; ++i) now[i] = to[i];
#pragma GCC unroll 8
        for (int g = 0; g < AT_ONCE; ++g) {
            const Vector* found = table[g].sums[spikes >> 4 * g & 15];
            for (int i = 0; i < ACROSS; ++i) now[i] += found[i];
        }
        for (int i = 0; i < ACROSS; ++i) to[i] = now[i];
    }
};

// Products in whichever way is faster for so many spikes; keeps its memory from call to call.
class Products {
public:
    // `done(row, tile, y)` for every row and every tile of 64 outputs, of `spikes` (rows, words).
    template <class Done>
    INLINE void run(const Product& a, const Word* spikes, Count rows, const Done& done) {
        Count found = 0;
        for (Count w = 0; w < rows * a.inputs / TILE; ++w) found += __builtin_popcountll(spikes[w]);
        const double share = double(found) / double(rows * a.inputs);
        if (a.kind == Product::float32) run_of(floats, a, spikes, rows, share, done);
        else run_of(bytes, a, spikes, rows, share, done);
    }

private:
    SpikeSums<float> floats;
    SpikeSums<std::int8_t> bytes;
    Lines room;

    template <class T, class Done>
    INLINE void run_of(SpikeSums<T>& kind, const Product& a, const Word* spikes, Count rows,
                       double share, const Done& done) {
        Floats* sums = room.of<Floats>(rows * PARTS);
        for (Count tile = 0; tile < tiles(a.outputs); ++tile) {
            share < Added<T>::DENSE ? kind.gather(a, tile, spikes, rows, sums)
                                    : kind.look_up(a, tile, spikes, rows, sums);
            for (Count r = 0; r < rows; ++r) {
                Floats* y = sums + r * PARTS;
                for (int i = 0; i < PARTS; ++i)
                    y[i] *= load_as<Floats>(a.scale + tile * TILE + 8 * i);
                done(r, tile, y);
            }
        }
    }
};

}  // namespace ENGINE_TARGET
