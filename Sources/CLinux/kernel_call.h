// System calls that touch nothing but registers. The child of a launch runs beside its parent's threads and with the thread
// pointer of one of them: libc's syscall() would write its errno into that thread's.
#pragma once

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "the launcher knows x86_64 and aarch64; add the system call for this one"
#endif

// As the kernel answers: -errno for a failure.
static inline __attribute__((always_inline)) long kernel_call(
    long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
    long result = number;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory", "cc");
    return x0;
#endif
}

#define KERNEL_CALL_(number, a, b, c, d, e, ...) \
    kernel_call((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
// With up to five arguments; those that are left out are 0.
#define KERNEL(...) KERNEL_CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
