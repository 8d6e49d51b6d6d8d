/* The methods of fixed step under one interface; their time loop is in fixed_step.pxi. */
#ifndef PYHH_FAST_FIXED_STEP_H
#define PYHH_FAST_FIXED_STEP_H

#include "crossings.h"
#include "hh_euler.h"
#include "hh_exponential_euler.h"
#include "hh_rk4.h"
#include "outputs.h"

typedef enum hh_method { HH_EULER, HH_EXPONENTIAL_EULER, HH_RK4 } hh_method;

/* Switches over methods have no `default:`, so that the compiler refuses one that lacks a method
   (-Werror=switch); a number that is no method gives NaN, which every loop takes for divergence. */

/* Make a step; return 0 where the source has no rates at a V that it needs, which is after->y.V. */
HH_INLINE int hh_step(hh_method method, hh_neuron now, const hh_parameters *p,
                      double dt_over_C_m, const rate_source *rates_dt, double I,
                      hh_neuron *after)
{
    switch (method) {
    case HH_EULER:
        return hh_euler_step(now, p, dt_over_C_m, rates_dt, I, after);
    case HH_EXPONENTIAL_EULER:
        return hh_exponential_euler_step(now, p, dt_over_C_m, rates_dt, I, after);
    case HH_RK4:
        return hh_rk4_step(now, p, dt_over_C_m, rates_dt, I, after);
    }
    after->y.V = NAN;
    return 1;
}

/* dt dV/dt */
static inline double hh_rise(const hh_parameters *p, double dt_over_C_m, hh_state y, double I)
{
    return hh_V_step(0.0, hh_membrane_of(p, dt_over_C_m), y.V, hh_open_at(y.x), I);
}

/* When V, below `level` before a step and not after it, passes it: as a fraction of the step. On a
   straight line, which is of second order; for RK4 on the cubic with the slopes of both ends,
   which is of fourth. */
static inline double hh_crossing(hh_method method, hh_neuron before, hh_neuron after,
                                 const hh_parameters *p, double dt_over_C_m, double I,
                                 double level)
{
    const double V0 = before.y.V, V1 = after.y.V;
    switch (method) {
    case HH_EULER:
    case HH_EXPONENTIAL_EULER:
        return (level - V0) / (V1 - V0);
    case HH_RK4: {
        const double b[4] = {
            V0 - level,
            V0 - level + hh_rise(p, dt_over_C_m, before.y, I) / 3.0,
            V1 - level - hh_rise(p, dt_over_C_m, after.y, I) / 3.0,
            V1 - level,
        };
        double at[CROSSINGS_MAX];
        return crossings_upward(b, 3, at) > 0 ? at[0] : 1.0;
    }
    }
    return NAN;
}

typedef struct {
    int64_t method; /* an hh_method */
    double dt, threshold; /* ms, mV */
} fixed_step_settings;

#endif
