/* One step of exponential Euler, staggered: the gates decay for dt at the rates of V before the
   step, then V decays for dt at the conductances of the gates after it.

   A quantity that decays with a constant rate k moves in dt by its slope times

       (1 - e^(-k dt)) / k  =  dt phi1(-k dt),        phi1(x) = (e^x - 1) / x,

   so this is forward Euler with each slope multiplied by phi1, and stable for any dt. For the gates
   phi1(-(alpha + beta) dt) depends on V alone and is tabulated with the rates: the source holds
   alpha and alpha + beta times dt phi1.

   An instantaneous gate is, during the step, where V before it puts it: with such a gate V, too, is
   of first order.

   Each half sees the other in the middle of its own interval if the gates are taken to be those
   of dt/2 earlier. From a steady start, where that makes no difference, V is of second order; the
   gates, read at the time of V, lag by dt/2.

   Staggered in this way by M. Hines, "Efficient computation of branched nerve equations", Int. J.
   Bio-Med. Comput. 15, 69-76 (1984). */
#ifndef PYHH_FAST_EXPONENTIAL_EULER_H
#define PYHH_FAST_EXPONENTIAL_EULER_H

#include "hh_math.h"
#include "neuron.h"

/* Multiply alpha and alpha + beta, which are times dt, by phi1. */
static inline void exponential_rates(double *alpha_dt, double *alpha_plus_beta_dt)
{
    const double phi1 = hh_phi1(-*alpha_plus_beta_dt);
    *alpha_dt *= phi1;
    *alpha_plus_beta_dt *= phi1;
}

/* Return 0 where the rates at now->y.V are missing; after->y.V is then that V. */
HH_INLINE int exponential_euler_step(int vectors, const membrane_shape *s, const neuron_model *m,
                                     const neuron *now, double I, neuron *after)
{
    const double V = now->y.V, dt_over_C_m = m->scaled.per_C_m;
    gate_rates r[MEMBRANE_VECTORS];
    double open[MEMBRANE_CHANNELS], phi1;
    int v;
    if (!rate_source_find(vectors, s, m->rates, V, r)) {
        after->y.V = V;
        return 0;
    }
    if (neuron_has_currents(s, m)) {
        neuron_currents(vectors, s, m, &now->y, after->I);
    }
    for (v = 0; v < vectors; ++v) {
        after->y.x[v] = gates_step(now->y.x[v], r[v]);
    }
    membrane_open(vectors, s, &after->y, open);
    phi1 = hh_phi1(-(dt_over_C_m * membrane_conductance(s, m->p.g, open)));
    after->y.V = HH_FMA(phi1, membrane_V_step(s, &m->scaled, 0.0, V, open, I), V);
    return 1;
}

#endif
