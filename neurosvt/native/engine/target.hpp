// What the engine offers, once for every instruction set that it is compiled for.

#pragma once

#include "image_model.hpp"

namespace engine {

struct Target {
    // A step of a session: 0, or OUTSIDE.
    Count (*push)(Session& session, const Events& events, bool asked);
    // The class scores of an image; `counts` of spikes may be null.
    void (*see)(const ImageModel& model, const float* image, float* logits, Count* counts);
};

}  // namespace engine
