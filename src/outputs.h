/* Where the time loops write: the variables of a neuron, in one order, and a buffer for each. */
#ifndef PYHH_FAST_OUTPUTS_H
#define PYHH_FAST_OUTPUTS_H

#include <stdint.h>

#include "neuron.h"

#define OUTPUT_VARIABLES (1 + MEMBRANE_GATES + MEMBRANE_CHANNELS)

/* Value i of a variable goes `i * stride` bytes behind `data`. The stride of a variable that is not
   recorded is 0: one number takes all its values. */
typedef struct {
    char *data;
    int64_t stride;
} output_buffer;

/* V, the gates and the currents, each in the order in which they are recorded; and which are. */
typedef struct {
    output_buffer of[OUTPUT_VARIABLES];
    int64_t count, recorded[OUTPUT_VARIABLES];
    int currents; /* whether a current is */
} output_buffers;

HH_INLINE void output_write(const output_buffer *to, int64_t i, double value)
{
    *(double *)(to->data + i * to->stride) = value;
}

/* Where the shape is a constant, all variables are written, from registers, which is faster than to
   test which are recorded. Elsewhere they are in memory, and those that are recorded are copied. */
HH_INLINE void neuron_write(int vectors, const membrane_shape *s, const neuron *from, int64_t i,
                            const output_buffers *out)
{
    const int gates = (int)s->gates;
    double x[MEMBRANE_LANES];
    int64_t r;
    int v, k;
    for (v = 0; v < vectors; ++v) {
        lanes_store(x + 4 * v, from->y.x[v]);
    }
    if (HH_IS_CONSTANT(s->gates)) {
        output_write(&out->of[0], i, from->y.V);
        for (k = 0; k < gates; ++k) {
            output_write(&out->of[1 + k], i, x[s->lane_of_gate[k]]);
        }
        for (k = 0; k < s->channels; ++k) {
            output_write(&out->of[1 + gates + k], i, from->I[s->channel_of_current[k]]);
        }
        return;
    }
    for (r = 0; r < out->count; ++r) {
        const int64_t variable = out->recorded[r], gate = variable - 1, current = gate - gates;
        const double value = variable == 0 ? from->y.V
                             : current < 0 ? x[s->lane_of_gate[gate]]
                                           : from->I[s->channel_of_current[current]];
        HH_ONE_BY_ONE(out->count);
        output_write(&out->of[variable], i, value);
    }
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
