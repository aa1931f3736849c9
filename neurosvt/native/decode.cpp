// Events from the words of event files: neurosvt/formats. Each decoder says the same as the
// numpy form beside its reader there, which is its definition.

#include "kernel.hpp"

namespace {

#pragma pack(push, 1)
struct Event {  // neurosvt/events/recording.py, EVENT
    std::int64_t t;
    std::uint16_t x, y;
    std::uint8_t p;
};
#pragma pack(pop)

// What lives from one block of a file to the next; `STATE` in neurosvt/formats/source.py.
struct State {
    Count width, height;  // of the sensor
    Count last;           // time of the last event
    Count back;           // steps of time back
    Count outside;        // events off the sensor
    Count untimed;        // events before the first time
    Count timed, high, epoch, time, clock;
    Count y, base, polarity;       // EVT3
    Count x_bits, y_bits;          // DAT
    Count skip, left, whole, bad;  // AEDAT 3.1
    Count gap, fall;               // longest steps of time, on and back
};

// The difference of two such times is a number, whatever a damaged file holds.
INLINE Count bounded(Count t) {
    const Count limit = Count(1) << 61;
    return t < -limit ? -limit : t > limit ? limit : t;
}

// The time of a further event; `Wild` if it may be any number of 64 bits.
template <bool Wild = false>
INLINE void pass(State& s, Count t) {
    if (s.last != INT64_MIN) {
        const Count step = Wild ? bounded(t) - bounded(s.last) : t - s.last;
        s.back += step < 0;
        s.gap = step > s.gap ? step : s.gap;
        s.fall = -step > s.fall ? -step : s.fall;
    }
    s.last = t;
}

template <bool Wild = false>
INLINE Event* put(State& s, Event* out, Count t, Count x, Count y, bool p) {
    if (x >= s.width || y >= s.height) {
        ++s.outside;
        return out;
    }
    pass<Wild>(s, t);
    *out = {t, std::uint16_t(x), std::uint16_t(y), std::uint8_t(p)};
    return out + 1;
}

INLINE Count bits_of(std::uint32_t x) {
    x -= (x >> 1) & 0x55555555;
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333);
    return Count((((x + (x >> 4)) & 0x0F0F0F0F) * 0x01010101) >> 24);
}

// Neighbours of one row and time: those of `length` pixels from x on whose bit is set.
INLINE Event* vector(
    State& s, Event* out, Count t, Count x, Count y, bool p, std::uint32_t valid, Count length) {
    if (!s.timed) {
        s.untimed += bits_of(valid);
        return out;
    }
    if (x + length > s.width || y >= s.height) {  // one by one at the border
        for (; valid; ++x, valid >>= 1)
            if (valid & 1) out = put(s, out, t, x, y, p);
        return out;
    }
    if (!valid) return out;
    pass(s, t);
    const Event first = {t, std::uint16_t(x), std::uint16_t(y), std::uint8_t(p)};
    for (Count bit = 0; bit < length; ++bit) {  // without a branch: the next one writes over it
        *out = first;
        out->x = std::uint16_t(x + bit);
        out += valid >> bit & 1;
    }
    return out;
}

// A counter of so many bits has begun anew if it fell by more than half of its range.
INLINE void raise(State& s, Count high, int bits) {
    if (high + (Count(1) << (bits - 1)) < s.high) ++s.epoch;
    s.high = high;
}

template <class T>
inline T word_at(const std::uint8_t* bytes, Count i) {
    T word;
    std::memcpy(&word, bytes + i * Count(sizeof(T)), sizeof(T));
    return word;
}

// The high 28 bits of the clock of EVT 2.0 and 2.1.
INLINE void tick(State& s, Count high) {
    raise(s, high, 28);
    s.time = s.epoch << 34 | s.high << 6;
    s.timed = 1;
}

INLINE Event* evt2(const std::uint8_t* bytes, Count n, State& s, Event* out) {
    for (Count i = 0; i < n; ++i) {
        const auto word = word_at<std::uint32_t>(bytes, i);
        const auto kind = word >> 28;
        if (kind <= 1) {
            if (!s.timed) {
                ++s.untimed;
                continue;
            }
            const Count t = s.time | ((word >> 22) & 0x3F);
            out = put(s, out, t, (word >> 11) & 0x7FF, word & 0x7FF, kind);
        } else if (kind == 8) {
            tick(s, word & 0xFFFFFFF);
        }
    }
    return out;
}

INLINE Event* evt21(const std::uint8_t* bytes, Count n, State& s, Event* out) {
    for (Count i = 0; i < n; ++i) {
        const auto word = word_at<std::uint64_t>(bytes, i);
        const auto kind = word >> 60;
        if (kind <= 1) {
            const auto valid = std::uint32_t(word);
            const Count t = s.time | ((word >> 54) & 0x3F);
            const Count x = (word >> 43) & 0x7FF, y = (word >> 32) & 0x7FF;
            out = vector(s, out, t, x, y, kind, valid, 32);
        } else if (kind == 8) {
            tick(s, (word >> 32) & 0xFFFFFFF);
        }
    }
    return out;
}

INLINE Event* evt3(const std::uint8_t* bytes, Count n, State& s, Event* out) {
    for (Count i = 0; i < n; ++i) {
        const auto word = word_at<std::uint16_t>(bytes, i);
        const Count value = word & 0x7FF, low = word & 0xFFF;
        const bool bit = word & 0x800;
        switch (word >> 12) {
        case 0x0: s.y = value; break;
        case 0x2:
            if (s.timed) out = put(s, out, s.time, value, s.y, bit);
            else ++s.untimed;
            break;
        case 0x3:
            s.base = value;
            s.polarity = bit;
            break;
        case 0x4:
        case 0x5: {
            const Count length = word >> 12 == 4 ? 12 : 8;
            const auto valid = std::uint32_t(low & ((1 << length) - 1));
            out = vector(s, out, s.time, s.base, s.y, s.polarity, valid, length);
            s.base += length;
            break;
        }
        case 0x6:
            if (s.timed) {
                const Count time = s.epoch << 24 | s.high << 12 | low;
                s.back += time < s.clock;  // and clamped, see formats/evt3.py
                s.clock = time;
                s.time = time > s.time ? time : s.time;
            }
            break;
        case 0x8: {
            raise(s, low, 12);
            const Count time = s.epoch << 24 | s.high << 12;
            s.clock = !s.timed || time > s.clock ? time : s.clock;
            s.time = !s.timed || time > s.time ? time : s.time;
            s.timed = 1;
            break;
        }
        }
    }
    return out;
}

INLINE Event* dat(const std::uint8_t* bytes, Count n, State& s, Event* out) {
    const std::uint32_t x_mask = (1u << s.x_bits) - 1, y_mask = (1u << s.y_bits) - 1;
    for (Count i = 0; i < n; ++i) {
        const auto time = word_at<std::uint32_t>(bytes, 2 * i);
        const auto address = word_at<std::uint32_t>(bytes, 2 * i + 1);
        raise(s, time, 32);
        const Count t = s.epoch << 32 | s.high;
        const Count y = (address >> s.x_bits) & y_mask;
        out = put(s, out, t, address & x_mask, y, address >> (s.x_bits + s.y_bits) & 1);
    }
    return out;
}

// `n` are bytes here; how many of them were used is left in `whole`.
INLINE Event* aedat3(const std::uint8_t* bytes, Count n, State& s, Event* out) {
    Count at = 0;
    while (!s.bad) {
        if (s.left == 0) {
            if (at + 28 > n) break;
            const std::uint8_t* head = bytes + at;
            const auto kind = word_at<std::int16_t>(head, 0);
            const auto size = word_at<std::int32_t>(head, 1);
            const auto offset = word_at<std::int32_t>(head, 2);
            const auto overflow = word_at<std::int32_t>(head, 3);
            const auto capacity = word_at<std::int32_t>(head, 4);
            const auto number = word_at<std::int32_t>(head, 5);
            const auto valid = word_at<std::int32_t>(head, 6);
            const bool polarity = kind == 1;
            s.bad = kind < 0 || size < 1 || offset < 0 || offset >= size || overflow < 0 ||
                    number < 0 || capacity < number || valid < 0 || valid > number ||
                    (polarity && (size != 8 || offset != 4));
            if (s.bad) break;
            at += 28;
            s.skip = polarity ? 0 : Count(size) * number;
            s.left = Count(size) * number;
            s.epoch = overflow;
            s.polarity = valid == number;  // then every event counts
        } else if (s.skip) {
            const Count step = s.skip < n - at ? s.skip : n - at;
            at += step;
            s.skip -= step;
            s.left -= step;
            if (s.left) break;
        } else {
            if (at + 8 > n) break;
            Count events = (n - at) / 8;
            if (events > s.left / 8) events = s.left / 8;
            for (Count i = 0; i < events; ++i) {
                const auto address = word_at<std::uint32_t>(bytes + at, 2 * i);
                const auto time = word_at<std::uint32_t>(bytes + at, 2 * i + 1);
                if (!s.polarity && !(address & 1)) continue;
                const Count t = s.epoch << 31 | (time & 0x7FFFFFFF);
                out = put(s, out, t, address >> 17, (address >> 2) & 0x7FFF, address & 2);
            }
            at += events * 8;
            s.left -= events * 8;
        }
    }
    s.whole = at;
    return out;
}

INLINE Event* aedat4(const std::uint8_t* bytes, Count n, State& s, Event* out) {
    for (Count i = 0; i < n; ++i, bytes += 16) {
        const Count x = word_at<std::int16_t>(bytes, 4), y = word_at<std::int16_t>(bytes, 5);
        const Count off = Count(1) << 16;  // of every sensor, as what lies left of it or above
        out = put<true>(
            s, out, word_at<Count>(bytes, 0), x < 0 ? off : x, y < 0 ? off : y, bytes[12]);
    }
    return out;
}

// Most events that words can hold.
Count room_aedat4(const std::uint8_t*, Count n) { return n; }
Count room_evt2(const std::uint8_t*, Count n) { return n; }
Count room_dat(const std::uint8_t*, Count n) { return n; }
Count room_aedat3(const std::uint8_t*, Count n) { return n / 8; }

CLONED Count room_evt21(const std::uint8_t* bytes, Count n) {
    Count room = 0;
    for (Count i = 0; i < n; ++i) {
        const auto word = word_at<std::uint64_t>(bytes, i);
        room += word >> 60 <= 1 ? bits_of(std::uint32_t(word)) : 0;
    }
    return room;
}

CLONED Count room_evt3(const std::uint8_t* bytes, Count n) {
    Count room = 0;
    for (Count i = 0; i < n; ++i) {
        const std::uint32_t word = word_at<std::uint16_t>(bytes, i), kind = word >> 12;
        const std::uint32_t valid = kind == 4 ? word & 0xFFF : kind == 5 ? word & 0xFF : 0;
        room += kind == 2 ? 1 : bits_of(valid);
    }
    return room;
}

}  // namespace

// Without room for events: how many there may be.
#define DECODER(name)                                                                          \
    DOOR Count decode_##name(const std::uint8_t* bytes, Count n, State* state, Event* out) {   \
        if (!out) return room_##name(bytes, n);                                               \
        State s = *state; /* a copy that no store of an event can touch stays in registers */  \
        Event* const end = name(bytes, n, s, out);                                            \
        *state = s;                                                                           \
        return end - out;                                                                     \
    }
DECODER(evt2)
DECODER(evt21)
DECODER(evt3)
DECODER(dat)
DECODER(aedat3)
DECODER(aedat4)
