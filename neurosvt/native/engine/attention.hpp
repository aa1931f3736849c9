// Attention between spikes of one frame: nn/attention.py. The sums are those of `q (k^T v)`; counted
// is that or `(q k^T) v`, for every head whichever has fewer additions, for the sums are the same.

#pragma once

#include <algorithm>
#include <vector>

#include "model.hpp"
#include "vector.hpp"

namespace ENGINE_TARGET {

// Additions made, and numbers that came between.
struct Mixed {
    Count additions = 0, values = 0;
};

// Keeps its memory from step to step.
class Attention {
public:
    std::vector<std::int32_t> out;  // (rows, padded width)

    // `qkv` is (rows, 3, words); `v` has the spikes of the last third as numbers, (rows, padded width).
    Mixed mix(const engine::Model& a, Count rows, const Word* qkv, const std::int16_t* v) {
        each = a.width / a.heads;
        words = tiles(a.width);
        spans = (rows + 63) / 64;
        out.assign(rows * words * TILE, 0);
        Mixed done;
        for (Count h = 0; h < a.heads; ++h) one_head(a.head_masks + h * words, h * each, rows, qkv, v, done);
        return done;
    }

private:
    Count each = 0, words = 0, spans = 0;  // channels of a head, words of a token, of all rows
    std::vector<Word> asking;              // (each, spans): rows whose query has a channel
    std::vector<Count> askers;             // how many
    std::vector<std::int16_t> square;      // (each, each): keys and values
    std::vector<Word> met;                 // (spans): rows whose query has a channel of one key

    void one_head(const Word* mask, Count first, Count rows, const Word* qkv, const std::int16_t* v,
                  Mixed& done) {
        const Count low = first / TILE, high = (first + each - 1) / TILE + 1, wide = words * TILE;
        const auto for_spikes = [&](Count r, int part, const auto& todo) {
            for (Count w = low; w < high; ++w)
                for (Word left = qkv[(r * 3 + part) * words + w] & mask[w]; left; left &= left - 1)
                    todo(w * TILE + channel_of(__builtin_ctzll(left)) - first);
        };
        asking.assign(each * spans, 0);
        askers.assign(each, 0);
        square.assign(each * each, 0);
        Count asked = 0, answered = 0, values = 0, keys = 0, pairs = 0;
        for (Count r = 0; r < rows; ++r) {
            const Count before = asked;
            for_spikes(r, 0, [&](Count i) {
                asking[i * spans + r / 64] |= Word(1) << r % 64;
                ++askers[i];
                ++asked;
            });
            answered += asked != before;
        }
        for (Count r = 0; r < rows; ++r) {
            const std::int16_t* from = v + r * wide + first;
            Count said = 0;
            for (Count w = low; w < high; ++w)
                said += __builtin_popcountll(qkv[(r * 3 + 2) * words + w] & mask[w]);
            met.assign(spans, 0);
            for_spikes(r, 1, [&](Count i) {
                values += said;
                keys += askers[i];
                for (Count s = 0; s < spans; ++s) met[s] |= asking[i * spans + s];
                add_numbers(from, square.data() + i * each);
            });
            Count near = 0;
            for (const Word word : met) near += __builtin_popcountll(word);
            pairs += near;
            keys += near * said;
        }
        for (Count r = 0; r < rows; ++r)
            for_spikes(r, 0, [&](Count i) {
                add_numbers(square.data() + i * each, out.data() + r * wide + first);
            });
        values += asked * each;
        done.values += answered * each;
        if (values < keys) {
            done.additions += values;
            done.values += 2 * (each * each - std::count(square.begin(), square.end(), 0));
        } else {
            done.additions += keys;
            done.values += 2 * pairs;
        }
    }

    template <class To>
    INLINE void add_numbers(const std::int16_t* from, To* to) const {
        Count j = 0;
        for (; j + 16 <= each; j += 16)
#pragma GCC ivdep
            for (int i = 0; i < 16; ++i) to[j + i] = To(to[j + i] + from[j + i]);
        for (; j < each; ++j) to[j] = To(to[j] + from[j]);
    }
};

}  // namespace ENGINE_TARGET
