/* Four doubles in a vector: one for each gate; or V in the fourth, where membrane.h says so.

   One interface, two ways to compile it: AVX2 with FMA, and plain C loops, which compilers turn
   into whatever the CPU has. Each operation rounds each lane once, as IEEE 754 says, so both give
   the same bits wherever fused multiply-add exists. Where it does not (x86-64-v2), HH_FMA rounds
   twice.
*/
#ifndef PYHH_FAST_LANES_H
#define PYHH_FAST_LANES_H

#include <math.h>

/* HH_INLINE: functions that a step calls many times; HH_COLD: functions that it rarely calls;
   HH_NOINLINE: loops that are faster when compiled as functions of their own. */
#if defined(_MSC_VER) && !defined(__clang__)
#define HH_INLINE static __forceinline
#define HH_COLD static __declspec(noinline)
#define HH_NOINLINE static __declspec(noinline)
#define HH_RESTRICT __restrict
#define HH_LIKELY(condition) (condition)
#else
#ifdef NDEBUG
#define HH_INLINE static inline __attribute__((always_inline))
#else
#define HH_INLINE static inline __attribute__((unused)) /* builds that check need not be fast */
#endif
#define HH_COLD static __attribute__((noinline, cold, unused))
#define HH_NOINLINE static __attribute__((noinline, unused))
#define HH_RESTRICT restrict
#define HH_LIKELY(condition) __builtin_expect(!!(condition), 1)
#endif

/* In a loop of a few turns whose number is no constant: keeps compilers from making vectors of it.
   They would load them where single numbers have just been stored, and the CPU waits for such. */
#if defined(__GNUC__)
#define HH_IS_CONSTANT(number) __builtin_constant_p(number)
#define HH_ONE_BY_ONE(turns)            \
    do {                                \
        if (!HH_IS_CONSTANT(turns)) {   \
            __asm__ volatile("");       \
        }                               \
    } while (0)
#else
#define HH_IS_CONSTANT(number) 0
#define HH_ONE_BY_ONE(turns) ((void)0)
#endif

#if defined(__AVX2__) && (defined(__FMA__) || defined(_MSC_VER))
#define HH_LANES_AVX2
#endif

#if defined(HH_LANES_AVX2) && defined(__AVX512F__) && defined(__AVX512DQ__)
#define HH_LANES_AVX512
#endif

#if defined(HH_LANES_AVX2) || defined(__aarch64__) || defined(_M_ARM64)
#define HH_FMA(a, b, c) fma(a, b, c)
#else
#define HH_FMA(a, b, c) ((a) * (b) + (c))
#endif

#ifdef HH_LANES_AVX2

#include <immintrin.h>

typedef __m256d lanes;

static inline lanes lanes_load(const double *from) { return _mm256_loadu_pd(from); }
static inline lanes lanes_all(double a) { return _mm256_set1_pd(a); }
static inline void lanes_store(double *to, lanes a) { _mm256_storeu_pd(to, a); }
static inline lanes lanes_of(double a, double b, double c, double d)
{
    return _mm256_setr_pd(a, b, c, d);
}
static inline lanes lanes_add(lanes a, lanes b) { return _mm256_add_pd(a, b); }
static inline lanes lanes_sub(lanes a, lanes b) { return _mm256_sub_pd(a, b); }
static inline lanes lanes_mul(lanes a, lanes b) { return _mm256_mul_pd(a, b); }
static inline lanes lanes_div(lanes a, lanes b) { return _mm256_div_pd(a, b); }
static inline lanes lanes_max(lanes a, lanes b) { return _mm256_max_pd(a, b); }
static inline lanes lanes_fma(lanes a, lanes b, lanes c) { return _mm256_fmadd_pd(a, b, c); }
static inline lanes lanes_fnma(lanes a, lanes b, lanes c) { return _mm256_fnmadd_pd(a, b, c); }
/* In pairs, on all CPUs. */
static inline double lanes_sum(lanes a)
{
    const __m256d pairs = _mm256_hadd_pd(a, a);
    return _mm256_cvtsd_f64(pairs) + _mm_cvtsd_f64(_mm256_extractf128_pd(pairs, 1));
}
/* yes where the condition is not 0, else no. */
static inline lanes lanes_select(lanes condition, lanes yes, lanes no)
{
    const lanes chosen = _mm256_cmp_pd(condition, _mm256_setzero_pd(), _CMP_NEQ_OQ);
    return _mm256_blendv_pd(no, yes, chosen);
}
static inline double lane_V(lanes a)
{
    const __m128d high = _mm256_extractf128_pd(a, 1);
    return _mm_cvtsd_f64(_mm_unpackhi_pd(high, high));
}
static inline lanes lanes_with_V(lanes a, double V)
{
    return _mm256_blend_pd(a, _mm256_set1_pd(V), 8);
}

#else

typedef struct {
    double lane[4];
} lanes;

#define HH_EACH_LANE(expression)        \
    do {                                \
        lanes result;                   \
        int l;                          \
        for (l = 0; l < 4; ++l) {       \
            result.lane[l] = expression; \
        }                               \
        return result;                  \
    } while (0)

static inline lanes lanes_load(const double *from) { HH_EACH_LANE(from[l]); }
static inline lanes lanes_all(double a) { HH_EACH_LANE(a); }
static inline lanes lanes_of(double a, double b, double c, double d)
{
    const lanes result = {{a, b, c, d}};
    return result;
}
static inline void lanes_store(double *to, lanes a)
{
    int l;
    for (l = 0; l < 4; ++l) {
        to[l] = a.lane[l];
    }
}
static inline lanes lanes_add(lanes a, lanes b) { HH_EACH_LANE(a.lane[l] + b.lane[l]); }
static inline lanes lanes_sub(lanes a, lanes b) { HH_EACH_LANE(a.lane[l] - b.lane[l]); }
static inline lanes lanes_mul(lanes a, lanes b) { HH_EACH_LANE(a.lane[l] * b.lane[l]); }
static inline lanes lanes_div(lanes a, lanes b) { HH_EACH_LANE(a.lane[l] / b.lane[l]); }
static inline lanes lanes_max(lanes a, lanes b)
{
    HH_EACH_LANE(a.lane[l] > b.lane[l] ? a.lane[l] : b.lane[l]);
}
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    HH_EACH_LANE(HH_FMA(a.lane[l], b.lane[l], c.lane[l]));
}
static inline lanes lanes_fnma(lanes a, lanes b, lanes c)
{
    HH_EACH_LANE(HH_FMA(-a.lane[l], b.lane[l], c.lane[l]));
}
static inline lanes lanes_select(lanes condition, lanes yes, lanes no)
{
    HH_EACH_LANE(condition.lane[l] != 0.0 ? yes.lane[l] : no.lane[l]);
}
static inline double lanes_sum(lanes a)
{
    return (a.lane[0] + a.lane[1]) + (a.lane[2] + a.lane[3]);
}
static inline double lane_V(lanes a) { return a.lane[3]; }
static inline lanes lanes_with_V(lanes a, double V)
{
    a.lane[3] = V;
    return a;
}

#endif

#define LANE_OF_V 3

/* The same operations on one double. */
static inline double double_all(double a) { return a; }
static inline double double_add(double a, double b) { return a + b; }
static inline double double_sub(double a, double b) { return a - b; }
static inline double double_mul(double a, double b) { return a * b; }
static inline double double_fma(double a, double b, double c) { return HH_FMA(a, b, c); }
static inline double double_fnma(double a, double b, double c) { return HH_FMA(-a, b, c); }
static inline double double_load(const double *from) { return *from; }
static inline void double_store(double *to, double a) { *to = a; }
static inline double double_min(double a, double b) { return a < b ? a : b; }
static inline double double_max(double a, double b) { return a > b ? a : b; }
static inline unsigned double_below(double a, double b) { return a < b; }

static inline lanes lanes_abs(lanes a) { return lanes_max(a, lanes_sub(lanes_all(0.0), a)); }

#endif
