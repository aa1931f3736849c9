// One image through a deployed DySViT: the class scores of its spikes.

#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "image_model.hpp"
#include "tables.hpp"

namespace ENGINE_TARGET {

using engine::Fire;
using engine::ImageModel;

// Spikes of a tile's currents; `dense` takes them as numbers too.
INLINE Word fire_at_once(const Fire& fire, Count tile, const Floats* y,
                         std::int16_t* dense = nullptr) {
    const float *factor = fire.factor + tile * TILE, *offset = fire.offset + tile * TILE;
    Ints bits = {};
    for (int i = 0; i < PARTS; ++i) {
        const Floats u = y[i] * load_as<Floats>(factor + 8 * i) + load_as<Floats>(offset + 8 * i);
        const Ints over = u >= 1.0f;
        bits |= bits_of(over, i);
        if (dense) store_as(dense + 8 * i, -lowest_shorts(over));
    }
    return word_of(bits);
}

// What an image needs beside its model; one for every thread.
struct Canvas {
    Named named;
    Tables tables;
    std::vector<float> x, pixels;
    std::vector<Word> spikes, qkv, hidden;
    std::vector<std::int16_t> values, square;
    std::vector<std::int32_t> mixed;
};

class Image {
public:
    Image(const ImageModel& model, Canvas& canvas)
        : a(model), at(canvas), tokens((a.side / a.patch) * (a.side / a.patch)),
          words(tiles(a.width)), wide(words * TILE) {
        at.x.resize(tokens * wide);
    }

    // `counts`, if any, takes the spikes of every layer in turn, added.
    void run(const float* image, float* logits, Count* counts) {
        layer = counts;
        if (!embed(image)) {  // a pixel that is no number: nor is what the model says of it
            std::fill(logits, logits + a.classes, std::numeric_limits<float>::quiet_NaN());
            return;
        }
        for (Count b = 0; b < a.depth; ++b) block(a.blocks[b]);
        answer(logits);
    }

private:
    const ImageModel& a;
    Canvas& at;
    const Count tokens, words, wide;
    Count* layer = nullptr;

    // False if any current is NaN.
    bool embed(const float* image) {
        const Count inputs = 3 * a.patch * a.patch, across = a.side / a.patch;
        at.pixels.resize(inputs);
        Ints unknown = {};
        for (Count t = 0; t < tokens; ++t) {
            float* to = at.pixels.data();
            for (Count row = 0; row < 3 * a.patch; ++row, to += a.patch) {
                const Count colour = row / a.patch, y = t / across * a.patch + row % a.patch;
                const float* from = image + (colour * a.side + y) * a.side + t % across * a.patch;
                std::copy(from, from + a.patch, to);
            }
            for (Count tile = 0; tile < words; ++tile) {
                const Count place = t * wide + tile * TILE;
                Floats y[PARTS];
                std::memcpy(y, a.positions + place, sizeof y);
                const float* weights = a.embed + tile * inputs * TILE;
                for (Count k = 0; k < inputs; ++k)
                    for (int i = 0; i < PARTS; ++i)
                        y[i] += at.pixels[k] * load_as<Floats>(weights + k * TILE + 8 * i);
                for (int i = 0; i < PARTS; ++i) unknown |= y[i] != y[i];
                std::memcpy(at.x.data() + place, y, sizeof y);
            }
        }
        return sum_of(unknown) == 0;
    }

    void block(const engine::ImageBlock& b) {
        fire_current(b.fire_attention);
        at.values.resize(tokens * wide);
        at.qkv.resize(tokens * 3 * words);
        product(b.qkv, at.spikes.data(), at.named, at.tables, [&](Count t, Count tile, const Floats* y) {
            std::int16_t* dense = tile < 2 * words
                ? nullptr : at.values.data() + t * wide + (tile - 2 * words) * TILE;
            at.qkv[t * 3 * words + tile] = fire_at_once(b.fire_qkv, tile, y, dense);
        });
        counted(at.qkv.data(), tokens * 3 * words);
        mix();
        fire_mixed(b.fire_mixed);
        add_product(b.out, at.spikes);
        fire_current(b.fire_in);
        const Count across = tiles(a.hidden);
        at.hidden.resize(tokens * across);
        product(b.expand, at.spikes.data(), at.named, at.tables,
                [&](Count t, Count tile, const Floats* y) {
            at.hidden[t * across + tile] = fire_at_once(b.fire_hidden, tile, y);
        });
        name(at.hidden, across);
        add_product(b.contract, at.hidden);
    }

    void counted(const Word* spikes, Count size) {
        if (!layer) return;
        for (Count i = 0; i < size; ++i) *layer += __builtin_popcountll(spikes[i]);
        ++layer;
    }
    void name(const std::vector<Word>& spikes, Count across) {
        at.named.clear(across);
        for (Count t = 0; t < tokens; ++t) at.named.row(spikes.data() + t * across, across);
        counted(spikes.data(), tokens * across);
    }
    // `current(token, tile, y)` drives the neurons; their spikes are named.
    template <class Current>
    void fire_all(const Fire& fire, const Current& current) {
        at.spikes.resize(tokens * words);
        for (Count t = 0; t < tokens; ++t)
            for (Count tile = 0; tile < words; ++tile) {
                Floats y[PARTS];
                current(t * wide + tile * TILE, y);
                at.spikes[t * words + tile] = fire_at_once(fire, tile, y);
            }
        name(at.spikes, words);
    }
    void fire_current(const Fire& fire) {
        fire_all(fire, [&](Count place, Floats* y) {
            std::memcpy(y, at.x.data() + place, sizeof(Floats) * PARTS);
        });
    }
    void fire_mixed(const Fire& fire) {
        fire_all(fire, [&](Count place, Floats* y) {
            for (int i = 0; i < PARTS; ++i)
                y[i] = as_floats(load_as<Ints>(at.mixed.data() + place + 8 * i));
        });
    }

    void add_product(const Product& weights, const std::vector<Word>& spikes) {
        product(weights, spikes.data(), at.named, at.tables, [&](Count t, Count tile, const Floats* y) {
            float* x = at.x.data() + t * wide + tile * TILE;
            for (int i = 0; i < PARTS; ++i)
                store_as(x + 8 * i, load_as<Floats>(x + 8 * i) + a.residual_scale * y[i]);
        });
    }

    // Attention q (k^T v) of every head: all tokens together first, as an image has many.
    void mix() {
        at.mixed.assign(tokens * wide, 0);
        const Count each = a.width / a.heads;
        for (Count h = 0; h < a.heads; ++h) {
            const Count first = h * each;
            at.square.assign(each * each, 0);
            for (Count t = 0; t < tokens; ++t) {
                const std::int16_t* from = at.values.data() + t * wide + first;
                for_spikes(t, 1, h, [&](Count i) { add(at.square.data() + i * each, from, each); });
            }
            for (Count t = 0; t < tokens; ++t) {
                std::int32_t* to = at.mixed.data() + t * wide + first;
                for_spikes(t, 0, h, [&](Count i) { add(to, at.square.data() + i * each, each); });
            }
        }
    }
    // Channels of queries (0) or keys (1) of a head that fired, from its first on.
    template <class Todo>
    INLINE void for_spikes(Count t, Count part, Count h, const Todo& todo) const {
        const Count each = a.width / a.heads, first = h * each;
        for (Count w = first / TILE; w <= (first + each - 1) / TILE; ++w) {
            Word left = at.qkv[(t * 3 + part) * words + w] & a.head_masks[h * words + w];
            for (; left; left &= left - 1)
                todo(w * TILE + channel_of(__builtin_ctzll(left)) - first);
        }
    }
    template <class T>
    INLINE static void add(T* to, const std::int16_t* from, Count size) {
#pragma GCC ivdep
        for (Count j = 0; j < size; ++j) to[j] = T(to[j] + from[j]);
    }

    void answer(float* logits) {
        fire_current(a.fire);
        at.mixed.assign(wide, 0);
        for (const std::uint16_t bit : at.named.places)
            ++at.mixed[bit / TILE * TILE + channel_of(bit % TILE)];
        for (Count c = 0; c < a.classes; ++c) {
            Floats sums = {};
            for (Count d = 0; d < wide; d += 8)
                sums += as_floats(load_as<Ints>(at.mixed.data() + d)) *
                        load_as<Floats>(a.head + c * wide + d);
            float sum = 0;
            for (int j = 0; j < 8; ++j) sum += sums[j];
            logits[c] = sum / float(tokens) + a.bias[c];
        }
    }
};

}  // namespace ENGINE_TARGET
