// Compiled for every instruction set, each in a namespace of its own.

#include "target.hpp"

#include "dysvit.hpp"
#include "step.hpp"

namespace ENGINE_TARGET {

static Count push(engine::Session& session, const engine::Events& events, bool asked) {
    static thread_local Scratch scratch;
    return Step(session, scratch).run(events, asked) ? 0 : OUTSIDE;
}

static void images(const engine::ImageModel& model, const engine::Pictures& given, Count begin,
                   Count end) {
    look(model, given, begin, end);
}

extern const engine::Target target;
const engine::Target target = {push, images};

}  // namespace ENGINE_TARGET
