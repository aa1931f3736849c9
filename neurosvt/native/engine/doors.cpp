// The C ABI of the engine: neurosvt/engine/library.py.

#include <algorithm>

#include "target.hpp"

namespace plain {
extern const engine::Target target;
}
#if defined(ENGINE_HAS_X86)
namespace avx2 {
extern const engine::Target target;
}
namespace avx512 {
extern const engine::Target target;
}
#endif

namespace {

using engine::Events;
using engine::Model;
using engine::Session;
using engine::Target;

// From the plainest up; what this processor cannot is null.
const Target* targets[3] = {
    &plain::target,
#if defined(ENGINE_HAS_X86)
    __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? &avx2::target : nullptr,
    __builtin_cpu_supports("x86-64-v4") ? &avx512::target : nullptr,
#endif
};

const Target* best() {
    for (int level = 2; level > 0; --level)
        if (targets[level]) return targets[level];
    return targets[0];
}

const Target* chosen = best();

struct Cameras {
    Session* const* sessions;
    const void* const* events;
    const Count* counts;
    bool asked;
    Count* answers;
};

void push_part(const void* job, Count begin, Count end) {
    const Cameras& a = *static_cast<const Cameras*>(job);
    for (Count i = begin; i < end; ++i)
        a.answers[i] = chosen->push(*a.sessions[i], {a.events[i], a.counts[i], Events::records}, a.asked);
}

struct Films {
    Session* const* sessions;
    Count count;
    const std::uint8_t* frames;  // (steps, count, pixels)
    Count steps, pixels;
    const std::uint8_t* asked;  // (steps, count), or null for all
    Count numbers;
    float* answers;  // (steps, count, numbers)
};

// Every session sees its frames, one after the other; what is not asked for is left as it is.
void play_part(const void* job, Count begin, Count end) {
    const Films& a = *static_cast<const Films*>(job);
    for (Count i = begin; i < end; ++i) {
        float* own = a.sessions[i]->answer;
        for (Count t = 0; t < a.steps; ++t) {
            const Count at = t * a.count + i;
            a.sessions[i]->answer = a.answers + at * a.numbers;
            chosen->push(*a.sessions[i], {a.frames + at * a.pixels, 1, Events::frame},
                         !a.asked || a.asked[at]);
        }
        a.sessions[i]->answer = own;
    }
}

struct Album {
    const engine::ImageModel& model;
    engine::Pictures given;
};

void look_part(const void* job, Count begin, Count end) {
    const Album& a = *static_cast<const Album*>(job);
    chosen->look(a.model, a.given, begin, end);
}

}  // namespace

// Bytes of the structures that both sides lay out, added up: a mistake there must not go unseen.
DOOR Count engine_layout() {
    return sizeof(engine::Product) + 3 * sizeof(engine::Block) + 5 * sizeof(engine::Memory) +
           7 * sizeof(engine::Dense) + 11 * sizeof(engine::Heads) + 13 * sizeof(Model) +
           17 * sizeof(Session) + 19 * sizeof(engine::ImageBlock) + 23 * sizeof(engine::ImageModel) +
           29 * sizeof(engine::Tracks);
}
// Compute in this way from now on: 0 plain, 1 AVX2, 2 AVX-512, -1 the best; what is computed in then,
// or -1 if this processor or build cannot.
DOOR Count engine_use(int level) {
    const Target* wanted = level < 0 ? best() : level < 3 ? targets[level] : nullptr;
    if (!wanted) return -1;
    chosen = wanted;
    return Count(std::find(targets, targets + 3, wanted) - targets);
}
// A step of a session on events of a kind of `Events`.
DOOR Count engine_push(Session* session, const void* events, Count count, int kind, int asked) {
    return chosen->push(*session, {events, count, Events::Kind(kind)}, asked != 0);
}
// A step of many sessions, each on records of its own; how each ended into `answers`.
DOOR void engine_push_all(Session* const* sessions, Count count, const void* const* events,
                          const Count* counts, int asked, Count* answers, int threads) {
    const Cameras job{sessions, events, counts, asked != 0, answers};
    in_parts(count, 1, 1, threads, push_part, &job);
}
// `steps` frames (steps, count, pixels) of every session; `asked` may be null.
DOOR void engine_play(Session* const* sessions, Count count, const std::uint8_t* frames, Count steps,
                      Count pixels, const std::uint8_t* asked, Count numbers, float* answers,
                      int threads) {
    const Films job{sessions, count, frames, steps, pixels, asked, numbers, answers};
    in_parts(count, 1, 1, threads, play_part, &job);
}
// What `count` images show, for the head; counts of every layer into `counts`, which may be null.
DOOR void engine_look(const engine::ImageModel* model, const float* pixels, Count count,
                      float* features, Count* counts, int threads) {
    const Album job{*model, {pixels, features, counts}};
    in_parts(count, 1, 1, threads, look_part, &job);
}
