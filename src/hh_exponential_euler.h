/* One step of exponential Euler, staggered: the gates relax for dt at the rates of V before the
   step, then V relaxes for dt at the conductances of the gates after it.

   A quantity that relaxes at a constant rate k moves in dt by its slope times

       (1 - e^(-k dt)) / k  =  dt / L(k dt),        L(z) = z / (1 - e^-z),

   so this is forward Euler with each slope divided by L, and stable for any dt. For the gates
   1 / L((alpha + beta) dt) depends on V alone and is tabulated with the rates: the source holds
   alpha and alpha + beta times dt / L.

   Each half sees the other in the middle of its own interval if the gates are taken to be those
   of dt/2 earlier. From a steady start, where that makes no difference, V is of second order; the
   gates, read at the time of V, lag by dt/2.

   Staggered in this way by M. Hines, "Efficient computation of branched nerve equations", Int. J.
   Bio-Med. Comput. 15, 69-76 (1984). */
#ifndef PYHH_FAST_HH_EXPONENTIAL_EULER_H
#define PYHH_FAST_HH_EXPONENTIAL_EULER_H

#include "hh_cell.h"
#include "rate_table.h"

/* What alpha and alpha + beta, times dt, become for a gate. */
static inline void hh_exponential_rates(double *alpha_dt, double *both_dt)
{
    const double less = hh_relaxation(*both_dt);
    *alpha_dt *= less;
    *both_dt *= less;
}

/* A line of a rate_source: what a row of Hodgkin and Huxley's own rates would give at V. */
static inline void hh_exponential_line(double V, double dt, double *line)
{
    hh_rates_dt r = hh_rates_dt_at(V, dt);
    hh_exponential_rates(&r.alpha_m, &r.both_m);
    hh_exponential_rates(&r.alpha_h, &r.both_h);
    hh_exponential_rates(&r.alpha_n, &r.both_n);
    line[0] = V;
    line[1] = r.alpha_m;
    line[2] = r.alpha_h;
    line[3] = r.alpha_n;
    line[5] = r.both_m;
    line[6] = r.both_h;
    line[7] = r.both_n;
    line[4] = line[8] = 0.0;
}

/* Returns 0 where the source lacks the rates at now.y.V. */
static inline int hh_exponential_euler_step(hh_neuron now, const hh_parameters *p,
                                            double dt_over_C_m, const rate_source *relaxing,
                                            double I, hh_neuron *after)
{
    gate_rates r;
    hh_open open;
    double less;
    if (!rate_source_find(relaxing, now.y.V, &r)) {
        after->y.V = now.y.V;
        return 0;
    }
    after->i = hh_currents_at(p, now.y.V, hh_open_at(now.y.x));
    after->y.x = hh_gates_moved(now.y.x, r.alpha, r.both);
    open = hh_open_at(after->y.x);
    less = hh_relaxation(dt_over_C_m * hh_conductance_at(p, open));
    after->y.V = HH_FMA(less, hh_V_moved(0.0, p, dt_over_C_m, now.y.V, open, I), now.y.V);
    return 1;
}

/* The same for one of many cells, in two parts: its gates, with its rates, and then V. Where *near
   is 0 something relaxes too fast for them. */
HH_INLINE double hh_gate_relaxed(double x, double alpha_dt, double both_dt, int *near)
{
    const double less = hh_relaxation_near(both_dt);
    *near &= (0 <= both_dt) & (both_dt <= HH_RELAXATION_NEAR);
    return HH_FMA(less, hh_gate_slope(x, alpha_dt, both_dt), x);
}

HH_INLINE double hh_V_relaxed(double V, hh_charging q, hh_open open, double I, int *near)
{
    const double conductance = HH_FMA(q.Na, open.Na, HH_FMA(q.K, open.K, q.L));
    *near &= (0 <= conductance) & (conductance <= HH_RELAXATION_NEAR);
    return HH_FMA(hh_relaxation_near(conductance), hh_V_charged(0.0, q, V, open, I), V);
}

#endif
