// The tokens that a step works on, a row each: which they are, and what they have kept.

#pragma once

#include <vector>

#include "model.hpp"

namespace ENGINE_TARGET {

struct Rows {
    std::vector<Count> token;
    std::vector<float> keep;    // what its membranes have kept since they were last touched
    std::vector<float> spread;  // and the standard deviation of unit noise that has gathered

    Count count() const { return Count(token.size()); }
    void clear() {
        token.clear();
        keep.clear();
        spread.clear();
    }
    // `touched` has the step of every token's last touch; `own`: it is the memory's own token.
    void touch(const engine::Model& a, Count clock, Count* touched, Count which, bool own) {
        const Count gap = clock - touched[which];
        touched[which] = clock;
        const bool known = gap < a.keeps;
        token.push_back(which);
        keep.push_back(known ? (own ? a.keep_token : a.keep)[gap] : 0.0f);
        spread.push_back((own ? a.spread_token : a.spread)[known ? gap : a.keeps - 1]);
    }
};

}  // namespace ENGINE_TARGET
