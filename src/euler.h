/* One forward Euler step, in pyHH's order: rates from V; currents from V and the gates; then V
   and the gates move, all from values before the step. First order. */
#ifndef PYHH_FAST_EULER_H
#define PYHH_FAST_EULER_H

#include "neuron.h"

/* Return 0 where the rates at now->y.V are missing; after->y.V is then that V. */
HH_INLINE int euler_step(int vectors, const membrane_shape *s, const neuron_model *m,
                         const neuron *now, double I, neuron *after)
{
    const double V = now->y.V;
    double open[MEMBRANE_CHANNELS];
    gate_rates r[MEMBRANE_VECTORS];
    int v;
    if (!rate_source_find(vectors, s, m->rates, V, r)) {
        after->y.V = V;
        return 0;
    }
    membrane_open(vectors, s, &now->y, open);
    if (neuron_has_currents(s, m)) {
        membrane_currents(s, &m->p, V, open, after->I);
    }
    after->y.V = membrane_V_step(s, &m->scaled, V, V, open, I);
    for (v = 0; v < vectors; ++v) {
        after->y.x[v] = gates_step(now->y.x[v], r[v]);
    }
    return 1;
}

#endif
