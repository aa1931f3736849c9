// Tracks through all steps, and the adjoint of that, on processors and GPUs: neurosvt/ops/tracks.py.

#pragma once

#include "track.cuh"

struct Tracks {
    const float *place, *weight, *opened, *emptied;
    const float* noise;  // may be null
    const float *start, *forget, *ridge;
    float step;
    Count steps, samples, tracks;
    float* after;
};

// One step of track `j` of sample `b`; the steps before it are done.
INLINE void advance_track(const Tracks& a, Count b, Count t, Count j) {
    const Count at = (t * a.samples + b) * a.tracks + j;
    const float* before = t ? a.after + (at - a.samples * a.tracks) * TRACK
                            : a.start + (b * a.tracks + j) * TRACK;
    float* after = a.after + at * TRACK;
    step_track(before, a.place + 2 * at, a.weight[at], a.opened[at], a.emptied[at], a.forget[j],
               a.ridge[j], a.step, after);
    if (a.noise)
        for (int i = 0; i < 7; ++i) after[i] += a.noise[7 * at + i];
}

struct TracksGradient {
    const float *grad, *after, *place, *weight, *opened, *emptied, *start, *forget, *ridge;
    float step;
    Count steps, samples, tracks;
    float *on_place, *on_weight, *on_opened, *on_emptied;
    float *on_start, *on_forget, *on_ridge;  // begin as zeros; the last two one for every sample
};

// `carry` is the gradient on what a write left, and becomes that on what it found.
INLINE void fit_gradient(const Fit& f, const float* before, float age, float opened,
                         float forget, float* carry, float* on_place,
                         float* on_weight, float* on_emptied, float* on_forget, float* on_ridge) {
    float whole[TRACK], left[TRACK];
    for (int i = 0; i < TRACK; ++i) {
        whole[i] = opened * carry[i];
        left[i] = (1 - opened) * carry[i];
    }
    float on_of_place = 0, on_of_velocity = 0, on_age = left[7];
    *on_emptied = 0;
    for (int i = 0; i < 2; ++i) {
        const float place = whole[3 + i], velocity = whole[5 + i];
        const float on_miss = f.of_place * place + f.of_velocity * velocity;
        on_of_place += place * f.miss[i];
        on_of_velocity += velocity * f.miss[i];
        const float on_ahead = place - on_miss;
        on_place[i] = on_miss;
        left[3 + i] += on_ahead;
        left[5 + i] += age * on_ahead + f.kept * velocity;
        on_age += before[5 + i] * on_ahead;
        *on_emptied -= before[5 + i] * velocity;
    }
    const float ratio = f.mean / f.width;
    float on_share = on_of_place * (1 + f.mean * ratio) + on_of_velocity * ratio;
    const float on_mean =
        whole[1] + f.share * (2 * on_of_place * ratio + on_of_velocity / f.width);
    const float on_width = -f.share * ratio * (on_of_place * ratio + on_of_velocity / f.width);
    *on_ridge += on_width;
    const float on_spread = whole[2] + on_width, rest = 1 - f.share;
    const float square = f.reach * f.reach;
    on_share += on_spread * (rest * square - (f.found + f.share * square)) - on_mean * f.reach;
    left[2] += before[2] > 0 ? f.kept * on_spread * rest : 0.0f;
    *on_emptied -= f.variance * on_spread * rest;
    const float on_reach = on_spread * rest * f.share * 2 * f.reach + on_mean * rest;
    left[1] += f.kept * on_reach;
    on_age += f.kept * on_reach;
    *on_emptied -= (before[1] + age) * on_reach;
    const float on_strength = whole[0] - on_share * f.share / f.strength;
    *on_weight = on_share / f.strength + on_strength;
    left[0] += before[0] > 0 ? on_strength * (1 - forget) * f.kept : 0.0f;
    *on_forget -= on_strength * f.sum * f.kept;
    *on_emptied -= on_strength * f.sum * (1 - forget);
    left[7] = on_age;
    for (int i = 0; i < TRACK; ++i) carry[i] = left[i];
}

// All steps of track `j` of sample `b`, the last first.
INLINE void back_through_track(const TracksGradient& a, Count b, Count j) {
    const Count own = b * a.tracks + j;
    float* carry = a.on_start + own * TRACK;
    for (Count t = a.steps - 1; t >= 0; --t) {
        const Count at = (t * a.samples + b) * a.tracks + j;
        const float* before =
            t ? a.after + (at - a.samples * a.tracks) * TRACK : a.start + own * TRACK;
        for (int i = 0; i < TRACK; ++i) carry[i] += a.grad[at * TRACK + i];
        float* on_place = a.on_place + 2 * at;
        if (a.weight[at] == 0) {
            on_place[0] = on_place[1] = 0;
            a.on_weight[at] = a.on_opened[at] = a.on_emptied[at] = 0;
            continue;
        }
        const float age = older(before, a.step);
        const Fit f = fit_track(before, age, a.place + 2 * at, a.weight[at], a.emptied[at],
                                a.forget[j], a.ridge[j]);
        // What a write changes is what opening is worth.
        const float* g = carry;
        float on_opened = g[0] * (f.strength - before[0]) + g[1] * (f.mean - before[1]) +
                          g[2] * (f.spread - before[2]) - g[7] * age;
        for (int i = 0; i < 2; ++i) {
            const float place = f.ahead[i] + f.of_place * f.miss[i];
            const float velocity = f.kept * before[5 + i] + f.of_velocity * f.miss[i];
            on_opened += g[3 + i] * (place - before[3 + i]) + g[5 + i] * (velocity - before[5 + i]);
        }
        a.on_opened[at] = on_opened;
        fit_gradient(f, before, age, a.opened[at], a.forget[j], carry, on_place, a.on_weight + at,
                     a.on_emptied + at, a.on_forget + own, a.on_ridge + own);
    }
}
