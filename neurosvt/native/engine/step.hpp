// One time step of a NeuroSVT: models/neurosvt.py.

#pragma once

#include "heads.hpp"
#include "memory.hpp"
#include "spatial.hpp"

namespace ENGINE_TARGET {

class Step : Spatial {
public:
    Step(Session& s, Scratch& at) : Spatial(s, at) {}

    // False if an event lies outside of the sensor; the session is as it was then.
    bool run(const engine::Events& events, bool asked) {
        if (events.count && !at.windows.take(a, events)) return false;
        ++s.clock;
        layer = s.counts;
        if (s.spikes) std::memset(s.spikes, 0, sizeof(Word) * a.tokens * words);
        const Count rows = events.count ? see() : 0;
        layer = s.counts + 4 * COLUMNS;
        if (rows) for (Count b = 0; b < a.depth; ++b) block(a.blocks[b]);
        layer = s.counts + (4 + 10 * a.depth) * COLUMNS;
        remember_frame(rows);
        if (asked) {
            at.heads.resize(3 * widest(a.head));
            layer[0] += 1;
            read_heads(a.head, s.charge, s.answer, layer + COLUMNS, at.heads.data());
        }
        return true;
    }

private:
    void remember_frame(Count rows) {
        const engine::Memory& m = a.memory;
        at.spare.resize(3 * m.channels + m.gates + 16);
        const float* said = nullptr;
        if (rows) {
            fire_current();
            if (s.spikes) show(rows);
            said = m.kind == engine::Memory::token ? token_says(rows) : read(rows);
            layer[0] += 1;  // frames that said something
        } else {
            layer += 2 * COLUMNS;
        }
        layer[1] += 1;
        layer += COLUMNS;
        const float* wants = remember(m, said, disturbed, s.noise, s.charge, at.spare.data());
        if (m.tracks.count) follow(said, wants);
        layer += COLUMNS;
    }

    // Tracks a step on: what a silent frame does to them is to make them older.
    void follow(const float* said, const float* wants) {
        const engine::Memory& m = a.memory;
        float* tracks = s.charge + m.channels;
        layer[4] += 1;
        if (said) {
            at.votes.take(a, at.named, at.rows, at.windows);
            layer[0] += at.rows.count();
            layer[1] += at.named.start.back();
            layer[2] += at.votes.counted;
            layer[3] += 1;
            write_tracks(m.tracks, at.votes, wants,
                         said + (m.empties ? 2 : 1) * m.channels + m.gates, tracks);
        } else {
            age_tracks(m.tracks, tracks);
        }
        if (disturbed) disturb_tracks(m.tracks, disturbed, s.noise, tracks);
    }

    // The spikes of the last layer, to whoever asked for them.
    void show(Count rows) {
        for (Count r = 0; r < rows; ++r)
            std::memcpy(s.spikes + at.rows.token[r] * words, at.spikes.data() + r * words,
                        sizeof(Word) * words);
    }

    // Sum over the tokens, each through weights of its own position.
    const float* read(Count rows) {
        const Product& one = a.memory.read;
        const Count across = tiles(one.outputs);
        at.said.assign(across * TILE, 0.0f);
        count(at.named, 1);
        Product here = one;
        for (Count r = 0; r < rows; ++r) {
            here.weights = static_cast<const char*>(one.weights) + at.rows.token[r] * a.memory.stride;
            here.run = one.kind == Product::float32 ? nullptr : a.memory.runs + at.rows.token[r] * across;
            const Count begin = at.named.start[r];
            one_row(here, at.named.places.data() + begin, at.named.start[r + 1] - begin);
        }
        layer[-1] += Count(at.said.size()) - std::count(at.said.begin(), at.said.end(), 0.0f);
        return at.said.data();
    }
    void one_row(const Product& here, const std::uint16_t* named, Count count) {
        for (Count tile = 0; tile < tiles(here.outputs); ++tile) {
            Floats y[PARTS];
            by_type(here, [&](auto type) {
                tile_of_row<decltype(type)>(here, tile, named, count, y);
            });
            float* to = at.said.data() + tile * TILE;
            for (int i = 0; i < PARTS; ++i)
                store_as(to + 8 * i, load_as<Floats>(to + 8 * i) + y[i]);
        }
    }

    // The memory's own token: its spikes are what the heads read.
    const float* token_says(Count rows) {
        at.said.assign(wide, 0.0f);
        const Word* spikes = at.spikes.data() + (rows - 1) * words;
        for (Count w = 0; w < words; ++w)
            for (Word left = spikes[w]; left; left &= left - 1)
                at.said[w * TILE + channel_of(__builtin_ctzll(left))] = 1.0f;
        layer += COLUMNS;
        return at.said.data();
    }
};

}  // namespace ENGINE_TARGET
