// What the tokens of a frame vote for, and a step of the tracks that follow it: nn/tracks.py.

#pragma once

#include <algorithm>
#include <vector>

#include "../tracks.hpp"
#include "events.hpp"
#include "neuron.hpp"
#include "product.hpp"
#include "rows.hpp"

namespace ENGINE_TARGET {

// The centre of those events whose tokens vote for a track, and their number; of every track. Keeps
// its memory from step to step.
class Votes {
public:
    std::vector<float> place, weight;  // x and y in sensor sides from the middle; and how much it counts
    Count counted = 0;                 // events of the tokens

    // `named` has the spikes of the tokens in `rows`.
    void take(const engine::Model& a, const Named& named, const Rows& rows, const Windows& seen) {
        const engine::Tracks& t = a.memory.tracks;
        const Count wide = tiles(t.vote.outputs) * TILE;
        const Count sides[2] = {a.across / a.patch, a.down / a.patch};
        told.resize(rows.count() * wide);
        product(t.vote, named, [&](Count r, Count tile, const Floats* y) {
            std::memcpy(told.data() + r * wide + tile * TILE, y, sizeof(Floats) * PARTS);
        });
        many.assign(t.count, 0.0);
        where.assign(2 * t.count, 0.0);
        counted = 0;
        for (Count r = 0; r < rows.count(); ++r) {
            const Windows::Own& own = seen.own[rows.token[r]];
            counted += own.count;
            add(a, own, rows.token[r], sides, told.data() + r * wide);
        }
        place.resize(2 * t.count);
        weight.resize(t.count);
        for (Count j = 0; j < t.count; ++j) {
            for (Count i = 0; i < 2; ++i)
                place[2 * j + i] =
                    float(where[2 * j + i] / std::max(many[j], 1e-9)) / float(sides[i]);
            weight[j] = float(many[j]) * t.scale[j];
        }
    }

private:
    std::vector<float> told;
    // On the grid these sums are exact, in whatever order tokens come.
    std::vector<double> many, where;

    void add(const engine::Model& a, const Windows::Own& own, Count token, const Count* sides,
             const float* told) {
        const engine::Tracks& t = a.memory.tracks;
        const float count = float(own.count);
        const float along[2] = {float(own.x) / float(2 * a.patch), float(own.y) / float(2 * a.patch)};
        const float centre[2] = {float(token % sides[0]) + 0.5f - float(sides[0]) / 2,
                                 float(token / sides[0]) + 0.5f - float(sides[1]) / 2};
        const float* offset = told + t.count;
        for (Count j = 0; j < t.count; ++j) {
            const float say = std::clamp(0.5f + 0.25f * (told[j] + t.bias[j]), 0.0f, 1.0f);
            const double counts = say * count;
            many[j] += counts;
            for (int i = 0; i < 2; ++i)
                where[2 * j + i] += counts * (offset[2 * j + i] + centre[i]) + double(say * along[i]);
        }
    }
};

// A step in which something was said: `wants` of each write gate, `anew` of each track.
INLINE void write_tracks(const engine::Tracks& a, const Votes& votes, const float* wants,
                         const float* anew, float* tracks) {
    for (Count j = 0; j < a.count; ++j, tracks += TRACK)
        step_track(tracks, votes.place.data() + 2 * j, votes.weight[j], wants[j] >= 0 ? 1.0f : 0.0f,
                   anew[j] - a.begins_at >= 0 ? 1.0f : 0.0f, a.forget[j], a.ridge[j], a.step, tracks);
}

// And one in which nothing was.
INLINE void age_tracks(const engine::Tracks& a, float* tracks) {
    for (Count j = 0; j < a.count; ++j, tracks += TRACK) tracks[TRACK - 1] = older(tracks, a.step);
}

INLINE void disturb_tracks(const engine::Tracks& a, Noise* noise, float spread, float* tracks) {
    for (Count j = 0; j < a.count; ++j, tracks += TRACK) {
        const Floats drawn = spread * noise->next();
        for (Count i = 0; i < TRACK - 1; ++i) tracks[i] += drawn[i] * a.thresholds[i];
    }
}

}  // namespace ENGINE_TARGET
