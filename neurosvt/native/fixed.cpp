// The engine in whole numbers, for the package: neurosvt/engine/fixed.py.

#include <cstdint>
#include <cstring>
#include <vector>

#include "kernel.hpp"

namespace fixed16 {
#define NSVT_BITS 16
#include "fixed/core.h"
#include "fixed/play.hpp"
}  // namespace fixed16

#undef NSVT_BITS
#undef NSVT_RUN
#undef NSVT_EVENT

namespace fixed8 {
#define NSVT_BITS 8
#include "fixed/core.h"
#include "fixed/play.hpp"
}  // namespace fixed8

namespace {

template <class Films>
void play_part(const void* job, Count begin, Count end) {
    const Films& a = *static_cast<const Films*>(job);
    for (Count i = begin; i < end; ++i) play(a, i);
}

}  // namespace

// Bytes of the structures that both sides lay out, added up: a mistake there must not go unseen.
DOOR Count fixed_layout() { return fixed16::layout(); }

// A state of `model` that has seen nothing; `bits` is 16, or 8 for all of 8 and fewer.
DOOR void fixed_begin(const void* model, int bits, char* state) {
    if (bits == 16) fixed16::begin(model, state);
    else fixed8::begin(model, state);
}
// `steps` frames (steps, count, pixels) of every state; answers (steps, count, numbers). `asked` (steps,
// count) may be null; what is not asked for is left as it is.
DOOR void fixed_play(const void* model, int bits, char* const* states, Count count,
                     const std::uint8_t* frames, Count steps, const std::uint8_t* asked, Count numbers,
                     std::int32_t* answers, int threads) {
    if (bits == 16) {
        const fixed16::Films job{model, states, count, frames, steps, asked, numbers, answers};
        in_parts(count, 1, 1, threads, play_part<fixed16::Films>, &job);
    } else {
        const fixed8::Films job{model, states, count, frames, steps, asked, numbers, answers};
        in_parts(count, 1, 1, threads, play_part<fixed8::Films>, &job);
    }
}
