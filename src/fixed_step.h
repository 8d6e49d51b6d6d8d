/* The methods of fixed step under one interface, and their time loop for one cell. */
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

/* The loop of one method: a constant, so that it is compiled by itself. */
HH_INLINE ending fixed_step_loop(hh_method method, const fixed_step_settings *settings,
                                 hh_cell *cell, hh_parameters p, rate_source rates_dt,
                                 input_buffer I, spike_buffer spikes, output_buffers out,
                                 double *missing_V)
{
    const double dt = settings->dt, threshold = settings->threshold, dt_over_C_m = dt / p.C_m;
    hh_neuron now = hh_neuron_of(cell), after = now;
    double V_before = cell->V_before;
    int64_t found = cell->spikes, i;
    ending ended = LOOP_DONE;
    for (i = 0; i < I.count; ++i) {
        const double I_now = input_read(&I, i);
        if (!hh_step(method, now, &p, dt_over_C_m, &rates_dt, I_now, &after)) {
            *missing_V = after.y.V;
            ended = LOOP_RATES_MISSING;
            break;
        }
        if (!hh_is_finite(after.y)) {
            ended = LOOP_NOT_FINITE;
            break;
        }
        if (now.y.V < threshold && threshold <= after.y.V) {
            if (found >= spikes.capacity) {
                ended = LOOP_SPIKES_FULL;
                break;
            }
            spikes.times[found] =
                dt * ((double)(cell->step + i) +
                      hh_crossing(method, now, after, &p, dt_over_C_m, I_now, threshold));
            ++found;
        }
        V_before = now.y.V;
        now = after;
        hh_write(&out, i, &now);
    }
    hh_cell_put(cell, &now);
    cell->V_before = V_before;
    cell->step += i;
    cell->spikes = found;
    return ended;
}

/* Make one step for each value of I, counted in cell->step, and return how that ended. Where it is
   not LOOP_DONE, `cell` is as it was before the next step, and nothing is written to its row;
   *missing_V is the V of LOOP_RATES_MISSING. */
static inline ending fixed_step_run(const fixed_step_settings *settings, hh_cell *cell,
                                    hh_parameters p, rate_source rates_dt, input_buffer I,
                                    spike_buffer spikes, output_buffers out, double *missing_V)
{
    switch ((hh_method)settings->method) {
    case HH_EULER:
        return fixed_step_loop(HH_EULER, settings, cell, p, rates_dt, I, spikes, out, missing_V);
    case HH_EXPONENTIAL_EULER:
        return fixed_step_loop(HH_EXPONENTIAL_EULER, settings, cell, p, rates_dt, I, spikes, out,
                               missing_V);
    case HH_RK4:
        return fixed_step_loop(HH_RK4, settings, cell, p, rates_dt, I, spikes, out, missing_V);
    }
    return LOOP_NOT_FINITE;
}

#endif
