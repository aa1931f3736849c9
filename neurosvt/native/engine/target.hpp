// What the engine offers, once for every instruction set that it is compiled for.

#pragma once

#include "image_model.hpp"
#include "model.hpp"

namespace engine {

struct Target {
    // A step of a session: 0, or OUTSIDE.
    Count (*push)(Session& session, const Events& events, bool asked);
    // Some of the images.
    void (*look)(const ImageModel& model, const Pictures& given, Count begin, Count end);
};

}  // namespace engine
