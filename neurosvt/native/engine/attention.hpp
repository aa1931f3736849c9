// Attention between spikes of one frame: nn/attention.py. For every head `(q k^T) v` or `q (k^T v)`,
// whichever has fewer additions; the sums are the same.

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

// q, k and v of rows, as words and (v) as numbers; sums come out as numbers.
struct Attention {
    const engine::Model& model;
    Count rows, words, width;  // words and padded channels of each of the three
    const Word* qkv;           // (rows, 3, words)
    const std::int16_t* v;     // (rows, width): 0 or 1
    std::int32_t* out;         // (rows, width)
    std::vector<std::uint16_t>& scores;
    std::vector<std::int16_t>& square;

    Mixed run() const {
        Mixed done;
        std::fill(out, out + rows * width, 0);
        for (Count h = 0; h < model.heads; ++h) one_head(h, done);
        return done;
    }

private:
    void one_head(Count h, Mixed& done) const {
        const Word* mask = model.head_masks + h * words;
        const Count each = model.width / model.heads;
        const Count low = h * each / TILE, high = ((h + 1) * each - 1) / TILE + 1;
        const auto ones = [&](Count r, int part) {
            Count found = 0;
            for (Count w = low; w < high; ++w)
                found += __builtin_popcountll(qkv[(r * 3 + part) * words + w] & mask[w]);
            return found;
        };
        scores.resize(rows * rows);
        Count keys = 0, met = 0, values = 0, asking = 0;
        for (Count m = 0; m < rows; ++m) {
            const Count at_v = ones(m, 2), at_q = ones(m, 0);
            values += ones(m, 1) * at_v + at_q * each;
            asking += at_q != 0;
            for (Count n = 0; n < rows; ++n) {
                Count score = 0;
                for (Count w = low; w < high; ++w)
                    score += __builtin_popcountll(qkv[n * 3 * words + w] &
                                                  qkv[(m * 3 + 1) * words + w] & mask[w]);
                scores[n * rows + m] = std::uint16_t(score);
                keys += score + (score ? at_v : 0);
                met += score != 0;
            }
        }
        done.values += asking * each;
        if (values < keys) {
            done.additions += values;
            done.values += 2 * values_first(h, mask, each, low, high);
        } else {
            done.additions += keys;
            done.values += 2 * met;
            keys_first(h * each, each);
        }
    }

    void keys_first(Count first, Count each) const {
        for (Count n = 0; n < rows; ++n)
            for (Count m = 0; m < rows; ++m) {
                const std::int32_t score = scores[n * rows + m];
                if (!score) continue;
                const std::int16_t* from = v + m * width + first;
                std::int32_t* to = out + n * width + first;
#pragma GCC ivdep
                for (Count j = 0; j < each; ++j) to[j] += score * from[j];
            }
    }

    // How many sums of keys and values are not 0.
    Count values_first(Count h, const Word* mask, Count each, Count low, Count high) const {
        const Count first = h * each;
        square.assign(each * each, 0);
        const auto for_spikes = [&](Count r, int part, const auto& todo) {
            for (Count w = low; w < high; ++w)
                for (Word left = qkv[(r * 3 + part) * words + w] & mask[w]; left; left &= left - 1)
                    todo(w * TILE + channel_of(__builtin_ctzll(left)) - first);
        };
        for (Count r = 0; r < rows; ++r) {
            const std::int16_t* from = v + r * width + first;
            for_spikes(r, 1, [&](Count i) {
                std::int16_t* to = square.data() + i * each;
#pragma GCC ivdep
                for (Count j = 0; j < each; ++j) to[j] = std::int16_t(to[j] + from[j]);
            });
        }
        for (Count r = 0; r < rows; ++r) {
            std::int32_t* to = out + r * width + first;
            for_spikes(r, 0, [&](Count i) {
                const std::int16_t* from = square.data() + i * each;
#pragma GCC ivdep
                for (Count j = 0; j < each; ++j) to[j] += from[j];
            });
        }
        return Count(square.size()) - std::count(square.begin(), square.end(), 0);
    }
};

}  // namespace ENGINE_TARGET
