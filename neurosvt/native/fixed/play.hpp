// Whole films of frames through the engine in whole numbers; ../fixed.cpp includes it once for each
// width of numbers.

struct Films {
    const void* model;
    char* const* states;
    Count count;
    const std::uint8_t* frames;
    Count steps;
    const std::uint8_t* asked;
    Count numbers;
    std::int32_t* answers;
};

inline Count layout() {
    return sizeof(nsvt_product) + 3 * sizeof(nsvt_dense) + 5 * sizeof(nsvt_block) +
           7 * sizeof(nsvt_tracks) + 11 * sizeof(nsvt_memory) + 13 * sizeof(nsvt_heads) +
           17 * sizeof(nsvt_tables) + 19 * sizeof(nsvt_parts) + 23 * sizeof(nsvt_model);
}

inline void begin(const void* model, char* state) {
    const nsvt_session s = {static_cast<const nsvt_model*>(model), state};
    nsvt_begin(&s);
}

CLONED void pass(const nsvt_session* s, const nsvt_event* events, std::int32_t count,
                 std::int32_t* answer) {
    nsvt_pass(s, events, count, answer);
}

// All frames of one state, one after the other.
inline void play(const Films& a, Count which) {
    const nsvt_session s = {static_cast<const nsvt_model*>(a.model), a.states[which]};
    const Count side = s.model->side, pixels = 2 * side * side;
    std::vector<nsvt_event> events;
    for (Count t = 0; t < a.steps; ++t) {
        const Count at = t * a.count + which;
        const std::uint8_t* pixel = a.frames + at * pixels;
        events.clear();
        for (Count n = 0; n < pixels; ++n)
            if (pixel[n])
                events.push_back({std::uint16_t(n % side), std::uint16_t(n / side % side),
                                  std::uint8_t(n / (side * side))});
        pass(&s, events.data(), std::int32_t(events.size()),
             !a.asked || a.asked[at] ? a.answers + at * a.numbers : nullptr);
    }
}
