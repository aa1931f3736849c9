// A kernel's work in parts, on the threads that PyTorch has anyway.
//
// A pool of our own would wait for a core while PyTorch's idle threads spin on it. So its OpenMP
// runtime is asked for at run time, by the entry that compilers use (GNU's libgomp, and Intel's and
// LLVM's where they stand in for it); where there is none, the caller works alone.

#include "kernel.hpp"

#if !defined(_WIN32)
#include <dlfcn.h>
#include <unistd.h>
#endif

namespace {

struct OpenMP {
    void (*parallel)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
    int (*team)() = nullptr;
    int (*member)() = nullptr;
    long home = 0;  // process in which it was found: a forked child has none of its threads

#if !defined(_WIN32)
    OpenMP() : home(long(getpid())) {
        find(parallel, "GOMP_parallel");
        find(team, "omp_get_num_threads");
        find(member, "omp_get_thread_num");
    }
    bool there() const { return parallel && team && member && home == long(getpid()); }

private:
    template <class Function>
    static void find(Function& function, const char* name) {
        void* found = dlsym(RTLD_DEFAULT, name);
        std::memcpy(&function, &found, sizeof function);
    }
#else
    bool there() const { return false; }
#endif
};

const OpenMP& openmp() {
    static const OpenMP only;
    return only;
}

struct Shared {
    Part part;
    const void* job;
    Count size, grain;
};

void work(void* data) {
    const Shared& all = *static_cast<const Shared*>(data);
    const Count team = openmp().team(), member = openmp().member();
    const auto border = [&](Count i) {
        return i == team ? all.size : all.size * i / team / all.grain * all.grain;
    };
    const Count begin = border(member), end = border(member + 1);
    if (end > begin) all.part(all.job, begin, end);
}

}  // namespace

void in_parts(Count size, Count least, Count grain, int threads, Part part, const void* job) {
    if (size <= 0) return;
    const Count most = size / (least > 0 ? least : 1);
    const Count parts = most < threads ? most : threads;
    if (parts < 2 || !openmp().there()) return part(job, 0, size);
    Shared all{part, job, size, grain};
    openmp().parallel(work, &all, unsigned(parts), 0);
}
