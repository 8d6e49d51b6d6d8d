/* One step of exponential Euler, staggered: the gates decay for dt at the rates of V before the
   step, then V decays for dt at the conductances of the gates after it.

   A quantity that decays with a constant rate k moves in dt by its slope times

       (1 - e^(-k dt)) / k  =  dt phi1(-k dt),        phi1(x) = (e^x - 1) / x,

   so this is forward Euler with each slope multiplied by phi1, and stable for any dt. For the gates
   phi1(-(alpha + beta) dt) depends on V alone and is tabulated with the rates: the source holds
   alpha and alpha + beta times dt phi1.

   Each half sees the other in the middle of its own interval if the gates are taken to be those
   of dt/2 earlier. From a steady start, where that makes no difference, V is of second order; the
   gates, read at the time of V, lag by dt/2.

   Staggered in this way by M. Hines, "Efficient computation of branched nerve equations", Int. J.
   Bio-Med. Comput. 15, 69-76 (1984). */
#ifndef PYHH_FAST_HH_EXPONENTIAL_EULER_H
#define PYHH_FAST_HH_EXPONENTIAL_EULER_H

#include "hh_cell.h"
#include "rate_table.h"

/* Multiply alpha and alpha + beta, which are times dt, by phi1. */
static inline void hh_exponential_rates(double *alpha_dt, double *alpha_plus_beta_dt)
{
    const double phi1 = hh_phi1(-*alpha_plus_beta_dt);
    *alpha_dt *= phi1;
    *alpha_plus_beta_dt *= phi1;
}

/* A line of a rate_source: what a row of Hodgkin and Huxley's own rates would give at V. */
static inline void hh_exponential_line(double V, double dt, double *line)
{
    hh_rates_dt r = hh_rates_dt_at(V, dt);
    hh_exponential_rates(&r.alpha_m, &r.alpha_plus_beta_m);
    hh_exponential_rates(&r.alpha_h, &r.alpha_plus_beta_h);
    hh_exponential_rates(&r.alpha_n, &r.alpha_plus_beta_n);
    line[0] = V;
    line[1] = r.alpha_m;
    line[2] = r.alpha_h;
    line[3] = r.alpha_n;
    line[5] = r.alpha_plus_beta_m;
    line[6] = r.alpha_plus_beta_h;
    line[7] = r.alpha_plus_beta_n;
    line[4] = line[8] = 0.0;
}

/* Returns 0 where the source lacks the rates at now.y.V. */
HH_INLINE int hh_exponential_euler_step(hh_neuron now, const hh_parameters *p,
                                            double dt_over_C_m, const rate_source *rates_phi1,
                                            double I, hh_neuron *after)
{
    gate_rates r;
    const hh_membrane membrane = hh_membrane_of(p, dt_over_C_m);
    hh_open open;
    double phi1;
    if (!rate_source_find(rates_phi1, now.y.V, &r)) {
        after->y.V = now.y.V;
        return 0;
    }
    after->i = hh_currents_at(p, now.y.V, hh_open_at(now.y.x));
    after->y.x = hh_gates_step(now.y.x, r.alpha, r.alpha_plus_beta);
    open = hh_open_at(after->y.x);
    phi1 = hh_phi1(-(dt_over_C_m * hh_conductance_at(p, open)));
    after->y.V = HH_FMA(phi1, hh_V_step(0.0, membrane, now.y.V, open, I), now.y.V);
    return 1;
}

/* The same for one of many cells, in two parts: its gates, with its rates, and then V. Where
   *in_range is 0, something decays too fast for the polynomial. */
HH_INLINE double hh_gate_exponential_step(double x, double alpha_dt, double alpha_plus_beta_dt,
                                          int *in_range)
{
    const double phi1 = hh_phi1_polynomial(-alpha_plus_beta_dt);
    *in_range &= (0 <= alpha_plus_beta_dt) & (alpha_plus_beta_dt <= HH_PHI1_RANGE);
    return HH_FMA(phi1, hh_gate_slope(x, alpha_dt, alpha_plus_beta_dt), x);
}

HH_INLINE double hh_V_exponential_step(double V, hh_membrane membrane, hh_open open, double I,
                                       int *in_range)
{
    const double conductance =
        HH_FMA(membrane.Na, open.Na, HH_FMA(membrane.K, open.K, membrane.L));
    *in_range &= (0 <= conductance) & (conductance <= HH_PHI1_RANGE);
    return HH_FMA(hh_phi1_polynomial(-conductance), hh_V_step(0.0, membrane, V, open, I), V);
}

#endif
