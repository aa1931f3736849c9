// Compiled for every instruction set, each in a namespace of its own.

#include "target.hpp"

#include "images.hpp"
#include "step.hpp"

namespace ENGINE_TARGET {

static Count push(engine::Session& session, const engine::Events& events, bool asked) {
    static thread_local Scratch scratch;
    return Step(session, scratch).run(events, asked) ? 0 : OUTSIDE;
}

static void see(const engine::ImageModel& model, const float* image, float* logits, Count* counts) {
    static thread_local Canvas canvas;
    Image(model, canvas).run(image, logits, counts);
}

extern const engine::Target target;
const engine::Target target = {push, see};

}  // namespace ENGINE_TARGET
