/* One neuron, as the time loops carry it. */
#ifndef PYHH_FAST_NEURON_H
#define PYHH_FAST_NEURON_H

#include <stdint.h>
#include <string.h>

#include "membrane.h"
#include "rate_table.h"

/* One neuron between two steps. V_before and the currents are those of the step that led here: of
   the state before it. `step` counts the steps of this run, `spikes` its spikes. */
typedef struct {
    double V, x[MEMBRANE_LANES];
    double I[MEMBRANE_CHANNELS];
    double V_before;
    int64_t step, spikes;
} neuron_record;

/* The same while it is stepped. */
typedef struct {
    membrane_state y;
    double I[MEMBRANE_CHANNELS];
} neuron;

/* What a step depends on besides the state and the stimulus. The rates are times dt, as the method
   needs them; for the adaptive method, whose dt changes, dt is 1. */
typedef struct {
    membrane_parameters p;
    membrane_scaled scaled;
    const rate_source *rates;
    int currents; /* whether those of each step are needed, and not of the last alone */
} neuron_model;

HH_INLINE neuron_model neuron_model_of(const membrane_shape *s, const membrane_parameters *p,
                                       const rate_source *rates, double dt, int exponential)
{
    neuron_model m;
    m.p = *p;
    membrane_scale(s, p, dt, exponential, &m.scaled);
    m.rates = rates;
    m.currents = 1;
    return m;
}

HH_INLINE void neuron_load(int vectors, const membrane_shape *s, const neuron_record *from,
                           neuron *to)
{
    int v, c;
    to->y.V = from->V;
    for (v = 0; v < vectors; ++v) {
        to->y.x[v] = lanes_load(from->x + 4 * v);
    }
    to->y.x[0] = lanes_with_V(to->y.x[0], 0.0);
    for (c = 0; c < s->channels; ++c) {
        to->I[c] = from->I[c];
    }
}

HH_INLINE void neuron_store(int vectors, const membrane_shape *s, const neuron *from,
                            neuron_record *to)
{
    int v, c;
    to->V = from->y.V;
    for (v = 0; v < vectors; ++v) {
        lanes_store(to->x + 4 * v, from->y.x[v]);
    }
    for (c = 0; c < s->channels; ++c) {
        to->I[c] = from->I[c];
    }
}

/* Whether the currents of a step are computed with it; where the shape is a constant, compilers
   leave out what is not used. */
HH_INLINE int neuron_has_currents(const membrane_shape *s, const neuron_model *m)
{
    return HH_IS_CONSTANT(s->channels) || m->currents;
}

HH_INLINE void neuron_copy(int vectors, const membrane_shape *s, const neuron_model *m,
                           const neuron *from, neuron *to)
{
    int c;
    state_copy(vectors, &from->y, &to->y);
    if (!neuron_has_currents(s, m)) {
        return;
    }
    for (c = 0; c < s->channels; ++c) {
        HH_ONE_BY_ONE(s->channels);
        to->I[c] = from->I[c];
    }
}

/* The reversal potentials at a state, where its rates are not needed. */
HH_INLINE const double *neuron_reversals(int vectors, const membrane_shape *s,
                                         const neuron_model *m, const membrane_state *y,
                                         found_rates *at)
{
    if (s->nernst) {
        rate_source_factors(vectors, s, m->rates, y, NULL, at->ln_Ca);
        membrane_reversals((int)s->pools, s, &m->scaled, at->ln_Ca, at->E);
    }
    return reversals_at((int)s->pools, s, &m->scaled, at);
}

HH_INLINE void neuron_currents(int vectors, const membrane_shape *s, const neuron_model *m,
                               const membrane_state *y, double *I)
{
    found_rates at;
    double open[MEMBRANE_CHANNELS];
    membrane_open(vectors, s, y, open);
    membrane_currents(s, &m->p, neuron_reversals(vectors, s, m, y, &at), y->V, open, I);
}

HH_INLINE void neuron_note_currents(const membrane_shape *s, const neuron_model *m,
                                    const double *E, double V, const double *open, neuron *to)
{
    membrane_currents(s, &m->p, E, V, open, to->I);
}

HH_INLINE void neuron_note_currents_at(int vectors, int pools, const membrane_shape *s,
                                       const neuron_model *m, const membrane_state *y,
                                       neuron *to)
{
    (void)pools;
    neuron_currents(vectors, s, m, y, to->I);
}

/* Find the rates at a state; return 0 where they are missing. */
HH_INLINE int neuron_find_rates(int vectors, int pools, const membrane_shape *s,
                                const neuron_model *m, const membrane_state *y, found_rates *at)
{
    if (!rate_source_find(vectors, s, m->rates, y->V, at->r)) {
        return 0;
    }
    if (pools) {
        rate_source_factors(vectors, s, m->rates, y, at->r, at->ln_Ca);
        if (s->nernst) {
            membrane_reversals(pools, s, &m->scaled, at->ln_Ca, at->E);
        }
    }
    return 1;
}

/* Find the rates at a state and put its instantaneous gates where these say; return 0 where the
   rates are missing. */
HH_INLINE int neuron_settle(int vectors, int pools, const membrane_shape *s, const neuron_model *m,
                            membrane_state *y, found_rates *at)
{
    if (!neuron_find_rates(vectors, pools, s, m, y, at)) {
        return 0;
    }
    if (s->instantaneous) {
        membrane_settle(vectors, s, at->r, y);
    }
    return 1;
}

#endif
