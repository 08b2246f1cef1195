// Lets a C++ compiler for the CPU build the text of a CUDA kernel, and runs its blocks one after the other, the threads of
// a block in turn: each runs until it has to meet the others. What it does not have is real concurrency; in its place the
// threads can be run in the opposite order, and a kernel without races gives the same bits.
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __syncthreads() shim_meet(SHIM_BLOCK, __LINE__)

struct ShimPlace { unsigned x, y, z; };
static ShimPlace threadIdx, blockIdx, blockDim, gridDim;

enum ShimState { SHIM_READY, SHIM_BLOCK, SHIM_WARP, SHIM_DONE };
enum { SHIM_MOST = 1024, SHIM_STACK = 64 * 1024 };

struct ShimThread {
    ucontext_t context;
    jmp_buf at;
    ShimState state;
    int line, begun;
    unsigned shuffles;
};

static ShimThread shim_threads[SHIM_MOST];
static char shim_stacks[SHIM_MOST][SHIM_STACK];
static jmp_buf shim_home;
static unsigned char shim_slots[2][SHIM_MOST][8];
static void (*shim_body)();

static void shim_fail(const char *words) {
    fprintf(stderr, "cuda_shim: %s (block %u, thread %u)\n", words, blockIdx.x, threadIdx.x);
    abort();
}

// Gives the processor back until all of the block, or of the warp, have come here. longjmp changes stacks at no cost;
// the context functions are needed for a thread's first entry only.
static void __attribute__((noinline)) shim_meet(ShimState where, int line) {
    ShimThread *self = &shim_threads[threadIdx.x];
    self->state = where;
    self->line = line;
    if (!_setjmp(self->at)) _longjmp(shim_home, 1);
}

template <typename T> static T __shfl_down_sync(unsigned mask, T value, int distance) {
    if (mask != 0xffffffffu) shim_fail("a shuffle without all threads of the warp");
    const unsigned self = threadIdx.x, lane = self % 32;
    const unsigned side = shim_threads[self].shuffles++ % 2;
    memcpy(shim_slots[side][self], &value, sizeof value);
    shim_meet(SHIM_WARP, 0);
    T result;
    memcpy(&result, shim_slots[side][lane + distance < 32 ? self + distance : self], sizeof result);
    return result;
}

template <typename T> static T __shfl_xor_sync(unsigned mask, T value, int bits) {
    if (mask != 0xffffffffu) shim_fail("a shuffle without all threads of the warp");
    const unsigned self = threadIdx.x;
    const unsigned side = shim_threads[self].shuffles++ % 2;
    memcpy(shim_slots[side][self], &value, sizeof value);
    shim_meet(SHIM_WARP, 0);
    T result;
    memcpy(&result, shim_slots[side][self ^ bits], sizeof result);
    return result;
}

static float __int_as_float(int bits) { float value; memcpy(&value, &bits, 4); return value; }
static int __float_as_int(float value) { int bits; memcpy(&bits, &value, 4); return bits; }

// What the device does in one instruction each.
static float wide_h(unsigned short half) {
    const int exponent = half >> 10 & 31, digits = half & 1023;
    const float sign = half & 0x8000 ? -1.0f : 1.0f;
    if (exponent == 31) return digits ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexpf(1024 + digits, exponent - 25) : ldexpf(digits, -24));
}
static unsigned short narrow_h(float value) {
    const unsigned short sign = signbit(value) ? 0x8000 : 0;
    const float size = fabsf(value);
    if (size != size) return 0x7e00;
    if (size >= 65520.0f) return sign | 0x7c00;
    int exponent;
    frexpf(size, &exponent);
    if (exponent < -13) exponent = -13;
    // nearbyint rounds to even, as the default rounding is; a carry runs into the exponent, where it belongs.
    const unsigned digits = (unsigned)nearbyintf(ldexpf(size, 11 - exponent));
    return sign | (unsigned short)(digits < 1024 ? digits : ((exponent + 14 - 1) << 10) + digits);
}

static void shim_enter() {
    shim_body();
    shim_threads[threadIdx.x].state = SHIM_DONE;
    _longjmp(shim_home, 1);
}

static void shim_run(unsigned thread) {
    ShimThread *next = &shim_threads[thread];
    threadIdx.x = thread;
    next->state = SHIM_READY;
    if (_setjmp(shim_home)) return;
    if (next->begun) _longjmp(next->at, 1);
    next->begun = 1;
    getcontext(&next->context);
    next->context.uc_stack.ss_sp = shim_stacks[thread];
    next->context.uc_stack.ss_size = SHIM_STACK;
    next->context.uc_link = 0;
    makecontext(&next->context, shim_enter, 0);
    setcontext(&next->context);
}

static int shim_release(unsigned threads) {
    int released = 0, line = 0;
    for (unsigned warp = 0; warp < threads; warp += 32) {
        int here = 0, elsewhere = 0;
        for (unsigned t = warp; t < warp + 32; t++) {
            here += shim_threads[t].state == SHIM_WARP;
            elsewhere += shim_threads[t].state != SHIM_WARP;
        }
        if (here && elsewhere) shim_fail("a shuffle that not all threads of the warp come to");
        for (unsigned t = warp; here && t < warp + 32; t++) shim_threads[t].state = SHIM_READY;
        released += here;
    }
    if (released) return 1;
    for (unsigned t = 0; t < threads; t++) {
        if (shim_threads[t].state != SHIM_BLOCK) continue;
        if (line && line != shim_threads[t].line) shim_fail("threads wait at different places");
        line = shim_threads[t].line;
        shim_threads[t].state = SHIM_READY;
        released++;
    }
    if (released && released != (int)threads) shim_fail("a barrier that not all threads come to");
    return released;
}

static void shim_grid(unsigned blocks, unsigned threads, int backward, void (*body)()) {
    if (threads > SHIM_MOST || threads % 32) shim_fail("a strange number of threads");
    shim_body = body;
    blockDim.x = threads;
    gridDim.x = blocks;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        memset(shim_threads, 0, threads * sizeof *shim_threads);
        do {
            for (unsigned k = 0; k < threads; k++) {
                const unsigned thread = backward ? threads - 1 - k : k;
                if (shim_threads[thread].state == SHIM_READY) shim_run(thread);
            }
        } while (shim_release(threads));
    }
}
