/* One step of the classic Runge-Kutta method: fourth order, four slopes. */
#ifndef PYHH_FAST_RK4_H
#define PYHH_FAST_RK4_H

#include "neuron.h"

static const double rk4_stage[4] = {0.5, 0.5, 1.0, 0.0}; /* where the next slope is taken */
static const double rk4_weight[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

/* The rates are times dt, so each k is dt times a slope. Return 0 where they are missing for one of
   the four; after->y.V is then the V where they are. */
HH_INLINE int rk4_step(int vectors, const membrane_shape *s, const neuron_model *m,
                       const neuron *now, double I, neuron *after)
{
    membrane_state start, y, sum;
    int i;
    state_copy(vectors, &now->y, &start);
    start.x[0] = lanes_with_V(start.x[0], start.V);
    state_copy(vectors, &start, &y);
    state_copy(vectors, &start, &sum);
    if (neuron_has_currents(s, m)) {
        neuron_currents(vectors, s, m, &now->y, after->I);
    }
    for (i = 0; i < 4; ++i) {
        gate_rates r[MEMBRANE_VECTORS];
        membrane_state k;
        if (!neuron_rates(vectors, s, m, &y, r)) {
            after->y.V = y.V;
            return 0;
        }
        membrane_slope(vectors, s, &m->scaled, r, &y, I, &k);
        membrane_state_plus(vectors, sum.x, rk4_weight[i], &k, &sum);
        membrane_state_plus(vectors, start.x, rk4_stage[i], &k, &y);
    }
    state_copy(vectors, &sum, &after->y);
    return 1;
}

#endif
