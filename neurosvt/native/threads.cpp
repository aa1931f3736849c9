// A few threads that wait for parts of a kernel's work.

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "kernel.hpp"

namespace {

long process() {
#if defined(_WIN32)
    return 0;
#else
    return long(getpid());
#endif
}

struct Slice {
    Count begin, end;
};

class Pool {
public:
    // Not for more than one caller at a time: see `in_parts`.
    void run(const std::vector<Slice>& slices, Part part, const void* job) {
        grow(slices.size() - 1);
        {
            std::lock_guard<std::mutex> hold(lock);
            work = &slices, todo = part, what = job;
            next = 1, left = slices.size() - 1;
        }
        wake.notify_all();
        part(job, slices[0].begin, slices[0].end);
        std::unique_lock<std::mutex> hold(lock);
        while (next < slices.size()) take(hold);  // what nobody has begun is ours
        done.wait(hold, [this] { return left == 0; });
        work = nullptr;
    }

    std::mutex busy;
    const long home = process();

private:
    void grow(std::size_t wanted) {
        for (; threads < wanted; ++threads) std::thread([this] { serve(); }).detach();
    }

    void serve() {
        std::unique_lock<std::mutex> hold(lock);
        for (;;) {
            wake.wait(hold, [this] { return work && next < work->size(); });
            take(hold);
        }
    }

    // Does the next slice; called and left with the lock held.
    void take(std::unique_lock<std::mutex>& hold) {
        const Slice mine = (*work)[next++];
        const Part part = todo;
        const void* job = what;
        hold.unlock();
        part(job, mine.begin, mine.end);
        hold.lock();
        if (--left == 0) done.notify_one();
    }

    std::mutex lock;
    std::condition_variable wake, done;
    const std::vector<Slice>* work = nullptr;
    Part todo = nullptr;
    const void* what = nullptr;
    std::size_t next = 0, left = 0, threads = 0;
};

// Never destroyed: its threads may outlive main.
Pool& pool() {
    static Pool& only = *new Pool;
    return only;
}

}  // namespace

void in_parts(Count size, Count least, Count grain, int threads, Part part, const void* job) {
    if (size <= 0) return;
    Count parts = size / (least > 0 ? least : 1);
    parts = parts < threads ? parts : threads;
    // A forked child has the pool's memory but none of its threads.
    if (parts < 2 || pool().home != process()) return part(job, 0, size);
    std::unique_lock<std::mutex> mine(pool().busy, std::try_to_lock);
    if (!mine) return part(job, 0, size);  // another Python thread is at it
    std::vector<Slice> slices;
    Count begin = 0;
    for (Count i = 1; i <= parts; ++i) {
        Count end = i == parts ? size : size * i / parts / grain * grain;
        if (end > begin) slices.push_back({begin, end}), begin = end;
    }
    if (slices.size() < 2) return part(job, 0, size);
    pool().run(slices, part, job);
}
