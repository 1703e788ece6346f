/* Plays instruction sequences from given register states and writes what came of each.
 *
 * Freestanding: Linux system calls alone, so that it is one small static program for any AArch64.
 * Standard input: struct head, `states` struct state, `cases` struct sequence. Standard output: for
 * each case and state a struct state. Everything lies at fixed addresses, so that two runs on
 * different cores can be compared byte for byte.
 */
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define AREA 64 /* bytes of memory that sequences work on */

struct state {
    u64 x[31];
    u64 sp;
    u64 nzcv;
    u64 pad;
    unsigned __int128 v[32];
    unsigned char memory[AREA];
};

struct sequence {
    u32 count;  /* instructions */
    u32 base;   /* register that points to memory: 0 to 30, 31 for SP, 32 for none */
    u32 offset; /* where in memory */
    u32 equal;  /* register that gets memory's value in every other state, 32 for none */
    u32 size;   /* of that value in bytes; 8 or 16 for a pair in two registers: 100 is added */
    u32 words[123];
};

struct head {
    u32 states, cases;
};

#define CODE 0x10000000UL
#define DATA 0x10100000UL
#define STACK 0x10200000UL
#define POOL 0x11000000UL

struct data {
    struct state in, out;
    u64 host_sp;
};

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

static void leave(int code) { call(93, code, 0, 0, 0, 0, 0); }

static void map(u64 address, u64 size, int protection)
{
    /* MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS */
    if (call(222, (long)address, (long)size, protection, 0x32, -1, 0) != (long)address)
        leave(2);
}

static void take(void *where, u64 size)
{
    char *at = where;
    while (size) {
        long got = call(63, 0, (long)at, (long)size, 0, 0, 0);
        if (got <= 0)
            leave(3);
        at += got;
        size -= (u64)got;
    }
}

static void give(const void *what, u64 size)
{
    const char *at = what;
    while (size) {
        long put = call(64, 1, (long)at, (long)size, 0, 0, 0);
        if (put <= 0)
            leave(4);
        at += put;
        size -= (u64)put;
    }
}

void *memcpy(void *to, const void *from, unsigned long size)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    while (size--)
        *target++ = *source++;
    return to;
}

/* Loads every register from DATA's `in`, runs CODE, which comes back to after_play. */
__attribute__((naked, noinline)) static void play(void)
{
    __asm__ volatile(
        "stp x29, x30, [sp, #-160]!\n stp x19, x20, [sp, #16]\n stp x21, x22, [sp, #32]\n"
        "stp x23, x24, [sp, #48]\n stp x25, x26, [sp, #64]\n stp x27, x28, [sp, #80]\n"
        "stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n"
        "movz x0, #0x1010, lsl #16\n"
        "mov x1, sp\n str x1, [x0, %[host]]\n"
        "ldr x1, [x0, #248]\n mov sp, x1\n"
        "ldr x1, [x0, #256]\n msr nzcv, x1\n"
        "add x1, x0, #272\n"
        "ldp q0, q1, [x1]\n ldp q2, q3, [x1, #32]\n ldp q4, q5, [x1, #64]\n ldp q6, q7, [x1, #96]\n"
        "ldp q8, q9, [x1, #128]\n ldp q10, q11, [x1, #160]\n ldp q12, q13, [x1, #192]\n ldp q14, q15, [x1, #224]\n"
        "ldp q16, q17, [x1, #256]\n ldp q18, q19, [x1, #288]\n ldp q20, q21, [x1, #320]\n ldp q22, q23, [x1, #352]\n"
        "ldp q24, q25, [x1, #384]\n ldp q26, q27, [x1, #416]\n ldp q28, q29, [x1, #448]\n ldp q30, q31, [x1, #480]\n"
        "ldp x2, x3, [x0, #16]\n ldp x4, x5, [x0, #32]\n ldp x6, x7, [x0, #48]\n ldp x8, x9, [x0, #64]\n"
        "ldp x10, x11, [x0, #80]\n ldp x12, x13, [x0, #96]\n ldp x14, x15, [x0, #112]\n ldp x16, x17, [x0, #128]\n"
        "ldp x18, x19, [x0, #144]\n ldp x20, x21, [x0, #160]\n ldp x22, x23, [x0, #176]\n ldp x24, x25, [x0, #192]\n"
        "ldp x26, x27, [x0, #208]\n ldp x28, x29, [x0, #224]\n ldr x30, [x0, #240]\n"
        "msr tpidr_el0, x30\n"
        "movz x30, #0x1000, lsl #16\n" /* CODE: its first instruction is MRS x30, TPIDR_EL0 */
        "ldr x1, [x0, #8]\n ldr x0, [x0]\n"
        "br x30\n"
        :: [host] "i"(__builtin_offsetof(struct data, host_sp)));
}

/* Where CODE branches to when it is done, with x30 in TPIDR_EL0 and this address in x30. */
__attribute__((naked, noinline)) static void after_play(void)
{
    __asm__ volatile(
        "movz x30, #0x1010, lsl #16\n add x30, x30, %[out]\n"
        "stp x0, x1, [x30]\n stp x2, x3, [x30, #16]\n stp x4, x5, [x30, #32]\n stp x6, x7, [x30, #48]\n"
        "stp x8, x9, [x30, #64]\n stp x10, x11, [x30, #80]\n stp x12, x13, [x30, #96]\n stp x14, x15, [x30, #112]\n"
        "stp x16, x17, [x30, #128]\n stp x18, x19, [x30, #144]\n stp x20, x21, [x30, #160]\n stp x22, x23, [x30, #176]\n"
        "stp x24, x25, [x30, #192]\n stp x26, x27, [x30, #208]\n stp x28, x29, [x30, #224]\n"
        "mov x0, x30\n mrs x1, tpidr_el0\n str x1, [x0, #240]\n"
        "mov x1, sp\n str x1, [x0, #248]\n mrs x1, nzcv\n str x1, [x0, #256]\n str xzr, [x0, #264]\n"
        "add x1, x0, #272\n"
        "stp q0, q1, [x1]\n stp q2, q3, [x1, #32]\n stp q4, q5, [x1, #64]\n stp q6, q7, [x1, #96]\n"
        "stp q8, q9, [x1, #128]\n stp q10, q11, [x1, #160]\n stp q12, q13, [x1, #192]\n stp q14, q15, [x1, #224]\n"
        "stp q16, q17, [x1, #256]\n stp q18, q19, [x1, #288]\n stp q20, q21, [x1, #320]\n stp q22, q23, [x1, #352]\n"
        "stp q24, q25, [x1, #384]\n stp q26, q27, [x1, #416]\n stp q28, q29, [x1, #448]\n stp q30, q31, [x1, #480]\n"
        "movz x0, #0x1010, lsl #16\n ldr x1, [x0, %[host]]\n mov sp, x1\n"
        "ldp d14, d15, [sp, #144]\n ldp d12, d13, [sp, #128]\n ldp d10, d11, [sp, #112]\n ldp d8, d9, [sp, #96]\n"
        "ldp x27, x28, [sp, #80]\n ldp x25, x26, [sp, #64]\n ldp x23, x24, [sp, #48]\n"
        "ldp x21, x22, [sp, #32]\n ldp x19, x20, [sp, #16]\n ldp x29, x30, [sp], #160\n"
        "ret\n"
        :: [out] "i"(__builtin_offsetof(struct data, out)), [host] "i"(__builtin_offsetof(struct data, host_sp)));
}

static void load(const struct sequence *one)
{
    u32 *code = (u32 *)CODE;
    u64 back = (u64)after_play;
    *code++ = 0xd53bd05e; /* mrs x30, tpidr_el0 */
    for (u32 index = 0; index < one->count; index++)
        *code++ = one->words[index];
    *code++ = 0xd51bd05e;                                /* msr tpidr_el0, x30 */
    *code++ = 0xd280001e | (u32)(back & 0xffff) << 5;     /* movz x30 */
    *code++ = 0xf2a0001e | (u32)(back >> 16 & 0xffff) << 5; /* movk x30, lsl 16 */
    *code++ = 0xf2c0001e | (u32)(back >> 32 & 0xffff) << 5; /* movk x30, lsl 32 */
    *code++ = 0xd61f03c0;                                /* br x30 */
    for (u64 line = CODE; line < (u64)code; line += 16)
        __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n" ::"r"(line) : "memory");
    __asm__ volatile("dsb ish\n isb\n" ::: "memory");
}

static void prepare(const struct sequence *one, const struct state *from, u32 number)
{
    struct data *data = (struct data *)DATA;
    data->in = *from;
    data->in.sp = STACK + 0x8000;
    /* Memory in use follows SP, so that what is saved below SP does not touch it. */
    unsigned char *memory = (unsigned char *)(STACK + 0x8000);
    memcpy(memory, from->memory, AREA);
    if (one->base < 31)
        data->in.x[one->base] = (u64)memory + one->offset;
    if (one->equal < 31 && number & 1) {
        u64 values[2] = {0, 0};
        u32 size = one->size >= 100 ? one->size - 100 : one->size;
        memcpy(values, memory + (one->base == 31 ? 0 : one->offset), size);
        if (one->size >= 100) {
            u64 second = 0;
            memcpy(&second, memory + (one->base == 31 ? 0 : one->offset) + size / 2, size / 2);
            values[0] = size == 8 ? values[0] & 0xffffffff : values[0];
            if (one->equal + 1 < 31 && one->equal + 1 != one->base)
                data->in.x[one->equal + 1] = second;
        } else if (number & 2) {
            values[0] |= from->x[one->equal] << (size < 8 ? size * 8 : 0) & (size < 8 ? ~0UL : 0);
        }
        if (one->equal != one->base)
            data->in.x[one->equal] = values[0];
    }
}

void start(void)
{
    struct head head;
    take(&head, sizeof head);
    map(CODE, 0x10000, 7);
    map(DATA, 0x10000, 3);
    map(STACK, 0x10000, 3);
    map(POOL, (head.states * sizeof(struct state) + 0xffff) & ~0xffffUL, 3);
    struct state *pool = (struct state *)POOL;
    take(pool, head.states * sizeof(struct state));
    struct data *data = (struct data *)DATA;
    struct sequence *one = (struct sequence *)(DATA + 0x8000);
    for (u32 number = 0; number < head.cases; number++) {
        take(one, sizeof *one);
        load(one);
        for (u32 index = 0; index < head.states; index++) {
            prepare(one, &pool[index], index);
            play();
            memcpy(data->out.memory, (void *)(STACK + 0x8000), AREA);
            give(&data->out, sizeof(struct state));
        }
    }
    leave(0);
}

__attribute__((naked, noreturn)) void _start(void)
{
    __asm__ volatile("bl start\n");
}
