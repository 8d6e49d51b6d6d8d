/* One step of a block of cells: cells are the lanes.

   All that a block needs stays in the first cache. Its loops are plain C, without branches or
   calls, which compilers turn into whatever vectors the CPU has; each cell's numbers are the same
   for any width of these, beside any other cells, and at any place in the block.

   Rare cases are left to the caller. The flags of a cell say so: HH_SPIKE where V crosses the
   threshold; HH_NEEDS_EXACT_RATES where V is at a 0/0 of the rates, beyond the range of their
   shared exponential, or NaN, and by exponential Euler also where something decays too fast. The
   step of such a cell must be made again by hh_step_with_exact_rates, or from a table. A cell that
   is not finite always has that flag at the next step.

   The exponentials are computed in a loop of their own: one chain of dependent operations after
   another is too long for the CPU to overlap with the next cells'. Measured with AVX-512: one loop
   1.51 ns a cell-step, two 1.25, three (rates by themselves) 1.5; blocks of 64 cells 1.38. */
#ifndef PYHH_FAST_HH_BLOCK_H
#define PYHH_FAST_HH_BLOCK_H

#include "fixed_step.h"
#include "outputs.h"

#define HH_BLOCK 128 /* cells at most; 8 divides it, as all widths of vectors divide 8 */

enum { HH_SPIKE = 1, HH_NEEDS_EXACT_RATES = 2 };

typedef struct {
    _Alignas(64) double V[HH_BLOCK];
    double m[HH_BLOCK], h[HH_BLOCK], n[HH_BLOCK];
} hh_block_state;

typedef struct {
    _Alignas(64) double per_C_m[HH_BLOCK];
    double Na[HH_BLOCK], K[HH_BLOCK], L[HH_BLOCK], E_Na[HH_BLOCK], E_K[HH_BLOCK], E_L[HH_BLOCK];
} hh_block_membranes;

/* Intermediate values of a step. */
typedef struct {
    _Alignas(64) double V_80[HH_BLOCK];
    double V_20[HH_BLOCK], V_18[HH_BLOCK], V_10[HH_BLOCK];
    hh_block_state y;
} hh_block_scratch;

static inline hh_point hh_block_point(const hh_block_state *s, int64_t c)
{
    const hh_point y = {s->V[c], s->m[c], s->h[c], s->n[c]};
    return y;
}

static inline void hh_block_put(hh_block_state *s, int64_t c, hh_point y)
{
    s->V[c] = y.V;
    s->m[c] = y.m;
    s->h[c] = y.h;
    s->n[c] = y.n;
}

static inline hh_membrane hh_block_membrane(const hh_block_membranes *membranes, int64_t c)
{
    const hh_membrane one = {
        membranes->per_C_m[c], membranes->Na[c],  membranes->K[c],   membranes->L[c],
        membranes->E_Na[c],    membranes->E_K[c], membranes->E_L[c],
    };
    return one;
}

static inline void hh_block_set_membrane(hh_block_membranes *membranes, int64_t c, hh_membrane one)
{
    membranes->per_C_m[c] = one.per_C_m;
    membranes->Na[c] = one.Na;
    membranes->K[c] = one.K;
    membranes->L[c] = one.L;
    membranes->E_Na[c] = one.E_Na;
    membranes->E_K[c] = one.E_K;
    membranes->E_L[c] = one.E_L;
}

HH_NOINLINE void hh_block_exponentials(int64_t cells, const double *HH_RESTRICT V,
                                   hh_block_scratch *HH_RESTRICT scratch)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t c;
    for (c = 0; c < count; ++c) {
        const hh_exponentials e = hh_exponentials_at(V[c]);
        scratch->V_80[c] = e.V_80;
        scratch->V_20[c] = e.V_20;
        scratch->V_18[c] = e.V_18;
        scratch->V_10[c] = e.V_10;
    }
}

static inline hh_exponentials hh_block_exponentials_of(const hh_block_scratch *scratch, int64_t c)
{
    const hh_exponentials e = {
        scratch->V_80[c], scratch->V_20[c], scratch->V_18[c], scratch->V_10[c],
    };
    return e;
}

static inline int64_t hh_block_flag(double V, double V_after, double threshold, int valid)
{
    const int spike = (V < threshold) & (threshold <= V_after);
    return (valid ? 0 : HH_NEEDS_EXACT_RATES) | (spike ? HH_SPIKE : 0);
}

HH_NOINLINE int64_t hh_block_euler(int64_t cells, const hh_block_state *HH_RESTRICT now,
                               const hh_block_membranes *HH_RESTRICT membranes,
                               const double *HH_RESTRICT I, double dt, double threshold,
                               hh_block_scratch *HH_RESTRICT scratch,
                               hh_block_state *HH_RESTRICT after, int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    hh_block_exponentials(count, now->V, scratch);
    for (c = 0; c < count; ++c) {
        const hh_point y = hh_block_point(now, c);
        int shared;
        const hh_rates_dt r =
            hh_shared_rates_dt(y.V, hh_block_exponentials_of(scratch, c), dt, &shared);
        const hh_point next = hh_euler_point_step(y, hh_block_membrane(membranes, c), r, I[c]);
        hh_block_put(after, c, next);
        flags[c] = hh_block_flag(y.V, next.V, threshold, shared);
        any |= flags[c];
    }
    return any;
}

HH_NOINLINE int64_t hh_block_exponential_euler(int64_t cells, const hh_block_state *HH_RESTRICT now,
                                           const hh_block_membranes *HH_RESTRICT membranes,
                                           const double *HH_RESTRICT I, double dt,
                                           double threshold, hh_block_scratch *HH_RESTRICT scratch,
                                           hh_block_state *HH_RESTRICT after,
                                           int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    hh_block_exponentials(count, now->V, scratch);
    for (c = 0; c < count; ++c) {
        int shared, in_range = 1;
        const hh_rates_dt r =
            hh_shared_rates_dt(now->V[c], hh_block_exponentials_of(scratch, c), dt, &shared);
        after->m[c] =
            hh_gate_exponential_step(now->m[c], r.alpha_m, r.alpha_plus_beta_m, &in_range);
        after->h[c] =
            hh_gate_exponential_step(now->h[c], r.alpha_h, r.alpha_plus_beta_h, &in_range);
        after->n[c] =
            hh_gate_exponential_step(now->n[c], r.alpha_n, r.alpha_plus_beta_n, &in_range);
        flags[c] = shared & in_range ? 0 : HH_NEEDS_EXACT_RATES;
    }
    for (c = 0; c < count; ++c) {
        const hh_open open = hh_open_of(after->m[c], after->h[c], after->n[c]);
        int in_range = 1;
        after->V[c] = hh_V_exponential_step(now->V[c], hh_block_membrane(membranes, c), open, I[c],
                                            &in_range);
        flags[c] |= hh_block_flag(now->V[c], after->V[c], threshold, in_range);
        any |= flags[c];
    }
    return any;
}

HH_NOINLINE void hh_block_rk4_stage(int i, int64_t cells, const hh_block_state *HH_RESTRICT now,
                                const hh_block_membranes *HH_RESTRICT membranes,
                                const double *HH_RESTRICT I, double dt,
                                hh_block_scratch *HH_RESTRICT scratch,
                                hh_block_state *HH_RESTRICT sum, int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t c;
    for (c = 0; c < count; ++c) {
        hh_point y = hh_block_point(&scratch->y, c), total = hh_block_point(sum, c);
        int shared;
        const hh_rates_dt r =
            hh_shared_rates_dt(y.V, hh_block_exponentials_of(scratch, c), dt, &shared);
        hh_rk4_point_stage(i, hh_block_point(now, c), hh_block_membrane(membranes, c), r, I[c], &y,
                           &total);
        hh_block_put(&scratch->y, c, y);
        hh_block_put(sum, c, total);
        flags[c] |= shared ? 0 : HH_NEEDS_EXACT_RATES;
    }
}

HH_NOINLINE int64_t hh_block_rk4(int64_t cells, const hh_block_state *HH_RESTRICT now,
                             const hh_block_membranes *HH_RESTRICT membranes,
                             const double *HH_RESTRICT I, double dt, double threshold,
                             hh_block_scratch *HH_RESTRICT scratch,
                             hh_block_state *HH_RESTRICT after, int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    int i;
    *after = *now;
    scratch->y = *now;
    for (c = 0; c < count; ++c) {
        flags[c] = 0;
    }
    for (i = 0; i < 4; ++i) {
        hh_block_exponentials(count, scratch->y.V, scratch);
        hh_block_rk4_stage(i, count, now, membranes, I, dt, scratch, after, flags);
    }
    for (c = 0; c < count; ++c) {
        flags[c] |= hh_block_flag(now->V[c], after->V[c], threshold, 1);
        any |= flags[c];
    }
    return any;
}

/* The step of one cell by forward Euler or Runge-Kutta, with rates that are exact at any V. For
   exponential Euler its table is faster. */
HH_COLD hh_point hh_step_with_exact_rates(hh_method method, hh_point now, hh_membrane membrane,
                                          double I, double dt)
{
    hh_point y = now, sum = now;
    int i;
    switch (method) {
    case HH_EULER:
        return hh_euler_point_step(now, membrane, hh_rates_dt_at(now.V, dt), I);
    case HH_RK4:
        for (i = 0; i < 4; ++i) {
            hh_rk4_point_stage(i, now, membrane, hh_rates_dt_at(y.V, dt), I, &y, &sum);
        }
        return sum;
    case HH_EXPONENTIAL_EULER:
        break;
    }
    sum.V = NAN;
    return sum;
}

/* Stimuli are read, and traces written, for so many steps at a time: those of one cell are adjacent
   in memory, a cache line of them. One by one took 3 ns more a stimulus value, 8 a trace. */
#define HH_ROWS 8

/* A block between two steps. The state before a step and that after it alternate. A cell that is
   inactive has diverged, or pads the last vector: its V stays 0. */
typedef struct {
    hh_block_state states[2];
    hh_block_membranes membranes;
    hh_block_scratch scratch;
    _Alignas(64) double I[HH_ROWS][HH_BLOCK];
    double traces[HH_VARIABLES][HH_BLOCK][HH_ROWS];
    int64_t flags[HH_BLOCK];
    int64_t cells;
    char inactive[HH_BLOCK];
} hh_block;

static inline void hh_block_deactivate(hh_block *b, hh_block_state *s, int64_t c)
{
    const hh_membrane none = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    const hh_point zero = {0.0, 0.0, 0.0, 0.0};
    hh_block_set_membrane(&b->membranes, c, none);
    hh_block_put(s, c, zero);
    b->inactive[c] = 1;
}

static inline void hh_block_activate(hh_block *b, int64_t c, hh_point y, const hh_parameters *p,
                                    double dt)
{
    hh_block_set_membrane(&b->membranes, c, hh_membrane_of(p, dt / p->C_m));
    hh_block_put(&b->states[0], c, y);
    b->inactive[c] = 0;
}

/* Fill the block up to whole vectors with inactive cells. */
static inline void hh_block_pad(hh_block *b, int64_t cells)
{
    int64_t c;
    int row;
    b->cells = cells;
    for (c = cells; c < HH_BLOCK; ++c) {
        hh_block_deactivate(b, &b->states[0], c);
        b->flags[c] = 0;
        for (row = 0; row < HH_ROWS; ++row) {
            b->I[row][c] = 0.0;
        }
    }
}

/* Step from states[now] to the other, with a row of I; return the flags of all cells combined. */
static inline int64_t hh_block_step(hh_method method, hh_block *b, int now, int row, double dt,
                                    double threshold)
{
    const hh_block_state *before = &b->states[now];
    hh_block_state *after = &b->states[1 - now];
    const int64_t cells = (b->cells + 7) & ~(int64_t)7;
    const double *I = b->I[row];
    int64_t c;
    switch (method) {
    case HH_EULER:
        return hh_block_euler(cells, before, &b->membranes, I, dt, threshold, &b->scratch, after,
                              b->flags);
    case HH_EXPONENTIAL_EULER:
        return hh_block_exponential_euler(cells, before, &b->membranes, I, dt, threshold,
                                          &b->scratch, after, b->flags);
    case HH_RK4:
        return hh_block_rk4(cells, before, &b->membranes, I, dt, threshold, &b->scratch, after,
                            b->flags);
    }
    for (c = 0; c < cells; ++c) {
        b->flags[c] = HH_NEEDS_EXACT_RATES; /* hh_step_with_exact_rates, too, has no such method */
    }
    return HH_NEEDS_EXACT_RATES;
}

#endif
