// CUDA C++ as plain C++: what device.cuh asks of a GPU, done by a loop over grid and blocks.
//
// The lanes of a block are contexts of their own, each with its own stack. One runs until it asks
// for what the others of its warp have, or ends; then the next one does.

#pragma once

#include <math.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline

struct Index {
    unsigned int x = 0;
};
inline Index threadIdx, blockIdx, blockDim;

inline float __uint_as_float(unsigned int bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
inline unsigned int __float_as_uint(float x) {
    unsigned int bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}
inline float widened(unsigned short bits) {
    _Float16 half;
    std::memcpy(&half, &bits, sizeof half);
    return float(half);
}
inline unsigned short narrowed(float x) {
    const _Float16 half = _Float16(x);
    unsigned short bits;
    std::memcpy(&bits, &half, sizeof bits);
    return bits;
}
inline unsigned long long atomicAdd(unsigned long long* to, unsigned long long more) {
    const unsigned long long before = *to;
    *to += more;
    return before;
}

namespace shim {

constexpr unsigned int LANES = 32;
constexpr std::size_t STACK = 1 << 16;

struct Lane {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[STACK]};
    bool done = false;
    float shown = 0;
    long met = 0;  // how often it has waited for its warp
};

inline std::vector<Lane> lanes;
inline ucontext_t block;
inline std::function<void()> body;  // of every lane

inline Lane& own() { return lanes[threadIdx.x]; }

inline void run_lane() {
    body();
    own().done = true;
    swapcontext(&own().context, &block);
}

// Wait until all lanes of the warp that still run are here. A warp whose lanes do not all come is a
// mistake of the kernel, which `run_block` tells.
inline void meet() {
    ++own().met;
    swapcontext(&own().context, &block);
}

// Round after round, every lane that runs is let run to its next meeting.
inline bool run_block(unsigned int size) {
    while (lanes.size() < size) lanes.emplace_back();
    for (unsigned int i = 0; i < size; ++i) {
        Lane& lane = lanes[i];
        lane.done = false;
        lane.met = 0;
        getcontext(&lane.context);
        lane.context.uc_stack.ss_sp = lane.stack.get();
        lane.context.uc_stack.ss_size = STACK;
        lane.context.uc_link = nullptr;
        makecontext(&lane.context, run_lane, 0);
    }
    for (bool running = true; running;) {
        running = false;
        for (unsigned int i = 0; i < size; ++i) {
            if (lanes[i].done) continue;
            running = true;
            threadIdx.x = i;
            swapcontext(&block, &lanes[i].context);
        }
        for (unsigned int first = 0; first < size; first += LANES)
            for (unsigned int i = first; i < first + LANES && i < size; ++i)
                if (lanes[i].done != lanes[first].done || lanes[i].met != lanes[first].met)
                    return false;  // some of a warp have gone on without the others
    }
    return true;
}

template <class... A, std::size_t... I>
int launch(void (*kernel)(A...), unsigned int blocks, unsigned int size, void** arguments,
           std::index_sequence<I...>) {
    body = [&] { kernel(*static_cast<std::remove_reference_t<A>*>(arguments[I])...); };
    blockDim.x = size;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        if (!run_block(size)) return 1;
    return 0;
}
template <class... A>
int launch(void (*kernel)(A...), unsigned int blocks, unsigned int size, void** arguments) {
    return launch(kernel, blocks, size, arguments, std::index_sequence_for<A...>());
}

}  // namespace shim

// What another lane of the warp shows; two meetings, for none may show anew before all have read.
inline float __shfl_xor_sync(unsigned int, float x, int apart) {
    shim::own().shown = x;
    shim::meet();
    const float found = shim::lanes[threadIdx.x ^ unsigned(apart)].shown;
    shim::meet();
    return found;
}
inline void __syncwarp() { shim::meet(); }

#define SHIM_DOOR(name, kernel)                                                            \
    extern "C" int name(unsigned int blocks, unsigned int size, void** arguments) {        \
        return shim::launch(&kernel, blocks, size, arguments);                             \
    }
