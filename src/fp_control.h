/* How the CPU rounds: results need the usual way, whatever a caller's process is in.

   A library for interval arithmetic may leave a process rounding downwards; others flush subnormal
   numbers to 0 or trap. All of that is state of a thread, in one register. fp_control_enter makes
   it what a process begins with: round to nearest, subnormal numbers as they are, nothing traps.
   fp_control_leave puts back what was there; flags that were raised meanwhile stay.

   A compiler may move arithmetic across a change of the register, of which it knows nothing. So
   these are called only around calls of functions that it cannot see into (_cpu.pyx).
*/
#ifndef PYHH_FAST_FP_CONTROL_H
#define PYHH_FAST_FP_CONTROL_H

#include <stdint.h>

typedef uint64_t fp_control;

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>

/* MXCSR: rounding, flush to zero, denormals are zero, and the masks of exceptions, which are set.
   The x87 unit, which is not used, keeps its own. */
#define FP_CONTROL_BITS 0xFFC0u
#define FP_CONTROL_USUAL 0x1F80u

static fp_control fp_control_get(void) { return _mm_getcsr(); }
static void fp_control_set(fp_control c) { _mm_setcsr((unsigned)c); }

#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))

/* FPCR: alternate modes, traps, flush to zero, rounding, default NaN. Flags are in another one. */
#define FP_CONTROL_BITS 0x03C89F07u
#define FP_CONTROL_USUAL 0u

static fp_control fp_control_get(void)
{
    fp_control c;
    __asm__ volatile("mrs %0, fpcr" : "=r"(c));
    return c;
}
static void fp_control_set(fp_control c) { __asm__ volatile("msr fpcr, %0" : : "r"(c) : "memory"); }

#else
#include <fenv.h>

/* Elsewhere, and by MSVC for arm64: the rounding alone. */
#define FP_CONTROL_BITS (~(fp_control)0)
#define FP_CONTROL_USUAL ((fp_control)FE_TONEAREST)

static fp_control fp_control_get(void) { return (fp_control)fegetround(); }
static void fp_control_set(fp_control c) { fesetround((int)c); }

#endif

/* Writing the register takes some ten times as long as reading it. */
static void fp_control_put(fp_control mode)
{
    const fp_control now = fp_control_get();
    if ((now ^ mode) & FP_CONTROL_BITS) {
        fp_control_set((now & ~(fp_control)FP_CONTROL_BITS) | (mode & FP_CONTROL_BITS));
    }
}

static fp_control fp_control_enter(void)
{
    const fp_control before = fp_control_get();
    fp_control_put(FP_CONTROL_USUAL);
    return before;
}

static void fp_control_leave(fp_control before) { fp_control_put(before); }

#endif
