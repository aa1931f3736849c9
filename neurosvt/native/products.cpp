// Products of spikes and weights without multiplications. neurosvt/ops/products.py.

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 14;  // sums that are worth a thread

template <class T>
struct Gather {
    const T* spikes;
    const float* weight;  // (inputs, outputs): the row of an input is what its spike adds
    Count inputs, outputs;
    float* out;
};

template <class T>
inline void gather(const Gather<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const T* spikes = a.spikes + r * a.inputs;
        float* __restrict out = a.out + r * a.outputs;
        for (Count e = 0; e < a.outputs; ++e) out[e] = 0;
        for (Count d = 0; d < a.inputs; ++d) {
            if (load(spikes[d]) == 0) continue;
            const float* __restrict row = a.weight + d * a.outputs;
            for (Count e = 0; e < a.outputs; ++e) out[e] += row[e];
        }
    }
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void gather_part_##name(const void* job, Count begin, Count end) {               \
        gather<T>(*static_cast<const Gather<T>*>(job), begin, end);                                \
    }                                                                                              \
    DOOR void gather_rows_##name(const T* spikes, const float* weight, Count rows, Count inputs,   \
                                 Count outputs, float* out, int threads) {                         \
        const Gather<T> job{spikes, weight, inputs, outputs, out};                                 \
        in_parts(rows, LEAST / (outputs + 1) + 1, 1, threads, gather_part_##name, &job);           \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
