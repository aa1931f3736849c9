// A track, a line that is fitted to votes, and its adjoint, on processors and GPUs:
// neurosvt/ops/tracks.py.

#pragma once

constexpr Count TRACK = 8;  // strength, mean age, spread, x, y, their velocities, age
constexpr float FAINTEST = 1e-3f;  // added to a strength, which is divided by

// What a write makes of a track, and what its adjoint wants to know again.
struct Fit {
    float kept, sum, variance, strength, share, reach, found, mean, spread, width, of_place, of_velocity;
    float ahead[2], miss[2];
};

INLINE Fit fit_track(const float* before, float age, const float* place, float weight,
                     float emptied, float forget, float ridge) {
    Fit f;
    f.kept = 1 - emptied;
    // Noise may have driven them below 0, which they cannot be.
    f.sum = before[0] > 0 ? before[0] : 0.0f;
    f.variance = before[2] > 0 ? before[2] : 0.0f;
    f.strength = (1 - forget) * f.kept * f.sum + weight + FAINTEST;
    f.share = weight / f.strength;
    f.reach = f.kept * (before[1] + age);
    f.found = f.kept * f.variance;
    f.mean = (1 - f.share) * f.reach;
    f.spread = (1 - f.share) * (f.found + f.share * (f.reach * f.reach));
    f.width = f.spread + ridge;
    f.of_place = f.share * (1 + f.mean * f.mean / f.width);
    f.of_velocity = f.share * f.mean / f.width;
    for (int i = 0; i < 2; ++i) {
        f.ahead[i] = before[3 + i] + before[5 + i] * age;
        f.miss[i] = place[i] - f.ahead[i];
    }
    return f;
}

// A step on; a track that nothing was ever written to has no age.
INLINE float older(const float* before, float step) {
    return before[7] + (before[0] != 0 ? step : 0.0f);
}

// `opened` is 0 or 1; a closed track, and one without votes, only ages.
INLINE void step_track(const float* before, const float* place, float weight, float opened,
                       float emptied, float forget, float ridge, float step, float* after) {
    const float age = older(before, step);
    if (opened == 0 || weight == 0) {
        for (int i = 0; i < 7; ++i) after[i] = before[i];
        after[7] = age;
        return;
    }
    const Fit f = fit_track(before, age, place, weight, emptied, forget, ridge);
    after[0] = f.strength;
    after[1] = f.mean;
    after[2] = f.spread;
    for (int i = 0; i < 2; ++i) {
        after[3 + i] = f.ahead[i] + f.of_place * f.miss[i];
        after[5 + i] = f.kept * before[5 + i] + f.of_velocity * f.miss[i];
    }
    after[7] = 0;
}
