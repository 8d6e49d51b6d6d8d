/* Eight cells in a vector: a quantity of each. As lanes.h, one interface, and the same bits of each
   cell however it is compiled: AVX-512, AVX2 with FMA, or plain C loops. */
#ifndef PYHH_FAST_CELLS_H
#define PYHH_FAST_CELLS_H

#include "hh_math.h"
#include "lanes.h"
#include "membrane.h"

#define CELLS 8

#ifdef HH_LANES_AVX512

typedef __m512d cells;

static inline cells cells_load(const double *from) { return _mm512_loadu_pd(from); }
static inline void cells_store(double *to, cells a) { _mm512_storeu_pd(to, a); }
static inline cells cells_all(double a) { return _mm512_set1_pd(a); }
static inline cells cells_add(cells a, cells b) { return _mm512_add_pd(a, b); }
static inline cells cells_sub(cells a, cells b) { return _mm512_sub_pd(a, b); }
static inline cells cells_mul(cells a, cells b) { return _mm512_mul_pd(a, b); }
static inline cells cells_fma(cells a, cells b, cells c) { return _mm512_fmadd_pd(a, b, c); }
static inline cells cells_fnma(cells a, cells b, cells c) { return _mm512_fnmadd_pd(a, b, c); }
/* The second where one is no number. */
static inline cells cells_min(cells a, cells b) { return _mm512_min_pd(a, b); }
static inline cells cells_max(cells a, cells b) { return _mm512_max_pd(a, b); }
/* a where it is between the two, low where it is no number. */
static inline cells cells_clip(cells a, cells low, cells high)
{
    return _mm512_min_pd(_mm512_max_pd(a, low), high);
}
/* Bit i of these says it of cell i. */
static inline unsigned cells_below(cells a, cells b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
static inline unsigned cells_same(cells a, cells b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

#elif defined(HH_LANES_AVX2)

typedef struct {
    __m256d low, high;
} cells;

#define HH_BOTH_HALVES(low, high)         \
    do {                                  \
        const cells both = {(low), (high)}; \
        return both;                      \
    } while (0)

static inline cells cells_load(const double *from)
{
    HH_BOTH_HALVES(_mm256_loadu_pd(from), _mm256_loadu_pd(from + 4));
}
static inline void cells_store(double *to, cells a)
{
    _mm256_storeu_pd(to, a.low);
    _mm256_storeu_pd(to + 4, a.high);
}
static inline cells cells_all(double a) { HH_BOTH_HALVES(_mm256_set1_pd(a), _mm256_set1_pd(a)); }
static inline cells cells_add(cells a, cells b)
{
    HH_BOTH_HALVES(_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high));
}
static inline cells cells_sub(cells a, cells b)
{
    HH_BOTH_HALVES(_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high));
}
static inline cells cells_mul(cells a, cells b)
{
    HH_BOTH_HALVES(_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high));
}
static inline cells cells_fma(cells a, cells b, cells c)
{
    HH_BOTH_HALVES(_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high));
}
static inline cells cells_fnma(cells a, cells b, cells c)
{
    HH_BOTH_HALVES(_mm256_fnmadd_pd(a.low, b.low, c.low),
                   _mm256_fnmadd_pd(a.high, b.high, c.high));
}
static inline cells cells_min(cells a, cells b)
{
    HH_BOTH_HALVES(_mm256_min_pd(a.low, b.low), _mm256_min_pd(a.high, b.high));
}
static inline cells cells_max(cells a, cells b)
{
    HH_BOTH_HALVES(_mm256_max_pd(a.low, b.low), _mm256_max_pd(a.high, b.high));
}
static inline cells cells_clip(cells a, cells low, cells high)
{
    HH_BOTH_HALVES(_mm256_min_pd(_mm256_max_pd(a.low, low.low), high.low),
                   _mm256_min_pd(_mm256_max_pd(a.high, low.high), high.high));
}
static inline unsigned cells_below(cells a, cells b)
{
    return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(a.low, b.low, _CMP_LT_OQ)) |
           (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(a.high, b.high, _CMP_LT_OQ)) << 4;
}
static inline unsigned cells_same(cells a, cells b)
{
    return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(a.low, b.low, _CMP_EQ_OQ)) |
           (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(a.high, b.high, _CMP_EQ_OQ)) << 4;
}

#else

typedef struct {
    double of[CELLS];
} cells;

#define HH_EACH_CELL(expression)         \
    do {                                 \
        cells result;                    \
        int i;                           \
        for (i = 0; i < CELLS; ++i) {    \
            result.of[i] = (expression); \
        }                                \
        return result;                   \
    } while (0)

#define HH_EACH_BIT(condition)                     \
    do {                                           \
        unsigned bits = 0;                         \
        int i;                                     \
        for (i = 0; i < CELLS; ++i) {              \
            bits |= (unsigned)!!(condition) << i;  \
        }                                          \
        return bits;                               \
    } while (0)

static inline cells cells_load(const double *from) { HH_EACH_CELL(from[i]); }
static inline void cells_store(double *to, cells a)
{
    int i;
    for (i = 0; i < CELLS; ++i) {
        to[i] = a.of[i];
    }
}
static inline cells cells_all(double a) { HH_EACH_CELL(a); }
static inline cells cells_add(cells a, cells b) { HH_EACH_CELL(a.of[i] + b.of[i]); }
static inline cells cells_sub(cells a, cells b) { HH_EACH_CELL(a.of[i] - b.of[i]); }
static inline cells cells_mul(cells a, cells b) { HH_EACH_CELL(a.of[i] * b.of[i]); }
static inline cells cells_fma(cells a, cells b, cells c)
{
    HH_EACH_CELL(HH_FMA(a.of[i], b.of[i], c.of[i]));
}
static inline cells cells_fnma(cells a, cells b, cells c)
{
    HH_EACH_CELL(HH_FMA(-a.of[i], b.of[i], c.of[i]));
}
static inline cells cells_min(cells a, cells b)
{
    HH_EACH_CELL(a.of[i] < b.of[i] ? a.of[i] : b.of[i]);
}
static inline cells cells_max(cells a, cells b)
{
    HH_EACH_CELL(a.of[i] > b.of[i] ? a.of[i] : b.of[i]);
}
static inline cells cells_clip(cells a, cells low, cells high)
{
    HH_EACH_CELL(!(a.of[i] > low.of[i])   ? low.of[i]
                 : a.of[i] < high.of[i] ? a.of[i]
                                        : high.of[i]);
}
static inline unsigned cells_below(cells a, cells b) { HH_EACH_BIT(a.of[i] < b.of[i]); }
static inline unsigned cells_same(cells a, cells b) { HH_EACH_BIT(a.of[i] == b.of[i]); }

#endif

/* The number of one cell. */
static inline void cells_put(cells *a, int64_t cell, double value)
{
    memcpy((char *)a + cell * (int64_t)sizeof value, &value, sizeof value);
}

/* hh_phi1 of each, with its bits: by its series all at once, or one by one where it must be. */
HH_INLINE cells cells_phi1_of(cells x)
{
    double of[CELLS], phi1[CELLS];
    int beyond = 0, i;
    cells_store(of, x);
    for (i = 0; i < CELLS; ++i) {
        phi1[i] = hh_phi1_series(of[i]);
        beyond |= !hh_phi1_has_series(of[i]);
    }
    if (!HH_LIKELY(!beyond)) {
        for (i = 0; i < CELLS; ++i) {
            phi1[i] = hh_phi1(of[i]);
        }
    }
    return cells_load(phi1);
}

#endif
