// Products of spikes and weights: rows added up where a spike was. neurosvt/ops/products.py,
// neurosvt/ops/groups.py.

#include <algorithm>
#include <vector>

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 14;  // sums that are worth a thread

// Rows of spikes, as numbers or in a byte each.
template <class T>
struct Spikes {
    const T* numbers;  // or null:
    const std::uint8_t* bytes;
    Count inputs;
};

constexpr Count BEYOND = 8;  // what `places` may write behind the last

// The inputs of one row that are not 0.
template <class T>
struct Fired {
    const Spikes<T>& spikes;
    std::vector<std::int32_t> input;
    Count count = 0, row = 0;

    explicit Fired(const Spikes<T>& spikes) : spikes(spikes), input(spikes.inputs + BEYOND) {}

    INLINE void find(Count r) {
        row = r * spikes.inputs;
        count = spikes.numbers ? places(spikes.numbers + row, spikes.inputs, input.data())
                               : places(spikes.bytes + row, spikes.inputs, input.data());
    }

    // what(which, count, value), where the n-th that fired is value(n) at input which[n].
    template <class What>
    INLINE void each(const What& what) const {
        const std::int32_t* which = input.data();
        if (!spikes.numbers) return what(which, count, [](Count) { return 1.0f; });
        const T* numbers = spikes.numbers + row;
        what(which, count, [=](Count n) { return load(numbers[which[n]]); });
    }
};

template <class T>
struct Product {
    Spikes<T> spikes;
    const float* weight;  // (groups, inputs, outputs): the row of an input is what its spike adds
    const float* grad;    // (sums, outputs)
    Count rows, outputs;
    // Where there are groups; else null, and every row has its own sum.
    const Count *order, *group, *home;
    float* out;

    // A row of spikes, and the outputs [begin, end) of its sum.
    INLINE void bring_near(Count row, const float* sums, Count begin, Count end) const {
        if (spikes.numbers) ahead(spikes.numbers + row * spikes.inputs, spikes.inputs);
        ahead(sums + home[row] * outputs + begin, end - begin);
    }
};

// The sums of rows [begin, end).
template <class T>
inline void gather(const Product<T>& a, Count begin, Count end) {
    Fired<T> fired(a.spikes);
    for (Count r = begin; r < end; ++r) {
        fired.find(r);
        fired.each([&](auto which, Count count, const auto& value) {
            add_rows<true>(which, count, value, a.weight, a.outputs, a.out + r * a.outputs,
                           a.outputs);
        });
    }
}

// The outputs [begin, end) of all sums: every sum has one writer and one order.
template <class T>
inline void gather_groups(const Product<T>& a, Count begin, Count end) {
    Fired<T> fired(a.spikes);
    for (Count i = 0; i < a.rows; ++i) {
        const Count r = a.order[i];
        const float* weight = a.weight + a.group[r] * a.spikes.inputs * a.outputs;
        if (i + AHEAD < a.rows) a.bring_near(a.order[i + AHEAD], a.out, begin, end);
        fired.find(r);
        fired.each([&](auto which, Count count, const auto& value) {
            add_rows<false>(which, count, value, weight + begin, a.outputs,
                            a.out + a.home[r] * a.outputs + begin, end - begin);
        });
    }
}

// The outputs [begin, end) of the gradients of all weights.
template <class T>
inline void gradient(const Product<T>& a, Count begin, Count end) {
    Fired<T> fired(a.spikes);
    for (Count i = 0; i < a.rows; ++i) {
        const Count r = a.order ? a.order[i] : i;
        const Count group = a.order ? a.group[r] : 0, sum = a.order ? a.home[r] : r;
        float* out = a.out + group * a.spikes.inputs * a.outputs;
        if (a.order && i + AHEAD < a.rows) a.bring_near(a.order[i + AHEAD], a.grad, begin, end);
        fired.find(r);
        fired.each([&](auto which, Count count, const auto& value) {
            add_to_rows(which, count, value, a.grad + sum * a.outputs + begin, out + begin,
                        a.outputs, end - begin);
        });
    }
}

// Rows by their group, each group's in their order.
std::vector<Count> by_group(const Count* group, Count rows, Count groups) {
    std::vector<Count> place(groups + 1, 0), order(rows);
    for (Count r = 0; r < rows; ++r) ++place[group[r] + 1];
    for (Count g = 0; g < groups; ++g) place[g + 1] += place[g];
    for (Count r = 0; r < rows; ++r) order[place[group[r]]++] = r;
    return order;
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void gather_part_##name(const void* job, Count begin, Count end) {               \
        gather<T>(*static_cast<const Product<T>*>(job), begin, end);                               \
    }                                                                                              \
    CLONED static void groups_part_##name(const void* job, Count begin, Count end) {               \
        gather_groups<T>(*static_cast<const Product<T>*>(job), begin, end);                        \
    }                                                                                              \
    CLONED static void gradient_part_##name(const void* job, Count begin, Count end) {             \
        gradient<T>(*static_cast<const Product<T>*>(job), begin, end);                             \
    }                                                                                              \
    DOOR void gather_rows_##name(const T* spikes, const std::uint8_t* bytes, const float* weight,  \
                                 Count rows, Count inputs, Count outputs, float* out,              \
                                 int threads) {                                                    \
        const Product<T> job{{spikes, bytes, inputs}, weight,  nullptr, rows, outputs,             \
                             nullptr,                 nullptr, nullptr, out};                      \
        in_parts(rows, LEAST / (outputs + 1) + 1, 1, threads, gather_part_##name, &job);           \
    }                                                                                              \
    DOOR void gather_gradient_##name(const T* spikes, const std::uint8_t* bytes,                   \
                                     const float* grad, Count rows, Count inputs, Count outputs,   \
                                     float* on_weight, int threads) {                              \
        const Product<T> job{{spikes, bytes, inputs}, nullptr, grad,    rows, outputs,             \
                             nullptr,                 nullptr, nullptr, on_weight};                \
        in_parts(outputs, LEAST / (rows + 1) + 16, 16, threads, gradient_part_##name, &job);       \
    }                                                                                              \
    DOOR Count group_sums_##name(const T* x, const float* weight, const Count* group,              \
                                 const Count* home, Count rows, Count inputs, Count outputs,       \
                                 Count groups, Count sums, float* out, int threads) {              \
        if (!within(group, rows, groups) || !within(home, rows, sums)) return OUTSIDE;             \
        const std::vector<Count> order = by_group(group, rows, groups);                            \
        const Product<T> job{{x, nullptr, inputs}, weight, nullptr, rows, outputs,                 \
                             order.data(),         group,  home,    out};                          \
        in_parts(outputs, LEAST / (rows + 1) + 16, 16, threads, groups_part_##name, &job);         \
        return 0;                                                                                  \
    }                                                                                              \
    DOOR Count group_gradient_##name(const T* x, const float* grad, const Count* group,            \
                                     const Count* home, Count rows, Count inputs, Count outputs,   \
                                     Count groups, Count sums, float* on_weight, int threads) {    \
        if (!within(group, rows, groups) || !within(home, rows, sums)) return OUTSIDE;             \
        const std::vector<Count> order = by_group(group, rows, groups);                            \
        const Product<T> job{{x, nullptr, inputs}, nullptr, grad, rows, outputs,                   \
                             order.data(),         group,   home, on_weight};                      \
        in_parts(outputs, LEAST / (rows + 1) + 16, 16, threads, gradient_part_##name, &job);       \
        return 0;                                                                                  \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
