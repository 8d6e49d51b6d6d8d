/* What the time loop of the adaptive method (adaptive.pxi) is made of.

   The stimulus is cut into segments on which it is constant, and these at restart points, every so
   many rows. No step reaches across the end of a segment. At a restart point the step size begins
   again from its first value, so that the state there decides all that follows: a run may end at a
   restart point and be continued later without the difference of a bit. */
#ifndef PYHH_FAST_ADAPTIVE_H
#define PYHH_FAST_ADAPTIVE_H

#include <assert.h>

#include "crossings.h"
#include "dop853.h"
#include "outputs.h"
#include "step_control.h"

#define ADAPTIVE_FIRST_STEP 0.01    /* ms: of a run, and after each restart point */
#define ADAPTIVE_SMALLEST_STEP 1e-9 /* ms */
#define ADAPTIVE_MAX_ATTEMPTS_PER_MS 20000 /* without those that the end of a segment cuts short */
#define ADAPTIVE_ROWS_PER_ATTEMPT 64 /* writing so many rows takes as long as an attempt */

/* A step with a stage further than this from where it begins, in mV, is too long. So rates are not
   evaluated where V never is. */
#define ADAPTIVE_MAX_EXCURSION 100.0

typedef struct {
    double dt, rtol, atol; /* ms, of the rows; atol as of dop853_tolerance */
    double threshold;      /* mV */
    int64_t restart_every; /* rows */
    int64_t max_attempts;  /* of a call */
} adaptive_settings;

/* What neuron_record holds of the last row behind the solver. */
typedef enum last_row { LAST_ROW_SKIPPED, LAST_ROW_STATE, LAST_ROW_WHOLE } last_row;

/* The solver between two calls: at V and gates x, `elapsed` after row `begin`, on a segment of
   constant stimulus that ends at row `end`. Rows before it, record.step of them, are complete;
   the record holds of the last one what `last_row` says: nothing, the state, or all. */
typedef struct {
    double V, x[MEMBRANE_LANES];
    double elapsed, step_size, log_err_before;
    double ms_remaining; /* of the millisecond in which attempts are counted */
    int64_t window;      /* number of the row that the stimulus given to the loop begins with */
    int64_t begin, end, attempts;
    int64_t rejected; /* whether the latest attempt was */
    int64_t last_row;
} adaptive_run;

/* The solver during a call. */
typedef struct {
    const adaptive_settings *settings;
    adaptive_run run;
    neuron_model model;
    drive in; /* of the segment */
    dop853_step step;
    rate_source rates; /* those of the model, in the range that a step may reach */
    double low, high;  /* mV, range of the rate table */
    neuron row;       /* the last row, where it is known, */
    int64_t rows;     /* and how many there are */
    double V_before;  /* of the last row */
    int every_row;    /* whether all rows are computed and written */
} adaptive_solver;

/* The first row from `begin` on, before `end`, whose value is another; `end` where there is none.
   In blocks that compilers turn into vectors. */
static inline int64_t adaptive_segment_end(const input_buffer *of, int64_t begin, int64_t end)
{
    enum { BLOCK = 32 };
    const double *values = (const double *)of->data;
    int64_t i = begin;
    double here;
    if (of->data == NULL || of->stride == 0) {
        return end;
    }
    here = values[begin];
    while (end - i >= BLOCK) {
        int l, changes = 0;
        for (l = 0; l < BLOCK; ++l) {
            changes |= values[i + l] != here;
        }
        if (changes) {
            break;
        }
        i += BLOCK;
    }
    while (i < end && values[i] == here) {
        ++i;
    }
    return i;
}

HH_INLINE void adaptive_read_drive(adaptive_solver *s, input_buffer I, input_buffer G, int64_t row)
{
    s->in.I = input_read(&I, row - s->run.window);
    s->in.conducts = G.data != NULL;
    s->in.G = s->in.conducts ? input_read(&G, row - s->run.window) : 0.0;
}

/* Begin the segment after the one that has ended. */
HH_INLINE void adaptive_begin_segment(adaptive_solver *s, input_buffer I, input_buffer G)
{
    adaptive_run *run = &s->run;
    const int64_t every = s->settings->restart_every, first = run->window;
    run->begin = run->end;
    run->elapsed = 0.0;
    run->end = run->begin - run->begin % every + every;
    if (run->end > first + I.count) {
        run->end = first + I.count;
    }
    adaptive_read_drive(s, I, G, run->begin);
    run->end = first + adaptive_segment_end(&I, run->begin - first, run->end - first);
    run->end = first + adaptive_segment_end(&G, run->begin - first, run->end - first);
    if (run->begin % every == 0) {
        run->step_size = ADAPTIVE_FIRST_STEP;
        run->log_err_before = 0.0;
        run->attempts = 0;
        run->ms_remaining = 1.0;
    }
}

/* Choose the next step size after an accepted step of length h. A step that was cut short by the
   end of its segment does not change it. */
static inline void adaptive_accept(adaptive_run *run, double h, double log_err, int cut)
{
    if (!cut) {
        const double factor = step_control_factor(log_err, run->log_err_before);
        run->step_size = h * (run->rejected ? fmin(factor, 1.0) : factor);
        run->log_err_before = fmax(log_err, STEP_CONTROL_MIN_LOG_ERR);
    }
    run->rejected = 0;
    run->ms_remaining -= h;
    if (run->ms_remaining <= 0) {
        run->ms_remaining = 1.0;
        run->attempts = 0;
    }
}

static inline void adaptive_reject(adaptive_run *run, double h, double log_err)
{
    run->step_size = h * fmin(step_control_factor(log_err, 0.0), STEP_CONTROL_SAFETY);
    run->rejected = 1;
}

HH_INLINE dop853_tolerance adaptive_tolerance(const adaptive_settings *settings)
{
    const dop853_tolerance tolerance = {settings->rtol, settings->atol};
    return tolerance;
}

HH_INLINE void adaptive_load(int vectors, const membrane_shape *shape, const neuron_model *model,
                             const adaptive_settings *settings, const neuron_record *record,
                             const adaptive_run *run, adaptive_solver *s)
{
    int v;
    s->settings = settings;
    s->run = *run;
    s->model = *model;
    s->rates = *model->rates;
    s->model.rates = &s->rates;
    s->low = s->rates.low;
    s->high = s->rates.high;
    s->step.y.V = run->V;
    for (v = 0; v < vectors; ++v) {
        s->step.y.x[v] = lanes_load(run->x + 4 * v);
    }
    s->step.y.x[0] = lanes_with_V(s->step.y.x[0], run->V);
    neuron_load(vectors, shape, record, &s->row);
    s->rows = record->step;
    s->V_before = record->V_before;
}

HH_INLINE void adaptive_store(int vectors, const membrane_shape *shape, const adaptive_solver *s,
                              int64_t spikes, neuron_record *record, adaptive_run *run)
{
    int v;
    *run = s->run;
    run->V = s->step.y.V;
    for (v = 0; v < vectors; ++v) {
        lanes_store(run->x + 4 * v, s->step.y.x[v]);
    }
    neuron_store(vectors, shape, &s->row, record);
    record->V_before = s->V_before;
    record->step = s->rows;
    record->spikes = spikes;
}

/* The slope at the solver's state, which a segment begins with. Return 0 where rates are missing,
   at *missing_V. */
HH_INLINE int adaptive_begin_slope(int vectors, const membrane_shape *shape, adaptive_solver *s,
                                   double *missing_V)
{
    if (dop853_slope(vectors, shape, &s->model, &s->in, &s->step.y, &s->step.k[0])) {
        return 1;
    }
    *missing_V = s->step.k[0].V;
    return 0;
}

/* Attempt a step of length step.h; *log_err is half the logarithm of its squared error, positive
   where the step must be rejected. Returns 0 where rates are missing, at *missing_V. */
HH_INLINE int adaptive_attempt(int vectors, const membrane_shape *shape, adaptive_solver *s,
                               int *accepted, double *log_err, double *missing_V)
{
    const double lowest = s->step.y.V - ADAPTIVE_MAX_EXCURSION;
    const double highest = s->step.y.V + ADAPTIVE_MAX_EXCURSION;
    double error;
    s->rates.low = fmax(s->low, lowest);
    s->rates.high = fmin(s->high, highest);
    if (!dop853_attempt(vectors, shape, &s->model, &s->in, adaptive_tolerance(s->settings),
                        &s->step, &error, missing_V)) {
        if (s->rates.extendable && lowest < *missing_V && *missing_V < highest) {
            return 0;
        }
        error = INFINITY;
    }
    *accepted = error <= 1.0;
    *log_err = 0.5 * step_control_log2(error);
    return 1;
}

/* The state and the slope after the step are those before the next one. */
HH_INLINE void adaptive_advance(int vectors, adaptive_solver *s)
{
    state_copy(vectors, &s->step.after, &s->step.y);
    state_copy(vectors, &s->step.k[12], &s->step.k[0]);
}

/* Append the times at which V crosses the threshold upward within the step. */
HH_INLINE int64_t adaptive_find_spikes(const adaptive_solver *s, double *times)
{
    double bernstein[DOP853_INTERPOLANT + 1], crossings[CROSSINGS_MAX];
    int64_t i, count;
    dop853_bernstein(&s->step, s->settings->threshold, bernstein);
    count = crossings_upward(bernstein, DOP853_INTERPOLANT, crossings);
    for (i = 0; i < count; ++i) {
        times[i] = (double)s->run.begin * s->settings->dt +
                   (s->run.elapsed + crossings[i] * s->step.h);
    }
    return count;
}

/* The number of the last row, excluded, that a step up to time `after` of the segment covers. */
HH_INLINE int64_t adaptive_rows_passed(const adaptive_solver *s, double after, int cut)
{
    const adaptive_run *run = &s->run;
    const int64_t passed =
        cut ? run->end : run->begin + (int64_t)floor(after / s->settings->dt);
    return cut || passed < run->end - 1 ? passed : run->end - 1;
}

/* Compute the rows up to number `last`, excluded, that the step covers: all, or the last two, which
   give the state and the currents of the last. */
HH_INLINE void adaptive_compute_rows(int vectors, const membrane_shape *shape, adaptive_solver *s,
                                     int64_t last, int64_t first_row, const output_buffers *out)
{
    const adaptive_run *run = &s->run;
    const double per_h = 1.0 / s->step.h;
    neuron row;
    int64_t i = s->rows;
    neuron_copy(vectors, shape, &s->model, &s->row, &row);
    if (!s->every_row && i < last - 2) {
        i = last - 2;
    }
    for (; i < last; ++i) {
        membrane_state *y = &row.y;
        neuron_currents(vectors, shape, &s->model, y, row.I);
        s->V_before = y->V;
        if (i + 1 == run->end) {
            state_copy(vectors, &s->step.after, y);
        } else {
            const double time = (double)(i + 1 - run->begin) * s->settings->dt;
            dop853_between(vectors, &s->step, (time - run->elapsed) * per_h, y);
            if (shape->instantaneous) {
                found_rates at;
                /* within the step there are rates */
                neuron_settle(vectors, (int)shape->pools, shape, &s->model, y, &at);
            }
        }
        if (s->every_row) {
            neuron_write(vectors, shape, &row, i - first_row, out);
        }
    }
    neuron_copy(vectors, shape, &s->model, &row, &s->row);
}

#endif
