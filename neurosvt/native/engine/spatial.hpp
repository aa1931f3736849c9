// From the events of one step to the spikes of the last layer: models/neurosvt.py. What is not touched
// is not visited.

#pragma once

#include <algorithm>
#include <vector>

#include "attention.hpp"
#include "events.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "votes.hpp"

namespace ENGINE_TARGET {

using engine::Model;
using engine::Session;

// What a step needs beside its session; one for every thread.
struct Scratch {
    Windows windows;
    Named named;
    Rows rows;
    std::vector<float> x, said, spare, heads;
    std::vector<Word> spikes, qkv;
    std::vector<std::int16_t> values;
    Attention attention;
    Votes votes;
};

// The part of a step that knows of places; what lies behind it knows one frame.
class Spatial {
protected:
    Spatial(Session& s, Scratch& at)
        : s(s), a(*s.model), at(at), wide(tiles(a.width) * TILE), words(wide / TILE),
          noise(s.seed, &s.drawn), disturbed(s.noise > 0 ? &noise : nullptr) {}

    static constexpr Count COLUMNS = engine::COLUMNS;
    Session& s;
    const Model& a;
    Scratch& at;
    Count wide, words;  // channels of a token in whole tiles, and their words
    Noise noise;
    Noise* disturbed;
    Count* layer;  // whose turn it is in the counts
    Count home = 0;  // of the next layer among a token's membranes

    float* membranes(Count row) { return s.membranes + at.rows.token[row] * a.stride + home; }
    float spread(Count row) const { return disturbed ? s.noise * at.rows.spread[row] : 0; }

    void count(const Fired& fired) {
        layer[0] += fired.updates;
        layer[1] += fired.spikes;
        layer += COLUMNS;
    }
    // Vectors that came in, those with a spike, spikes, and `last`; behind it is room for outputs that
    // are not 0.
    void count(const Named& named) { count(named, named.needed()); }
    void count(const Named& named, Count last) {
        Count alive = 0;
        for (Count r = 0; r < named.rows(); ++r) alive += named.start[r + 1] > named.start[r];
        layer[0] += named.rows();
        layer[1] += alive;
        layer[2] += named.start.back();
        layer[3] += last;
        layer += COLUMNS;
    }

    // Events to the currents of the tokens that fire into the blocks; how many.
    Count see() {
        const Windows& seen = at.windows;
        layer[0] += seen.events;
        layer[1] += seen.reached;
        layer[2] += seen.touched;
        layer += COLUMNS;
        const Count rows = Count(seen.active.size());
        at.rows.clear();
        for (const Count window : seen.active) at.rows.touch(a, s.clock, s.patch_touched, window, false);
        at.named.places = seen.inputs;
        at.named.start = seen.start;
        at.named.seen.assign((a.embed.inputs + 63) / 64, 0);
        for (const std::uint16_t input : seen.inputs)
            at.named.seen[input / 64] |= Word(1) << input % 64;
        count(at.named);
        at.spikes.resize(rows * words);
        home = 0;
        Fired fired;
        product(a.embed, at.named, [&](Count r, Count tile, const Floats* y) {
            at.spikes[r * words + tile] = fire(y, nullptr, membranes(r) + tile * TILE, at.rows.keep[r],
                                               disturbed, spread(r), fired);
        });
        count(fired);
        home = wide;
        return enter(rows);
    }

    // Current into the blocks, of the patches that fired.
    Count enter(Count rows) {
        at.x.resize((rows + 1) * wide);
        at.rows.clear();
        Count entered = 0;
        for (Count r = 0; r < rows; ++r) {
            const Word* spikes = at.spikes.data() + r * words;
            if (!any(spikes)) continue;
            const Count patch = at.windows.active[r];
            at.rows.touch(a, s.clock, s.token_touched, patch, false);
            float* x = at.x.data() + entered++ * wide;
            std::memcpy(x, a.positions + patch * wide, sizeof(float) * wide);
            for (Count w = 0; w < words; ++w)
                for (Word left = spikes[w]; left; left &= left - 1)
                    x[w * TILE + channel_of(__builtin_ctzll(left))] += 1.0f;
        }
        layer[0] += entered;
        if (entered && a.tokens > a.patches) {
            at.rows.touch(a, s.clock, s.token_touched, a.patches, true);
            std::memcpy(at.x.data() + entered++ * wide, a.memory.token_current,
                        sizeof(float) * wide);
        }
        return entered;
    }

    bool any(const Word* spikes) const {
        Word all = 0;
        for (Count w = 0; w < words; ++w) all |= spikes[w];
        return all != 0;
    }

    // `current(place, y)` drives the neurons of a tile, times `scale` if there is one; their spikes,
    // named.
    template <class Current>
    void fire_all(const float* scale, const Current& current) {
        const Count rows = at.rows.count();
        at.spikes.resize(rows * words);
        at.named.clear(words);
        Fired fired;
        for (Count r = 0; r < rows; ++r) {
            for (Count tile = 0; tile < words; ++tile) {
                Floats y[PARTS];
                current(r * wide + tile * TILE, y);
                at.spikes[r * words + tile] =
                    fire(y, scale ? scale + tile * TILE : nullptr, membranes(r) + tile * TILE,
                         at.rows.keep[r], disturbed, spread(r), fired);
            }
            at.named.row(at.spikes.data() + r * words, words);
        }
        count(fired);
        home += wide;
    }
    void fire_current() {
        fire_all(nullptr, [&](Count place, Floats* y) {
            std::memcpy(y, at.x.data() + place, sizeof(Floats) * PARTS);
        });
    }

    // Neurons behind a product of what is named; `values` takes the spikes of the last third too.
    void fire_product(const Product& weights, std::int16_t* values, std::vector<Word>& spikes) {
        const Count across = tiles(weights.outputs);
        spikes.resize(at.rows.count() * across);
        count(at.named);
        Fired fired;
        product(weights, at.named, [&](Count r, Count tile, const Floats* y) {
            std::int16_t* dense = values && tile >= 2 * words
                ? values + r * wide + (tile - 2 * words) * TILE : nullptr;
            spikes[r * across + tile] = fire(y, nullptr, membranes(r) + tile * TILE, at.rows.keep[r],
                                             disturbed, spread(r), fired, dense);
        });
        count(fired);
        home += across * TILE;
    }

    void add_product(const Product& weights) {
        count(at.named);
        Count outputs = 0;
        product(weights, at.named, [&](Count r, Count tile, const Floats* y) {
            float* x = at.x.data() + r * wide + tile * TILE;
            Ints silent = {};
            for (int i = 0; i < PARTS; ++i) {
                silent += y[i] == 0.0f;
                store_as(x + 8 * i, load_as<Floats>(x + 8 * i) + y[i]);
            }
            outputs += TILE + sum_of(silent);
        });
        layer[-1] += outputs;
    }

    void block(const engine::Block& b) {
        const Count rows = at.rows.count();
        fire_current();
        at.values.resize(rows * wide);
        fire_product(b.qkv, at.values.data(), at.qkv);
        fire_counts(b, rows);
        add_product(b.out);
        fire_current();
        fire_product(b.expand, nullptr, at.spikes);
        at.named.clear(tiles(a.hidden));
        for (Count r = 0; r < rows; ++r)
            at.named.row(at.spikes.data() + r * tiles(a.hidden), tiles(a.hidden));
        add_product(b.contract);
    }

    void fire_counts(const engine::Block& b, Count rows) {
        const Mixed mixed = at.attention.mix(a, rows, at.qkv.data(), at.values.data());
        layer[0] += rows;
        layer[1] += mixed.additions;
        layer[2] += mixed.values;
        layer += COLUMNS;
        fire_all(b.mixed_scale, [&](Count place, Floats* y) {
            for (int i = 0; i < PARTS; ++i)
                y[i] = as_floats(load_as<Ints>(at.attention.out.data() + place + 8 * i));
        });
    }
};

}  // namespace ENGINE_TARGET
