/* A step of eight cells whose rates come from a table: of any neuron. */
#ifndef PYHH_FAST_CELLS_STEP_H
#define PYHH_FAST_CELLS_STEP_H

#include "fixed_step.h"

#include "cells_rates.h"

/* The currents of many cells are computed where they are recorded. */
HH_INLINE int cells_neuron_has_currents(const cells_shape *s, const cells_neuron_model *m)
{
    (void)s;
    (void)m;
    return 0;
}

HH_INLINE void cells_neuron_note_currents(const cells_shape *s, const cells_neuron_model *m,
                                          const cells *E, cells V, const cells *open,
                                          cells_neuron *to)
{
    (void)s;
    (void)m;
    (void)E;
    (void)V;
    (void)open;
    (void)to;
}

HH_INLINE void cells_neuron_note_currents_at(int gates, int pools, const cells_shape *s,
                                             const cells_neuron_model *m,
                                             const cells_membrane_state *y, cells_neuron *to)
{
    (void)gates;
    (void)pools;
    (void)s;
    (void)m;
    (void)y;
    (void)to;
}

#include "of_cells.h"
#include "euler.h"
#include "exponential_euler.h"
#include "rk4.h"

/* Whether V and all gates are finite: bit i says it of cell i. */
HH_INLINE unsigned cells_are_finite(int gates, const cells_membrane_state *y)
{
    cells sum = y->V;
    int g;
    for (g = 0; g < gates; ++g) {
        sum = cells_add(sum, y->x[1 + g]);
    }
    return cells_same(cells_sub(sum, sum), cells_all(0.0));
}

/* Make a step. Bits of those cells whose V rises through the threshold, and of those that are not
   finite, are returned; cells that are outside the table are noted in the model. */
HH_INLINE unsigned cells_step(fixed_method method, int gates, int pools, const cells_shape *s,
                              const cells_neuron_model *m, const cells_neuron *now,
                              const cells_drive *in, double threshold, cells_neuron *after)
{
    const cells level = cells_all(threshold);
    int made = 0;
    switch (method) {
    case METHOD_EULER:
        made = cells_euler_step(gates, pools, s, m, now, in, after);
        break;
    case METHOD_EXPONENTIAL_EULER:
        made = cells_exponential_euler_step(gates, pools, s, m, now, in, after);
        break;
    case METHOD_RK4:
        made = cells_rk4_step(gates, pools, s, m, now, in, after);
        break;
    }
    if (!made) {
        cells_state_copy(gates, &now->y, &after->y);
        after->y.V = cells_all(NAN);
    }
    if (s->instantaneous) {
        cells_neuron_settle(gates, pools, s, m, &after->y, &m->latest->at);
        cells_keep_latest(pools, s, m, &after->y);
    }
    return (cells_below(now->y.V, level) & ~cells_below(after->y.V, level)) |
           (~cells_are_finite(gates, &after->y) & 0xff);
}

#endif
