// Calls of the package's C++ library, made again from a trace that arm.py wrote: on another processor.
//
//     arm LIBRARY TRACE OUT
//
// A trace is whole numbers of 64 bits and bytes: regions of memory, the pointers between them, calls.
// OUT takes every region as the calls left it, and then what each call answered.

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

using Number = std::int64_t;

// Arguments beyond those that a function has go unseen: numbers and pointers, then floats, lie in
// registers of their own and then on the stack, in order, in the C of Linux on x86-64 and on ARM.
#define N8(i) a[i], a[i + 1], a[i + 2], a[i + 3], a[i + 4], a[i + 5], a[i + 6], a[i + 7]
#define T8 Number, Number, Number, Number, Number, Number, Number, Number
using Door = Number (*)(T8, T8, T8, T8, float, float, float, float);

static std::FILE* trace;

static Number number() {
    Number x;
    if (std::fread(&x, sizeof x, 1, trace) != 1) std::exit(3);
    return x;
}
static std::string bytes(Number size) {
    std::string text(size, 0);
    if (size && std::fread(&text[0], size, 1, trace) != 1) std::exit(3);
    return text;
}

int main(int, char** argv) {
    void* library = dlopen(argv[1], RTLD_NOW);
    if (!library) return std::fprintf(stderr, "%s\n", dlerror()), 2;
    trace = std::fopen(argv[2], "rb");

    std::vector<std::pair<char*, Number>> regions(number());
    for (auto& [at, size] : regions) {
        size = number();
        at = static_cast<char*>(std::aligned_alloc(64, (size + 127) / 64 * 64));
        std::memcpy(at, bytes(size).data(), size);
    }
    for (Number left = number(); left; --left) {
        char* slot = regions[number()].first;
        slot += number();
        char* target = regions[number()].first;
        target += number();
        std::memcpy(slot, &target, sizeof target);
    }
    std::vector<Number> answers(number());
    for (Number& answer : answers) {
        const std::string name = bytes(number());
        Number a[32] = {};
        float f[4] = {};
        const Number count = number();
        for (Number i = 0; i < count; ++i) {
            const Number region = number(), value = number();
            a[i] = region < 0 ? value : Number(regions[region].first) + value;
        }
        const Number floats = number();
        for (Number i = 0; i < floats; ++i) {
            const Number bits = number();
            std::memcpy(f + i, &bits, sizeof(float));
        }
        const Door door = reinterpret_cast<Door>(dlsym(library, name.c_str()));
        if (!door) return std::fprintf(stderr, "%s\n", dlerror()), 2;
        answer = door(N8(0), N8(8), N8(16), N8(24), f[0], f[1], f[2], f[3]);
    }
    std::FILE* out = std::fopen(argv[3], "wb");
    for (const auto& [at, size] : regions) std::fwrite(at, 1, size, out);
    std::fwrite(answers.data(), sizeof(Number), answers.size(), out);
    return std::fclose(out);
}
