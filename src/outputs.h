/* Where the time loops write: the variables of a neuron, in one order, and a buffer for each. */
#ifndef PYHH_FAST_OUTPUTS_H
#define PYHH_FAST_OUTPUTS_H

#include <stdint.h>

#include "hh_cell.h"

/* The order of all outputs: the state after a step, then the currents from the state before it. */
typedef enum hh_variable {
    HH_V,
    HH_M,
    HH_H,
    HH_N,
    HH_I_NA,
    HH_I_K,
    HH_I_L,
    HH_VARIABLES
} hh_variable;

/* Value i of a variable goes `i * stride` bytes behind `data`. The stride of a variable that is not
   recorded is 0: one number takes all its values, which is faster than to test for it. */
typedef struct {
    char *data;
    int64_t stride;
} output_buffer;

typedef struct {
    output_buffer of[HH_VARIABLES];
} output_buffers;

HH_INLINE void output_write(const output_buffers *out, int64_t i, const double *values)
{
    int variable;
    for (variable = 0; variable < HH_VARIABLES; ++variable) {
        const output_buffer *buffer = &out->of[variable];
        *(double *)(buffer->data + i * buffer->stride) = values[variable];
    }
}

HH_INLINE void hh_write(const output_buffers *out, int64_t i, const hh_neuron *neuron)
{
    const double values[HH_VARIABLES] = {
        [HH_V] = neuron->y.V,          [HH_M] = lane_m(neuron->y.x),
        [HH_H] = lane_h(neuron->y.x),  [HH_N] = lane_n(neuron->y.x),
        [HH_I_NA] = neuron->i.I_Na,    [HH_I_K] = neuron->i.I_K,
        [HH_I_L] = neuron->i.I_L,
    };
    output_write(out, i, values);
}

/* Values that are read in the same way: of stride 0 where all are equal. */
typedef struct {
    const char *data;
    int64_t stride, count;
} input_buffer;

static inline double input_read(const input_buffer *in, int64_t i)
{
    return *(const double *)(in->data + i * in->stride);
}

/* Times of spikes; `capacity` of them have space. */
typedef struct {
    double *times;
    int64_t capacity;
} spike_buffer;

/* How a call of a time loop ended. */
typedef enum ending {
    LOOP_DONE,
    LOOP_NOT_FINITE,     /* the next step would give a number that is not finite */
    LOOP_RATES_MISSING,  /* the table has no rates at a V that the loop returns */
    LOOP_SPIKES_FULL,    /* the next step has a spike for which there is no space */
    LOOP_PAUSED,         /* after the number of attempts that a call may make */
    LOOP_STEP_TOO_SMALL, /* no step is short enough for the tolerances */
    LOOP_TOO_MANY_STEPS  /* in a millisecond of model time */
} ending;

#endif
