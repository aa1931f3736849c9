// One step of a track, a line that is fitted to votes: neurosvt/ops/tracks.py.

#pragma once

#include "kernel.hpp"

#include "cuda/track.cuh"
