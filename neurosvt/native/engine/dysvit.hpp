// A DySViT on images: neurosvt/models/dysvit.py.

#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "image_model.hpp"
#include "spike_products.hpp"

namespace ENGINE_TARGET {

using engine::ImageModel;

// Neurons of a tile at one step from rest.
INLINE Word fire(const Floats* y, const float* neurons, Count channels, Count tile) {
    Ints bits = {};
    for (int i = 0; i < PARTS; ++i) {
        const float* factor = neurons + tile * TILE + 8 * i;
        const Floats u = y[i] * load_as<Floats>(factor) + load_as<Floats>(factor + channels);
        bits |= bits_of(u >= 1.0f, i);
    }
    return word_of(bits);
}

// Rows and columns of 64 words of bits, exchanged (Warren, Hacker's Delight, 2012, sec. 7-3).
INLINE void transpose(Word* a) {
    Word mask = 0x00000000FFFFFFFFull;
    for (int j = 32; j; j >>= 1, mask ^= mask << j)
        for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            const Word moved = ((a[k] >> j) ^ a[k | j]) & mask;
            a[k] ^= moved << j;
            a[k | j] ^= moved;
        }
}

// What several images are worked on in.
struct Desk {
    Products products;
    std::vector<float> x, mixed, square, patch;
    std::vector<Word> spikes, asked, hidden, keys, values;
};

// Some images, layer by layer together: their tokens share what is made of the weights.
class Look {
public:
    Look(const ImageModel& a, Desk& at) : a(a), at(at), images(0) {}

    void run(const float* pixels, Count count, float* features, Count* counts) {
        images = count;
        rows = images * tokens;
        layer = counts;
        at.x.resize(rows * wide);
        at.spikes.resize(rows * words);
        at.asked.resize(rows * 3 * words);
        at.hidden.resize(rows * hidden_words);
        for (Count n = 0; n < images; ++n) embed(pixels + n * 3 * a.side * a.side, n);
        for (Count i = 0; i < a.depth; ++i) block(a.blocks[i]);
        fire_rows(at.x.data(), a.last);
        tell(at.spikes, words);
        for (Count n = 0; n < images; ++n) share(n, features + n * a.width);
    }

private:
    const ImageModel& a;
    Desk& at;
    Count images, rows = 0;
    Count* layer = nullptr;
    const Count across = a.side / a.patch, tokens = across * across;
    const Count words = tiles(a.width), wide = words * TILE, hidden_words = tiles(a.hidden);

    void embed(const float* image, Count n) {
        const Count inputs = 3 * a.patch * a.patch;
        at.patch.resize(inputs);
        for (Count t = 0; t < tokens; ++t) {
            const float* corner = image + t / across * a.patch * a.side + t % across * a.patch;
            float* to = at.patch.data();
            for (Count colour = 0; colour < 3; ++colour)
                for (Count y = 0; y < a.patch; ++y, to += a.patch)
                    std::copy_n(corner + (colour * a.side + y) * a.side, a.patch, to);
            for (Count tile = 0; tile < words; ++tile) {
                const float* weights = a.embed + tile * inputs * TILE;
                Floats sums[PARTS];
                for (int i = 0; i < PARTS; ++i)
                    sums[i] = load_as<Floats>(a.positions + t * wide + tile * TILE + 8 * i);
                for (Count d = 0; d < inputs; ++d)
                    for (int i = 0; i < PARTS; ++i)
                        sums[i] += at.patch[d] * load_as<Floats>(weights + d * TILE + 8 * i);
                float* x = at.x.data() + (n * tokens + t) * wide + tile * TILE;
                for (int i = 0; i < PARTS; ++i) store_as(x + 8 * i, sums[i]);
            }
        }
    }

    void block(const engine::ImageBlock& b) {
        fire_rows(at.x.data(), b.fire_attention);
        tell(at.spikes, words);
        fire_product(b.qkv, at.spikes, b.fire_qkv, at.asked);
        tell(at.asked, 3 * words);
        mix();
        fire_rows(at.mixed.data(), b.fire_mixed);
        tell(at.spikes, words);
        add_product(b.out, at.spikes);
        fire_rows(at.x.data(), b.fire_in);
        tell(at.spikes, words);
        fire_product(b.expand, at.spikes, b.fire_hidden, at.hidden);
        tell(at.hidden, hidden_words);
        add_product(b.contract, at.hidden);
    }

    void fire_rows(const float* x, const float* neurons) {
        for (Count w = 0; w < rows * words; ++w) {
            Floats y[PARTS];
            for (int i = 0; i < PARTS; ++i) y[i] = load_as<Floats>(x + w * TILE + 8 * i);
            at.spikes[w] = fire(y, neurons, wide, w % words);
        }
    }
    void fire_product(const engine::Product& p, const std::vector<Word>& from, const float* neurons,
                      std::vector<Word>& to) {
        const Count across_words = p.outputs / TILE;
        at.products.run(p, from.data(), rows, [&](Count r, Count tile, const Floats* y) {
            to[r * across_words + tile] = fire(y, neurons, p.outputs, tile);
        });
    }
    void add_product(const engine::Product& p, const std::vector<Word>& from) {
        at.products.run(p, from.data(), rows, [&](Count r, Count tile, const Floats* y) {
            float* x = at.x.data() + r * wide + tile * TILE;
            for (int i = 0; i < PARTS; ++i)
                store_as(x + 8 * i, load_as<Floats>(x + 8 * i) + a.residual * y[i]);
        });
    }

    // q (k^T v) of every image and head. Of keys and values a channel's tokens become words, so that
    // k^T v counts bits.
    void mix() {
        const Count spans = tiles(tokens), each = a.width / a.heads, padded = (each + 7) / 8 * 8;
        at.mixed.assign(rows * wide, 0);
        at.keys.resize(wide * spans);
        at.values.resize(wide * spans);
        at.square.assign(each * padded, 0);
        for (Count n = 0; n < images; ++n) {
            const Word* asked = at.asked.data() + n * tokens * 3 * words;
            turn(asked + words, spans, at.keys.data());
            turn(asked + 2 * words, spans, at.values.data());
            for (Count h = 0; h < a.heads; ++h) {
                const Word* mask = a.head_masks + h * words;
                count_pairs(h * each, each, padded, spans);
                if (layer) tell_head(asked, mask, h * each, each, padded);
                gather(asked, mask, h * each, each, padded,
                       at.mixed.data() + n * tokens * wide + h * each);
            }
        }
        if (layer) layer += engine::COLUMNS;
    }
    // (tokens, words) of every third row of words to (channels, spans).
    void turn(const Word* from, Count spans, Word* to) const {
        for (Count w = 0; w < words; ++w)
            for (Count s = 0; s < spans; ++s) {
                Word bits[TILE] = {};
                const Count last = std::min(TILE, tokens - s * TILE);
                for (Count t = 0; t < last; ++t) bits[t] = from[(s * TILE + t) * 3 * words + w];
                transpose(bits);
                for (int b = 0; b < TILE; ++b) to[(w * TILE + channel_of(b)) * spans + s] = bits[b];
            }
    }
    void count_pairs(Count first, Count each, Count padded, Count spans) {
        const Word *k = at.keys.data() + first * spans, *v = at.values.data() + first * spans;
        for (Count i = 0; i < each; ++i)
            for (Count j = 0; j < each; ++j) {
                Count met = 0;
                for (Count s = 0; s < spans; ++s)
                    met += __builtin_popcountll(k[i * spans + s] & v[j * spans + s]);
                at.square[i * padded + j] = float(met);
            }
    }
    void gather(const Word* asked, const Word* mask, Count first, Count each, Count padded,
                float* to) const {
        for (Count t = 0; t < tokens; ++t)
            for (Count o = 0; o < each; o += TILE) {
                if (each - o >= TILE) {
                    gather_tile<PARTS>(asked + t * 3 * words, mask, first, padded, o, PARTS,
                                       to + t * wide + o);
                } else {  // what is padded must not reach the next head
                    float whole[TILE];
                    gather_tile<0>(asked + t * 3 * words, mask, first, padded, o,
                                   int((padded - o) / 8), whole);
                    std::copy_n(whole, each - o, to + t * wide + o);
                }
            }
    }
    template <int FIXED>
    INLINE void gather_tile(const Word* asked, const Word* mask, Count first, Count padded, Count o,
                            int given, float* to) const {
        const int parts = FIXED ? FIXED : given;
        Floats sums[PARTS] = {};
        for (Count w = 0; w < words; ++w)
            for (Word left = asked[w] & mask[w]; left; left &= left - 1) {
                const Count c = w * TILE + channel_of(__builtin_ctzll(left)) - first;
                const float* row = at.square.data() + c * padded + o;
                for (int i = 0; i < parts; ++i) sums[i] += load_as<Floats>(row + 8 * i);
            }
        for (int i = 0; i < parts; ++i) store_as(to + 8 * i, sums[i]);
    }

    void share(Count n, float* features) const {
        std::vector<Count> found(wide, 0);
        for (Count t = 0; t < tokens; ++t)
            for (Count w = 0; w < words; ++w)
                for (Word left = at.spikes[(n * tokens + t) * words + w]; left; left &= left - 1)
                    ++found[w * TILE + channel_of(__builtin_ctzll(left))];
        const float known = is_known(n) ? 0.0f : NAN;
        for (Count d = 0; d < a.width; ++d) features[d] = float(found[d]) / float(tokens) + known;
    }
    // A pixel that is no number leaves none in its token; as in PyTorch, all of its image is unknown.
    bool is_known(Count n) const {
        int lost = 0;
        for (Count t = n * tokens; t < (n + 1) * tokens; ++t) {
            const float* x = at.x.data() + t * wide;
            for (Count d = 0; d < a.width; ++d) lost |= x[d] != x[d];
        }
        return !lost;
    }

    // What is counted, of one image: a layer's spikes, tokens with any, channels with any.
    void tell(const std::vector<Word>& spikes, Count across_words) {
        if (!layer) return;
        std::vector<Word> any(across_words, 0);
        for (Count r = 0; r < rows; ++r) {
            Count found = 0;
            for (Count w = 0; w < across_words; ++w) {
                any[w] |= spikes[r * across_words + w];
                found += __builtin_popcountll(spikes[r * across_words + w]);
            }
            layer[0] += found;
            layer[1] += found != 0;
        }
        for (const Word word : any) layer[2] += __builtin_popcountll(word);
        layer += engine::COLUMNS;
    }
    // Additions of a head, and matrices' numbers that come between, in the order that
    // ops/attention.py takes for such a shape.
    void tell_head(const Word* asked, const Word* mask, Count first, Count each, Count padded) {
        const auto met = [&](Count t, Count u) {
            Count found = 0;
            for (Count w = 0; w < words; ++w)
                found += __builtin_popcountll(asked[t * 3 * words + w] &
                                              asked[(u * 3 + 1) * words + w] & mask[w]);
            return found;
        };
        Count before = 0, after = 0;
        if (tokens <= each) {
            for (Count u = 0; u < tokens; ++u) {
                Count keys = 0, values = 0;
                for (Count t = 0; t < tokens; ++t) {
                    const Count score = met(t, u);
                    before += score;
                    keys += score != 0;
                }
                for (Count w = 0; w < words; ++w)
                    values += __builtin_popcountll(asked[(u * 3 + 2) * words + w] & mask[w]);
                after += keys * values;
            }
        } else {
            for (Count i = 0; i < each; ++i) {
                const float* row = at.square.data() + i * padded;
                const Count c = first + i, bit = channel_of(int(c % TILE));
                Count asking = 0;
                for (Count t = 0; t < tokens; ++t)
                    asking += asked[t * 3 * words + c / TILE] >> bit & 1;
                for (Count j = 0; j < each; ++j) before += Count(row[j]);
                after += asking * (each - std::count(row, row + each, 0.0f));
            }
        }
        const Count inner = tokens <= each ? tokens : each;
        layer[0] += before + after;
        layer[1] += (before != 0) * inner * inner + (after != 0) * tokens * each;
    }
};

// Images that are looked at together.
constexpr Count TOGETHER = 8;

INLINE void look(const ImageModel& a, const engine::Pictures& given, Count begin, Count end) {
    static thread_local Desk desk;
    const Count pixels = 3 * a.side * a.side, numbers = a.layers * engine::COLUMNS;
    const Count step = given.counts ? 1 : TOGETHER;
    for (Count n = begin; n < end; n += step)
        Look(a, desk).run(given.pixels + n * pixels, std::min(step, end - n),
                          given.features + n * a.width,
                          given.counts ? given.counts + n * numbers : nullptr);
}

}  // namespace ENGINE_TARGET
