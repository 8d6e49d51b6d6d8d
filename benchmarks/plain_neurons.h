/* The time loop of plain_neurons.c and plain_burster.c. */
#ifndef PLAIN_NEURONS_H
#define PLAIN_NEURONS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Steps under a constant stimulus. The state is V, then the gates; `out` has a row for each of
   them, after the step, and for each current, of the step, or V's alone. */
#define LOOP(neuron, STATES, CURRENTS)                                                      \
    void neuron##_loop(ptrdiff_t steps, double dt, double stimulus, const double *start,    \
                       double *out, int all)                                                \
    {                                                                                       \
        double y[STATES], I[CURRENTS];                                                      \
        memcpy(y, start, sizeof y);                                                         \
        if (all) {                                                                          \
            for (ptrdiff_t i = 0; i < steps; i++) {                                         \
                neuron(dt, stimulus, y, I);                                                 \
                for (int k = 0; k < STATES; k++)                                            \
                    out[k * steps + i] = y[k];                                              \
                for (int k = 0; k < CURRENTS; k++)                                          \
                    out[(STATES + k) * steps + i] = I[k];                                   \
            }                                                                               \
        } else {                                                                            \
            for (ptrdiff_t i = 0; i < steps; i++) {                                         \
                neuron(dt, stimulus, y, I);                                                 \
                out[i] = y[0];                                                              \
            }                                                                               \
        }                                                                                   \
    }

static inline double
linoid(double x)
{
    return x != 0 ? x / (1 - exp(-x)) : 1;
}

#endif
