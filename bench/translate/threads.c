/* Atomics of every size from several threads, side by side in one line of the cache, and a thread that
 * ends by unwinding through a function with atomics. Compiled for ARMv8.2-A, then translated.
 */
#include <stdint.h>

typedef unsigned __int128 pair;
typedef unsigned long pthread_t;
int pthread_create(pthread_t *, const void *, void *(*)(void *), void *);
int pthread_join(pthread_t, void **);
void pthread_exit(void *) __attribute__((noreturn));

static struct {
    uint8_t add8, cas8;
    uint16_t add16;
    uint32_t add32;
    uint64_t add64;
    uint16_t cas16, pad;
    uint32_t cas32;
    uint64_t cas64;
    _Alignas(16) uint64_t casp[2];
    uint64_t bits, largest, swapped;
} shared __attribute__((aligned(64)));

#define CAS(field, type)                                                                            \
    do {                                                                                            \
        type seen = __atomic_load_n(&shared.field, __ATOMIC_RELAXED);                               \
        while (!__atomic_compare_exchange_n(&shared.field, &seen, (type)(seen + 1), 0,              \
                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))                    \
            ;                                                                                       \
    } while (0)

static void add_pair(void)
{
    register uint64_t old0 __asm__("x4"), old1 __asm__("x5");
    register uint64_t new0 __asm__("x6"), new1 __asm__("x7");
    uint64_t was0 = 0, was1 = 0;
    do {
        was0 = old0 = __atomic_load_n(&shared.casp[0], __ATOMIC_RELAXED);
        was1 = old1 = __atomic_load_n(&shared.casp[1], __ATOMIC_RELAXED);
        new0 = old0 + 1;
        new1 = old1 + 3;
        __asm__ volatile("caspal %0, %1, %2, %3, [%4]"
                         : "+r"(old0), "+r"(old1)
                         : "r"(new0), "r"(new1), "r"(shared.casp)
                         : "memory");
    } while (old0 != was0 || old1 != was1);
}

struct work {
    long rounds, number;
};

static void *worker(void *argument)
{
    const struct work *work = argument;
    for (long round = 0; round < work->rounds; round++) {
        __atomic_fetch_add(&shared.add8, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&shared.add16, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&shared.add32, 1, __ATOMIC_ACQUIRE);
        __atomic_fetch_add(&shared.add64, 1, __ATOMIC_RELEASE);
        CAS(cas8, uint8_t);
        CAS(cas16, uint16_t);
        CAS(cas32, uint32_t);
        CAS(cas64, uint64_t);
        add_pair();
        __atomic_fetch_or(&shared.bits, 1UL << work->number, __ATOMIC_SEQ_CST);
        __atomic_fetch_and(&shared.bits, ~(1UL << (work->number + 32)), __ATOMIC_SEQ_CST);
        __atomic_exchange_n(&shared.swapped, (uint64_t)work->number, __ATOMIC_SEQ_CST);
    }
    return 0;
}

/* Returns 0 where every count is what so many threads and rounds give, else the count's number. */
int count(long threads, long rounds)
{
    pthread_t running[16];
    struct work work[16];
    for (long number = 0; number < threads; number++) {
        work[number] = (struct work){rounds, number};
        pthread_create(&running[number], 0, worker, &work[number]);
    }
    for (long number = 0; number < threads; number++)
        pthread_join(running[number], 0);
    uint64_t all = (uint64_t)(threads * rounds);
    if (shared.add8 != (uint8_t)all || shared.cas8 != (uint8_t)all)
        return 1;
    if (shared.add16 != (uint16_t)all || shared.cas16 != (uint16_t)all)
        return 2;
    if (shared.add32 != (uint32_t)all || shared.cas32 != (uint32_t)all)
        return 3;
    if (shared.add64 != all || shared.cas64 != all)
        return 4;
    if (shared.casp[0] != all || shared.casp[1] != 3 * all)
        return 5;
    return shared.bits != (1UL << threads) - 1 || shared.swapped >= (uint64_t)threads ? 6 : 0;
}

static uint64_t entered, cleaned, left;

static void clean(int *unused)
{
    (void)unused;
    __atomic_fetch_add(&cleaned, 1, __ATOMIC_SEQ_CST);
}

__attribute__((noinline)) static void ends(void *argument) { pthread_exit(argument); }

__attribute__((noinline)) static void guarded(void (*function)(void *))
{
    __attribute__((cleanup(clean))) int guard = 0;
    __atomic_fetch_add(&entered, 1, __ATOMIC_SEQ_CST);
    function(&guard);
    __atomic_fetch_add(&left, 1, __ATOMIC_SEQ_CST);
}

static void *unwound(void *unused)
{
    (void)unused;
    guarded(ends);
    return 0;
}

/* Returns 0 where a thread was unwound through guarded(), which then cleaned up and went no further. */
int unwind(void)
{
    pthread_t running;
    pthread_create(&running, 0, unwound, 0);
    pthread_join(running, 0);
    return !(entered == 1 && cleaned == 1 && left == 0);
}
