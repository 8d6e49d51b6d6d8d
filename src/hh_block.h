/* One step of a block of cells: cells are the lanes.

   All that a block needs stays in the first cache. Its loops are plain C, without branches or
   calls, which compilers turn into whatever vectors the CPU has; each cell's numbers are the same
   for any width of these, beside any other cells, and at any place in the block.

   What a cell seldom needs is left to the caller, which is told by a flag of that cell: HH_SPIKE
   where V crosses the threshold, HH_NOT_USUAL where V is at a 0/0 of the rates, or so far out that
   their shared exponential does not reach, or no number; by exponential Euler also where something
   relaxes too fast. The step of such a cell is to be made again by hh_step_alone, or from a table;
   one that is not finite is always among them at the next step.

   The exponentials are made in a loop of their own: one chain of dependent operations after
   another is too long for the CPU to overlap with the next cells'. Measured with AVX-512, in one
   loop 1.51 ns a cell-step, in two 1.25, in three (rates by themselves) 1.5; blocks of 64 1.38. */
#ifndef PYHH_FAST_HH_BLOCK_H
#define PYHH_FAST_HH_BLOCK_H

#include "fixed_step.h"

#define HH_BLOCK 128 /* cells at most; 8 divides it, as all widths of vectors divide 8 */

enum { HH_SPIKE = 1, HH_NOT_USUAL = 2 };

typedef struct {
    _Alignas(64) double V[HH_BLOCK];
    double m[HH_BLOCK], h[HH_BLOCK], n[HH_BLOCK];
} hh_block_state;

typedef struct {
    _Alignas(64) double per_C_m[HH_BLOCK];
    double Na[HH_BLOCK], K[HH_BLOCK], L[HH_BLOCK], E_Na[HH_BLOCK], E_K[HH_BLOCK], E_L[HH_BLOCK];
} hh_block_charging;

/* What a step needs room for. */
typedef struct {
    _Alignas(64) double V_80[HH_BLOCK];
    double V_20[HH_BLOCK], V_18[HH_BLOCK], V_10[HH_BLOCK];
    hh_block_state y;
} hh_block_room;

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

static inline hh_charging hh_block_charging_at(const hh_block_charging *q, int64_t c)
{
    const hh_charging one = {q->per_C_m[c], q->Na[c],  q->K[c],  q->L[c],
                             q->E_Na[c],    q->E_K[c], q->E_L[c]};
    return one;
}

static inline void hh_block_charge(hh_block_charging *q, int64_t c, hh_charging one)
{
    q->per_C_m[c] = one.per_C_m;
    q->Na[c] = one.Na;
    q->K[c] = one.K;
    q->L[c] = one.L;
    q->E_Na[c] = one.E_Na;
    q->E_K[c] = one.E_K;
    q->E_L[c] = one.E_L;
}

HH_BUSY void hh_block_exponentials(int64_t cells, const double *HH_RESTRICT V,
                                   hh_block_room *HH_RESTRICT room)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t c;
    for (c = 0; c < count; ++c) {
        const hh_exponentials e = hh_exponentials_at(V[c]);
        room->V_80[c] = e.V_80;
        room->V_20[c] = e.V_20;
        room->V_18[c] = e.V_18;
        room->V_10[c] = e.V_10;
    }
}

static inline hh_exponentials hh_block_exponentials_of(const hh_block_room *room, int64_t c)
{
    const hh_exponentials e = {room->V_80[c], room->V_20[c], room->V_18[c], room->V_10[c]};
    return e;
}

static inline int64_t hh_block_flag(double V, double V_after, double threshold, int usual)
{
    const int spike = (V < threshold) & (threshold <= V_after);
    return (usual ? 0 : HH_NOT_USUAL) | (spike ? HH_SPIKE : 0);
}

HH_BUSY int64_t hh_block_euler(int64_t cells, const hh_block_state *HH_RESTRICT now,
                               const hh_block_charging *HH_RESTRICT q,
                               const double *HH_RESTRICT I, double dt, double threshold,
                               hh_block_room *HH_RESTRICT room,
                               hh_block_state *HH_RESTRICT after, int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    hh_block_exponentials(count, now->V, room);
    for (c = 0; c < count; ++c) {
        const hh_point y = hh_block_point(now, c);
        int usual;
        const hh_rates_dt r =
            hh_shared_rates_dt(y.V, hh_block_exponentials_of(room, c), dt, &usual);
        const hh_point moved = hh_euler_moved(y, hh_block_charging_at(q, c), r, I[c]);
        hh_block_put(after, c, moved);
        flags[c] = hh_block_flag(y.V, moved.V, threshold, usual);
        any |= flags[c];
    }
    return any;
}

HH_BUSY int64_t hh_block_exponential_euler(int64_t cells, const hh_block_state *HH_RESTRICT now,
                                           const hh_block_charging *HH_RESTRICT q,
                                           const double *HH_RESTRICT I, double dt,
                                           double threshold, hh_block_room *HH_RESTRICT room,
                                           hh_block_state *HH_RESTRICT after,
                                           int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    hh_block_exponentials(count, now->V, room);
    for (c = 0; c < count; ++c) {
        int usual, near = 1;
        const hh_rates_dt r =
            hh_shared_rates_dt(now->V[c], hh_block_exponentials_of(room, c), dt, &usual);
        after->m[c] = hh_gate_relaxed(now->m[c], r.alpha_m, r.both_m, &near);
        after->h[c] = hh_gate_relaxed(now->h[c], r.alpha_h, r.both_h, &near);
        after->n[c] = hh_gate_relaxed(now->n[c], r.alpha_n, r.both_n, &near);
        flags[c] = usual & near ? 0 : HH_NOT_USUAL;
    }
    for (c = 0; c < count; ++c) {
        const hh_open open = hh_open_of(after->m[c], after->h[c], after->n[c]);
        int near = 1;
        after->V[c] = hh_V_relaxed(now->V[c], hh_block_charging_at(q, c), open, I[c], &near);
        flags[c] |= hh_block_flag(now->V[c], after->V[c], threshold, near);
        any |= flags[c];
    }
    return any;
}

HH_BUSY void hh_block_rk4_stage(int i, int64_t cells, const hh_block_state *HH_RESTRICT now,
                                const hh_block_charging *HH_RESTRICT q,
                                const double *HH_RESTRICT I, double dt,
                                hh_block_room *HH_RESTRICT room,
                                hh_block_state *HH_RESTRICT sum, int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t c;
    for (c = 0; c < count; ++c) {
        hh_point y = hh_block_point(&room->y, c), total = hh_block_point(sum, c);
        int usual;
        const hh_rates_dt r =
            hh_shared_rates_dt(y.V, hh_block_exponentials_of(room, c), dt, &usual);
        hh_rk4_moved(i, hh_block_point(now, c), hh_block_charging_at(q, c), r, I[c], &y, &total);
        hh_block_put(&room->y, c, y);
        hh_block_put(sum, c, total);
        flags[c] |= usual ? 0 : HH_NOT_USUAL;
    }
}

HH_BUSY int64_t hh_block_rk4(int64_t cells, const hh_block_state *HH_RESTRICT now,
                             const hh_block_charging *HH_RESTRICT q, const double *HH_RESTRICT I,
                             double dt, double threshold, hh_block_room *HH_RESTRICT room,
                             hh_block_state *HH_RESTRICT after, int64_t *HH_RESTRICT flags)
{
    const int64_t count = cells & ~(int64_t)7;
    int64_t any = 0, c;
    int i;
    *after = *now;
    room->y = *now;
    for (c = 0; c < count; ++c) {
        flags[c] = 0;
    }
    for (i = 0; i < 4; ++i) {
        hh_block_exponentials(count, room->y.V, room);
        hh_block_rk4_stage(i, count, now, q, I, dt, room, after, flags);
    }
    for (c = 0; c < count; ++c) {
        flags[c] |= hh_block_flag(now->V[c], after->V[c], threshold, 1);
        any |= flags[c];
    }
    return any;
}

/* The step of one cell by forward Euler or Runge-Kutta, with rates that are right at any V. Those of
   exponential Euler are quicker had from its table. */
HH_RARE hh_point hh_step_alone(hh_method method, hh_point now, hh_charging q, double I, double dt)
{
    hh_point y = now, sum = now;
    int i;
    switch (method) {
    case HH_EULER:
        return hh_euler_moved(now, q, hh_rates_dt_at(now.V, dt), I);
    case HH_RK4:
        for (i = 0; i < 4; ++i) {
            hh_rk4_moved(i, now, q, hh_rates_dt_at(y.V, dt), I, &y, &sum);
        }
        return sum;
    case HH_EXPONENTIAL_EULER:
        break;
    }
    sum.V = NAN;
    return sum;
}

/* Currents are read, and traces written, so many at a time: in memory those of a cell lie side by
   side, a cache line of them. Directly it took 3 ns more a current, 8 a trace. */
#define HH_ROWS 8

/* A block between two steps, and all its steps need. The state before a step and that after it
   change places. A cell that is out has diverged, or is there to fill the last vector: its V
   stays. */
typedef struct {
    hh_block_state states[2];
    hh_block_charging q;
    hh_block_room room;
    _Alignas(64) double I[HH_ROWS][HH_BLOCK];
    double traces[7][HH_BLOCK][HH_ROWS]; /* V, m, h, n, I_Na, I_K, I_L */
    int64_t flags[HH_BLOCK];
    int64_t cells;
    char out[HH_BLOCK];
} hh_block;

static inline void hh_block_take_out(hh_block *b, hh_block_state *s, int64_t c)
{
    const hh_charging none = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    const hh_point still = {0.0, 0.0, 0.0, 0.0};
    hh_block_charge(&b->q, c, none);
    hh_block_put(s, c, still);
    b->out[c] = 1;
}

static inline void hh_block_take_in(hh_block *b, int64_t c, hh_point y, const hh_parameters *p,
                                    double dt)
{
    hh_block_charge(&b->q, c, hh_charging_of(p, dt / p->C_m));
    hh_block_put(&b->states[0], c, y);
    b->out[c] = 0;
}

/* Fill up to whole vectors. */
static inline void hh_block_close(hh_block *b, int64_t cells)
{
    int64_t c;
    int row;
    b->cells = cells;
    for (c = cells; c < HH_BLOCK; ++c) {
        hh_block_take_out(b, &b->states[0], c);
        b->flags[c] = 0;
        for (row = 0; row < HH_ROWS; ++row) {
            b->I[row][c] = 0.0;
        }
    }
}

/* From states[now] to the other, with a row of I; returns all flags together. */
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
        return hh_block_euler(cells, before, &b->q, I, dt, threshold, &b->room, after, b->flags);
    case HH_EXPONENTIAL_EULER:
        return hh_block_exponential_euler(cells, before, &b->q, I, dt, threshold, &b->room, after,
                                          b->flags);
    case HH_RK4:
        return hh_block_rk4(cells, before, &b->q, I, dt, threshold, &b->room, after, b->flags);
    }
    for (c = 0; c < cells; ++c) {
        b->flags[c] = HH_NOT_USUAL; /* hh_step_alone, too, has no such method */
    }
    return HH_NOT_USUAL;
}

#endif
