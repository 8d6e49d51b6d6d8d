/* The methods of fixed step under one interface; their time loop is in fixed_step.pxi. */
#ifndef PYHH_FAST_FIXED_STEP_H
#define PYHH_FAST_FIXED_STEP_H

#include "crossings.h"
#include "hh_math.h"
#include "neuron.h"
#include "outputs.h"
#include "rk4_weights.h"

HH_INLINE double phi1_of(double x) { return hh_phi1(x); }

#include "of_one.h"
#include "euler.h"
#include "exponential_euler.h"
#include "rk4.h"

typedef enum fixed_method { METHOD_EULER, METHOD_EXPONENTIAL_EULER, METHOD_RK4 } fixed_method;

/* Switches over methods have no `default:`, so that the compiler refuses one that lacks a method
   (-Werror=switch); a number that is no method gives NaN, which every loop takes for divergence. */

/* Make a step; return 0 where the rates are missing at a V that it needs, which is after->y.V. */
HH_INLINE int fixed_step_make(fixed_method method, int vectors, const membrane_shape *s,
                              const neuron_model *m, const neuron *now, const drive *in,
                              neuron *after)
{
    int made = -1;
    switch (method) {
    case METHOD_EULER:
        made = euler_step(vectors, (int)s->pools, s, m, now, in, after);
        break;
    case METHOD_EXPONENTIAL_EULER:
        made = exponential_euler_step(vectors, (int)s->pools, s, m, now, in, after);
        break;
    case METHOD_RK4:
        made = rk4_step(vectors, (int)s->pools, s, m, now, in, after);
        break;
    }
    if (made < 0) {
        neuron_copy(vectors, s, m, now, after);
        after->y.V = NAN;
        return 1;
    }
    if (s->instantaneous && made && membrane_is_finite(vectors, &after->y)) {
        found_rates at;
        made = neuron_settle(vectors, (int)s->pools, s, m, &after->y, &at);
    }
    return made;
}

/* dt dV/dt */
HH_INLINE double fixed_step_rise(int vectors, const membrane_shape *s, const neuron_model *m,
                                 const membrane_state *y, const drive *in)
{
    found_rates at;
    double open[MEMBRANE_CHANNELS];
    membrane_open(vectors, s, y, open);
    return membrane_V_step((int)s->pools, s, &m->scaled, neuron_reversals(vectors, s, m, y, &at),
                           0.0, y->V, open, in);
}

/* When V, below `level` before a step and not after it, passes it: as a fraction of the step. On a
   straight line, which is of second order; for RK4 on the cubic with the slopes of both ends,
   which is of fourth. */
HH_INLINE double fixed_step_crossing(fixed_method method, int vectors, const membrane_shape *s,
                                     const neuron_model *m, const neuron *before,
                                     const neuron *after, const drive *in, double level)
{
    const double V0 = before->y.V, V1 = after->y.V;
    switch (method) {
    case METHOD_EULER:
    case METHOD_EXPONENTIAL_EULER:
        return (level - V0) / (V1 - V0);
    case METHOD_RK4: {
        const double b[4] = {
            V0 - level,
            V0 - level + fixed_step_rise(vectors, s, m, &before->y, in) / 3.0,
            V1 - level - fixed_step_rise(vectors, s, m, &after->y, in) / 3.0,
            V1 - level,
        };
        double at[CROSSINGS_MAX];
        return crossings_upward(b, 3, at) > 0 ? at[0] : 1.0;
    }
    }
    return NAN;
}

typedef struct {
    int64_t method; /* a fixed_method */
    double dt, threshold; /* ms, mV */
} fixed_step_settings;

#endif
