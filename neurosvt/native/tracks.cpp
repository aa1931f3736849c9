// Tracks through all steps, and their adjoint: neurosvt/ops/tracks.py.

#include "tracks.hpp"

#include "cuda/track_walk.cuh"

namespace {

inline void forward_part(const Tracks& a, Count begin, Count end) {
    for (Count b = begin; b < end; ++b)
        for (Count t = 0; t < a.steps; ++t)
            for (Count j = 0; j < a.tracks; ++j) advance_track(a, b, t, j);
}

inline void backward_part(const TracksGradient& a, Count begin, Count end) {
    for (Count b = begin; b < end; ++b)
        for (Count j = 0; j < a.tracks; ++j) back_through_track(a, b, j);
}

}  // namespace

CLONED static void tracks_forward(const void* job, Count begin, Count end) {
    forward_part(*static_cast<const Tracks*>(job), begin, end);
}
CLONED static void tracks_gradient(const void* job, Count begin, Count end) {
    backward_part(*static_cast<const TracksGradient*>(job), begin, end);
}

DOOR void tracks_forward_f32(const float* place, const float* weight, const float* opened,
                             const float* emptied, const float* noise, const float* start,
                             const float* forget, const float* ridge, float step, Count steps,
                             Count samples, Count tracks, float* after, int threads) {
    const Tracks job{place, weight, opened, emptied, noise,  start, forget,
                     ridge, step,   steps,  samples, tracks, after};
    in_parts(samples, 4, 1, threads, tracks_forward, &job);
}
DOOR void tracks_backward_f32(const float* grad, const float* after, const float* place,
                              const float* weight, const float* opened, const float* emptied,
                              const float* start, const float* forget, const float* ridge,
                              float step, Count steps, Count samples, Count tracks,
                              float* on_place, float* on_weight, float* on_opened,
                              float* on_emptied, float* on_start, float* on_forget,
                              float* on_ridge, int threads) {
    const TracksGradient job{grad,      after,     place,      weight,   opened,    emptied, start,
                             forget,    ridge,     step,       steps,    samples,   tracks,
                             on_place,  on_weight, on_opened,  on_emptied, on_start, on_forget,
                             on_ridge};
    in_parts(samples, 4, 1, threads, tracks_gradient, &job);
}
