// Tracks through all steps, and their adjoint: neurosvt/ops/tracks.py. A thread has a track.

#include "device.cuh"
#include "track_walk.cuh"

__global__ void tracks_forward(const float* place, const float* weight, const float* opened,
                               const float* emptied, const float* noise, const float* start,
                               const float* forget, const float* ridge, float step, Count steps,
                               Count samples, Count tracks, float* after) {
    const Count own = thread();
    if (own >= samples * tracks) return;
    const Tracks all{place, weight, opened, emptied, noise,  start, forget,
                     ridge, step,   steps,  samples, tracks, after};
    for (Count t = 0; t < steps; ++t) advance_track(all, own / tracks, t, own % tracks);
}

// `on_start`, `on_forget` and `on_ridge` begin as zeros; the last two are one for every sample.
__global__ void tracks_backward(const float* grad, const float* after, const float* place,
                                const float* weight, const float* opened, const float* emptied,
                                const float* start, const float* forget, const float* ridge,
                                float step, Count steps, Count samples, Count tracks,
                                float* on_place, float* on_weight, float* on_opened,
                                float* on_emptied, float* on_start, float* on_forget,
                                float* on_ridge) {
    const Count own = thread();
    if (own >= samples * tracks) return;
    const TracksGradient all{grad,     after,     place,     weight,     opened,   emptied, start,
                             forget,   ridge,     step,      steps,      samples,  tracks,
                             on_place, on_weight, on_opened, on_emptied, on_start, on_forget,
                             on_ridge};
    back_through_track(all, own / tracks, own % tracks);
}
