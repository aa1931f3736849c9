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
        a.answers[i] = chosen->push(*a.sessions[i], {a.events[i], a.counts[i], true}, a.asked);
}

struct Films {
    Session* const* sessions;
    const std::int32_t* events;
    const Count* start;
    Count steps;
    const std::uint8_t* asked;
    Count numbers;
    float* answers;
    std::uint64_t* spikes;
    Count words;
    Count* done;
};

// Every session sees its frames, one after the other; what is not asked for is left as it is.
void play_part(const void* job, Count begin, Count end) {
    const Films& a = *static_cast<const Films*>(job);
    for (Count i = begin; i < end; ++i) {
        Session s = *a.sessions[i];
        a.done[i] = 0;
        for (Count t = 0; t < a.steps && a.done[i] == 0; ++t) {
            const Count frame = i * a.steps + t, first = a.start[frame];
            s.answer = a.answers + frame * a.numbers;
            s.spikes = a.spikes ? a.spikes + frame * a.words : nullptr;
            a.done[i] = chosen->push(s, {a.events + first, a.start[frame + 1] - first, false},
                                     a.asked ? a.asked[frame] != 0 : true);
        }
        a.sessions[i]->clock = s.clock;
        a.sessions[i]->drawn = s.drawn;
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
           17 * sizeof(Session) + 19 * sizeof(engine::ImageBlock) + 23 * sizeof(engine::ImageModel);
}
// Compute in this way from now on: 0 plain, 1 AVX2, 2 AVX-512, -1 the best; what is computed in then,
// or -1 if this processor or build cannot.
DOOR Count engine_use(int level) {
    const Target* wanted = level < 0 ? best() : level < 3 ? targets[level] : nullptr;
    if (!wanted) return -1;
    chosen = wanted;
    return Count(std::find(targets, targets + 3, wanted) - targets);
}
// A step of a session on events that are records, or numbers.
DOOR Count engine_push(Session* session, const void* events, Count count, int records, int asked) {
    return chosen->push(*session, {events, count, records != 0}, asked != 0);
}
// A step of many sessions, each on records of its own; how each ended into `answers`.
DOOR void engine_push_all(Session* const* sessions, Count count, const void* const* events,
                          const Count* counts, int asked, Count* answers, int threads) {
    const Cameras job{sessions, events, counts, asked != 0, answers};
    in_parts(count, 1, 1, threads, push_part, &job);
}
// `steps` frames of every session; frame t of session i has events [start[f], start[f + 1]) where
// f = i * steps + t. `asked` and `spikes` may be null.
DOOR void engine_play(Session* const* sessions, Count count, Count steps,
                      const std::int32_t* events, const Count* start, const std::uint8_t* asked,
                      Count numbers, float* answers, std::uint64_t* spikes, Count words,
                      Count* done, int threads) {
    const Films job{sessions, events, start, steps, asked, numbers, answers, spikes, words, done};
    in_parts(count, 1, 1, threads, play_part, &job);
}
// What `count` images show, for the head; counts of every layer into `counts`, which may be null.
DOOR void engine_look(const engine::ImageModel* model, const float* pixels, Count count,
                      float* features, Count* counts, int threads) {
    const Album job{*model, {pixels, features, counts}};
    in_parts(count, 1, 1, threads, look_part, &job);
}
