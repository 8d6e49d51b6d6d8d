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
#include "hodgkin_huxley.h"

#define HH_BLOCK 128 /* cells at most; 8 divides it, as all widths of vectors divide 8 */

enum { HH_SPIKE = 1, HH_NEEDS_EXACT_RATES = 2 };

/* One of many cells. */
typedef struct {
    double V, m, h, n;
} hh_point;

typedef struct {
    _Alignas(64) double V[HH_BLOCK];
    double m[HH_BLOCK], h[HH_BLOCK], n[HH_BLOCK];
} hh_block_state;

/* The parameters of each cell, as a step of V uses them; channels in the order of hh_shape. */
typedef struct {
    _Alignas(64) double per_C_m[HH_BLOCK];
    double g[HH_CHANNELS][HH_BLOCK], E[HH_CHANNELS][HH_BLOCK];
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

HH_INLINE void hh_block_membrane(const hh_block_membranes *membranes, int64_t c,
                                 membrane_scaled *one)
{
    int channel;
    one->per_C_m = membranes->per_C_m[c];
    for (channel = 0; channel < HH_CHANNELS; ++channel) {
        one->g[channel] = membranes->g[channel][c];
        one->E[channel] = membranes->E[channel][c];
    }
}

HH_INLINE void hh_block_set_membrane(hh_block_membranes *membranes, int64_t c,
                                     const membrane_scaled *one)
{
    int channel;
    membranes->per_C_m[c] = one->per_C_m;
    for (channel = 0; channel < HH_CHANNELS; ++channel) {
        membranes->g[channel][c] = one->g[channel];
        membranes->E[channel][c] = one->E[channel];
    }
}

/* What is put into the cells: G is NULL where there are no conductances. */
typedef struct {
    const double *I, *G;
} hh_block_drive;

static inline drive hh_block_drive_of(const double *I, const double *G, int conducts, int64_t c)
{
    const drive in = {I[c], conducts ? G[c] : 0.0, conducts};
    return in;
}

/* from + dt dV/dt, by the equations of membrane.h, of a cell whose gates are numbers. */
HH_INLINE double hh_V_step(double from, const membrane_scaled *membrane, double V, double m,
                           double h, double n, const drive *in)
{
    const double x[] = {1.0, m, h, n};
    double open[HH_CHANNELS];
    membrane_open_of(&hh_shape, x, open);
    return membrane_V_step(0, &hh_shape, membrane, membrane->E, from, V, open, in);
}

HH_INLINE hh_point hh_euler_point_step(hh_point now, const membrane_scaled *membrane, hh_rates_dt r,
                                       const drive *in)
{
    hh_point after;
    after.V = hh_V_step(now.V, membrane, now.V, now.m, now.h, now.n, in);
    after.m = gate_step(now.m, r.alpha_m, r.alpha_plus_beta_m);
    after.h = gate_step(now.h, r.alpha_h, r.alpha_plus_beta_h);
    after.n = gate_step(now.n, r.alpha_n, r.alpha_plus_beta_n);
    return after;
}

/* A step of exponential Euler (exponential_euler.h) in two parts: a gate, with its rates, and then
   V. Where *in_range is 0, something decays too fast for the polynomial. */
HH_INLINE double hh_gate_exponential_step(double x, double alpha_dt, double alpha_plus_beta_dt,
                                          int *in_range)
{
    const double phi1 = hh_phi1_polynomial(-alpha_plus_beta_dt);
    *in_range &= (0 <= alpha_plus_beta_dt) & (alpha_plus_beta_dt <= HH_PHI1_RANGE);
    return HH_FMA(phi1, gate_slope(x, alpha_dt, alpha_plus_beta_dt), x);
}

HH_INLINE double hh_V_exponential_step(double V, const membrane_scaled *membrane, double m,
                                       double h, double n, const drive *in,
                                       int *in_range)
{
    const double x[] = {1.0, m, h, n};
    double open[HH_CHANNELS], conductance;
    membrane_open_of(&hh_shape, x, open);
    conductance = membrane_conductance(&hh_shape, membrane->g, open);
    if (in->conducts) {
        conductance = HH_FMA(membrane->per_C_m, in->G, conductance);
    }
    *in_range &= (0 <= conductance) & (conductance <= HH_PHI1_RANGE);
    return HH_FMA(hh_phi1_polynomial(-conductance),
                  membrane_V_step(0, &hh_shape, membrane, membrane->E, 0.0, V, open, in), V);
}

/* One of the four stages of rk4.h: the slope at *y, with its rates, goes into *sum and leads to the
   next *y. */
HH_INLINE void hh_rk4_point_stage(int i, hh_point start, const membrane_scaled *membrane,
                                  hh_rates_dt r, const drive *in, hh_point *y, hh_point *sum)
{
    const double a = rk4_stage[i], w = rk4_weight[i];
    hh_point k;
    k.V = hh_V_step(0.0, membrane, y->V, y->m, y->h, y->n, in);
    k.m = gate_slope(y->m, r.alpha_m, r.alpha_plus_beta_m);
    k.h = gate_slope(y->h, r.alpha_h, r.alpha_plus_beta_h);
    k.n = gate_slope(y->n, r.alpha_n, r.alpha_plus_beta_n);
    sum->V = HH_FMA(w, k.V, sum->V);
    sum->m = HH_FMA(w, k.m, sum->m);
    sum->h = HH_FMA(w, k.h, sum->h);
    sum->n = HH_FMA(w, k.n, sum->n);
    y->V = HH_FMA(a, k.V, start.V);
    y->m = HH_FMA(a, k.m, start.m);
    y->h = HH_FMA(a, k.h, start.h);
    y->n = HH_FMA(a, k.n, start.n);
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

/* The loops over the cells of a block, compiled for each by itself. */
#define HH_BLOCK_PARAMETERS                                                              \
    int64_t cells, const hh_block_state *HH_RESTRICT now,                                \
        const hh_block_membranes *HH_RESTRICT membranes, const double *HH_RESTRICT I,    \
        const double *HH_RESTRICT G, double dt, double threshold,                        \
        hh_block_scratch *HH_RESTRICT scratch, hh_block_state *HH_RESTRICT after,        \
        int64_t *HH_RESTRICT flags
#define HH_BLOCK_ARGUMENTS cells, now, membranes, I, G, dt, threshold, scratch, after, flags

#define HH_BLOCK_LOOPS(name)                                        \
    HH_NOINLINE int64_t name##_of_I(HH_BLOCK_PARAMETERS)            \
    {                                                               \
        return name(0, HH_BLOCK_ARGUMENTS);                         \
    }                                                               \
    HH_NOINLINE int64_t name##_of_I_and_G(HH_BLOCK_PARAMETERS)      \
    {                                                               \
        return name(1, HH_BLOCK_ARGUMENTS);                         \
    }

HH_INLINE int64_t hh_block_euler(int conducts, HH_BLOCK_PARAMETERS)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    hh_block_exponentials(count, now->V, scratch);
    for (c = 0; c < count; ++c) {
        const hh_point y = hh_block_point(now, c);
        const drive in = hh_block_drive_of(I, G, conducts, c);
        int shared;
        const hh_rates_dt r =
            hh_shared_rates_dt(y.V, hh_block_exponentials_of(scratch, c), dt, &shared);
        membrane_scaled membrane;
        hh_point next;
        hh_block_membrane(membranes, c, &membrane);
        next = hh_euler_point_step(y, &membrane, r, &in);
        hh_block_put(after, c, next);
        flags[c] = hh_block_flag(y.V, next.V, threshold, shared);
        any |= flags[c];
    }
    return any;
}

HH_INLINE int64_t hh_block_exponential_euler(int conducts, HH_BLOCK_PARAMETERS)
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
        const drive in = hh_block_drive_of(I, G, conducts, c);
        membrane_scaled membrane;
        int in_range = 1;
        hh_block_membrane(membranes, c, &membrane);
        after->V[c] = hh_V_exponential_step(now->V[c], &membrane, after->m[c], after->h[c],
                                            after->n[c], &in, &in_range);
        flags[c] |= hh_block_flag(now->V[c], after->V[c], threshold, in_range);
        any |= flags[c];
    }
    return any;
}

HH_INLINE void hh_block_rk4_stage(int i, int conducts, HH_BLOCK_PARAMETERS)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t c;
    (void)threshold;
    for (c = 0; c < count; ++c) {
        const drive in = hh_block_drive_of(I, G, conducts, c);
        hh_point y = hh_block_point(&scratch->y, c), total = hh_block_point(after, c);
        int shared;
        const hh_rates_dt r =
            hh_shared_rates_dt(y.V, hh_block_exponentials_of(scratch, c), dt, &shared);
        membrane_scaled membrane;
        hh_block_membrane(membranes, c, &membrane);
        hh_rk4_point_stage(i, hh_block_point(now, c), &membrane, r, &in, &y, &total);
        hh_block_put(&scratch->y, c, y);
        hh_block_put(after, c, total);
        flags[c] |= shared ? 0 : HH_NEEDS_EXACT_RATES;
    }
}

HH_NOINLINE void hh_block_rk4_stage_of_I(int i, HH_BLOCK_PARAMETERS)
{
    hh_block_rk4_stage(i, 0, HH_BLOCK_ARGUMENTS);
}

HH_NOINLINE void hh_block_rk4_stage_of_I_and_G(int i, HH_BLOCK_PARAMETERS)
{
    hh_block_rk4_stage(i, 1, HH_BLOCK_ARGUMENTS);
}

HH_INLINE int64_t hh_block_rk4(int conducts, HH_BLOCK_PARAMETERS)
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
        if (conducts) {
            hh_block_rk4_stage_of_I_and_G(i, HH_BLOCK_ARGUMENTS);
        } else {
            hh_block_rk4_stage_of_I(i, HH_BLOCK_ARGUMENTS);
        }
    }
    for (c = 0; c < count; ++c) {
        flags[c] |= hh_block_flag(now->V[c], after->V[c], threshold, 1);
        any |= flags[c];
    }
    return any;
}

HH_BLOCK_LOOPS(hh_block_euler)
HH_BLOCK_LOOPS(hh_block_exponential_euler)
HH_BLOCK_LOOPS(hh_block_rk4)

/* The step of one cell by forward Euler or Runge-Kutta, with rates that are exact at any V. For
   exponential Euler its table is faster. */
HH_COLD hh_point hh_step_with_exact_rates(fixed_method method, hh_point now,
                                          const membrane_scaled *membrane, const drive *in,
                                          double dt)
{
    hh_point y = now, sum = now;
    int i;
    switch (method) {
    case METHOD_EULER:
        return hh_euler_point_step(now, membrane, hh_rates_dt_at(now.V, dt), in);
    case METHOD_RK4:
        for (i = 0; i < 4; ++i) {
            hh_rk4_point_stage(i, now, membrane, hh_rates_dt_at(y.V, dt), in, &y, &sum);
        }
        return sum;
    case METHOD_EXPONENTIAL_EULER:
        break;
    }
    sum.V = NAN;
    return sum;
}

/* A line of a rate_source: what a row of the built-in rates gives at V, by exponential Euler. */
static inline void hh_exponential_line(double V, double dt, double *line)
{
    hh_rates_dt r = hh_rates_dt_at(V, dt);
    exponential_rates(&r.alpha_m, &r.alpha_plus_beta_m);
    exponential_rates(&r.alpha_h, &r.alpha_plus_beta_h);
    exponential_rates(&r.alpha_n, &r.alpha_plus_beta_n);
    line[0] = V;
    line[1] = r.alpha_m;
    line[2] = r.alpha_h;
    line[3] = r.alpha_n;
    line[5] = r.alpha_plus_beta_m;
    line[6] = r.alpha_plus_beta_h;
    line[7] = r.alpha_plus_beta_n;
    line[4] = line[8] = 0.0;
}

/* A block between two steps. The state before a step and that after it alternate. Cells that have
   diverged, and those that pad the last vector, have no membrane, and their V stays 0. */
typedef struct {
    hh_block_state states[2];
    hh_block_membranes membranes;
    hh_block_scratch scratch;
} hh_block;

/* Step from states[now] to the other; return the flags of all cells combined. */
static inline int64_t hh_block_step(fixed_method method, hh_block *b, int now, int64_t cells,
                                    hh_block_drive in, double dt, double threshold,
                                    int64_t *flags)
{
    const hh_block_state *before = &b->states[now];
    hh_block_state *after = &b->states[1 - now];
    int64_t c;
#define HH_BLOCK_STEP(name)                                                                   \
    (in.G ? name##_of_I_and_G(cells, before, &b->membranes, in.I, in.G, dt, threshold,        \
                              &b->scratch, after, flags)                                      \
          : name##_of_I(cells, before, &b->membranes, in.I, in.G, dt, threshold, &b->scratch, \
                        after, flags))
    switch (method) {
    case METHOD_EULER:
        return HH_BLOCK_STEP(hh_block_euler);
    case METHOD_EXPONENTIAL_EULER:
        return HH_BLOCK_STEP(hh_block_exponential_euler);
    case METHOD_RK4:
        return HH_BLOCK_STEP(hh_block_rk4);
    }
#undef HH_BLOCK_STEP
    for (c = 0; c < cells; ++c) {
        flags[c] = HH_NEEDS_EXACT_RATES; /* hh_step_with_exact_rates, too, has no such method */
    }
    return HH_NEEDS_EXACT_RATES;
}

#endif
