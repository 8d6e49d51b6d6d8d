/* The time loop of the adaptive method.

   The stimulus is cut into segments on which it is constant, and these at restart points, every so
   many rows. No step reaches across the end of a segment. At a restart point the step size begins
   again from its first value, so that the state there decides all that follows: a run may end at a
   restart point and be continued later without the difference of a bit. */
#ifndef PYHH_FAST_ADAPTIVE_H
#define PYHH_FAST_ADAPTIVE_H

#include <assert.h>

#include "crossings.h"
#include "hh_dop853.h"
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
    double dt, rtol, atol; /* ms, of the rows; atol in mV and in fractions of the gates */
    double threshold;      /* mV */
    int64_t restart_every; /* rows */
    int64_t max_attempts;  /* of a call */
} adaptive_settings;

/* What hh_cell holds of the last row behind the solver. */
typedef enum last_row { LAST_ROW_SKIPPED, LAST_ROW_STATE, LAST_ROW_WHOLE } last_row;

/* The solver between two calls: at V, m, h, n, a time `elapsed` after row `begin`, on a segment of
   constant stimulus that ends at row `end`. Rows before it, cell.step of them, are complete; cell
   holds of the last one what `last_row` says: nothing, the state, or the currents, too. */
typedef struct {
    double V, m, h, n;
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
    hh_cell_model model;
    dop853_step step;
    double low, high; /* mV, range of the rate table */
    hh_neuron row;    /* the last row, where it is known, */
    int64_t rows;     /* and how many there are */
    int every_row;    /* whether all rows are computed and written */
} adaptive_solver;

/* The first row from `begin` on, before `end`, whose value is another; `end` where there is none.
   In blocks that compilers turn into vectors. */
static inline int64_t adaptive_segment_end(const double *I, int64_t begin, int64_t end)
{
    enum { BLOCK = 32 };
    const double I_here = I[begin];
    int64_t i = begin;
    while (end - i >= BLOCK) {
        int l, changes = 0;
        for (l = 0; l < BLOCK; ++l) {
            changes |= I[i + l] != I_here;
        }
        if (changes) {
            break;
        }
        i += BLOCK;
    }
    while (i < end && I[i] == I_here) {
        ++i;
    }
    return i;
}

/* Begin the segment after the one that has ended. */
HH_INLINE void adaptive_begin_segment(adaptive_solver *s, input_buffer I)
{
    adaptive_run *run = &s->run;
    const int64_t every = s->settings->restart_every, first = run->window;
    run->begin = run->end;
    run->elapsed = 0.0;
    run->end = run->begin - run->begin % every + every;
    if (run->end > first + I.count) {
        run->end = first + I.count;
    }
    s->model.I = input_read(&I, run->begin - first);
    if (I.stride != 0) {
        const double *values = (const double *)I.data;
        run->end = first + adaptive_segment_end(values, run->begin - first, run->end - first);
    }
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

/* Attempt a step of length step.h; *log_err is half the logarithm of its squared error, positive
   where the step must be rejected. Returns 0 where rates are missing, at *missing_V. */
HH_INLINE int adaptive_attempt(adaptive_solver *s, int *accepted, double *log_err,
                               double *missing_V)
{
    const dop853_tolerance tolerance = {s->settings->rtol, s->settings->atol};
    const double lowest = s->step.y.V - ADAPTIVE_MAX_EXCURSION;
    const double highest = s->step.y.V + ADAPTIVE_MAX_EXCURSION;
    double error;
    s->model.rates.low = fmax(s->low, lowest);
    s->model.rates.high = fmin(s->high, highest);
    if (!dop853_attempt(&s->step, &s->model, tolerance, &error, missing_V)) {
        if (lowest < *missing_V && *missing_V < highest) {
            return 0;
        }
        error = INFINITY;
    }
    *accepted = error <= 1.0;
    *log_err = 0.5 * step_control_log2(error);
    return 1;
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

/* Compute the rows up to number `last`, excluded, that the step covers: all, or the last two, which
   give the state and the currents of the last. */
HH_INLINE void adaptive_compute_rows(adaptive_solver *s, int64_t last, int64_t first_row,
                                     const output_buffers *out, double *V_before)
{
    const adaptive_run *run = &s->run;
    const double per_h = 1.0 / s->step.h;
    int64_t i = s->rows;
    if (!s->every_row && i < last - 2) {
        i = last - 2;
    }
    for (; i < last; ++i) {
        hh_state *y = &s->row.y;
        s->row.i = hh_currents_at(&s->model.p, y->V, hh_open_at(y->x));
        *V_before = y->V;
        if (i + 1 == run->end) {
            *y = s->step.after;
        } else {
            const double time = (double)(i + 1 - run->begin) * s->settings->dt;
            y->x = dop853_between(&s->step, (time - run->elapsed) * per_h);
            y->V = lane_V(y->x);
        }
        if (s->every_row) {
            hh_write(out, i - first_row, &s->row);
        }
    }
}

/* Solve until row `stop` is behind the solver, or to the end of I; return how that ended.

   I is contiguous, or has stride 0 for a constant. It begins with row progress->window and ends at
   a restart point or the end of the run. The buffers of `out` begin with row cell->step. Rows are
   computed and written where `every_row`; else the last two before `stop`, and those of steps that
   are shorter than dt, where it costs nothing. LOOP_DONE: the end of I was reached; LOOP_PAUSED:
   call again; LOOP_STEP_TOO_SMALL and LOOP_TOO_MANY_STEPS: the solver cannot continue. Results do
   not depend on where calls end. */
static inline ending adaptive_solve(hh_cell *cell, adaptive_run *progress, hh_parameters p,
                                    rate_source rates, const adaptive_settings *given,
                                    input_buffer I, int64_t stop, spike_buffer spikes,
                                    int every_row, output_buffers out, double *missing_V)
{
    const adaptive_settings settings = *given;
    const dop853_tolerance tolerance = {settings.rtol, settings.atol};
    const int64_t window = progress->window, end = window + I.count, first_row = cell->step;
    int64_t attempts = settings.max_attempts, found = cell->spikes;
    double V_before = cell->V_before;
    int slope_known = 0;
    ending ended = LOOP_DONE;
    adaptive_solver s;
    s.settings = &settings;
    s.run = *progress;
    s.model.p = p;
    s.model.per_C_m = 1.0 / p.C_m;
    s.model.rates = rates;
    /* At the end of a window the next segment, and with it I, is still unknown. */
    s.model.I = window <= s.run.begin && s.run.begin < end
                    ? input_read(&I, s.run.begin - window) : 0.0;
    s.step.y.V = s.run.V;
    s.step.y.x = lanes_with_V(lanes_of(s.run.m, s.run.h, s.run.n), s.run.V);
    s.low = rates.low;
    s.high = rates.high;
    s.row = hh_neuron_of(cell);
    s.rows = cell->step;
    s.every_row = every_row;
    assert(I.stride == 0 || I.count < 2 || I.stride == sizeof(double));
    assert(window <= s.run.end && s.run.end <= end);

    for (;;) {
        adaptive_run *run = &s.run;
        const double length = (double)(run->end - run->begin) * settings.dt;
        const double remaining = length - run->elapsed;
        double log_err, after;
        int64_t last;
        int accepted, cut, compute, may_cross;
        if (run->elapsed >= length) {
            if (run->end == end) {
                break;
            }
            adaptive_begin_segment(&s, I);
            slope_known = 0;
            continue;
        }
        if (!slope_known) {
            if (!dop853_slope(&s.model, s.step.y, &s.step.k[0])) {
                *missing_V = s.step.k[0].V;
                ended = LOOP_RATES_MISSING;
                break;
            }
            slope_known = 1;
        }
        if (attempts <= 0 || s.rows >= stop) {
            ended = LOOP_PAUSED;
            break;
        }

        cut = run->step_size * 1.01 >= remaining;
        s.step.h = cut ? remaining : run->step_size;
        if (!adaptive_attempt(&s, &accepted, &log_err, missing_V)) {
            ended = LOOP_RATES_MISSING;
            break;
        }
        if (!accepted) {
            adaptive_reject(run, s.step.h, log_err);
            if (run->step_size < ADAPTIVE_SMALLEST_STEP) {
                ended = LOOP_STEP_TOO_SMALL;
                break;
            }
            ++run->attempts;
            --attempts;
            continue;
        }
        if (run->attempts >= ADAPTIVE_MAX_ATTEMPTS_PER_MS) {
            ended = LOOP_TOO_MANY_STEPS;
            break;
        }

        after = cut ? length : run->elapsed + s.step.h;
        last = run->end;
        if (!cut) {
            const int64_t passed = run->begin + (int64_t)floor(after / settings.dt);
            last = passed < run->end - 1 ? passed : run->end - 1;
        }
        compute = last > s.rows && (every_row || last >= stop - 1 || s.step.h < settings.dt);
        may_cross = dop853_may_cross(&s.step, tolerance, settings.threshold);
        if (compute || may_cross) {
            dop853_interpolate(&s.step);
        }
        if (may_cross) {
            if (found + CROSSINGS_MAX > spikes.capacity) {
                ended = LOOP_SPIKES_FULL;
                break;
            }
            found += adaptive_find_spikes(&s, spikes.times + found);
        }
        if (compute) {
            adaptive_compute_rows(&s, last, first_row, &out, &V_before);
            run->last_row = run->last_row != LAST_ROW_SKIPPED || last - s.rows >= 2
                                ? LAST_ROW_WHOLE : LAST_ROW_STATE;
            attempts -= every_row ? (last - s.rows) / ADAPTIVE_ROWS_PER_ATTEMPT : 0;
        } else if (last > s.rows) {
            run->last_row = LAST_ROW_SKIPPED;
        }
        s.rows = last;

        if (!cut) {
            ++run->attempts;
        }
        --attempts;
        adaptive_accept(run, s.step.h, log_err, cut);
        run->elapsed = after;
        s.step.y = s.step.after;
        s.step.k[0] = s.step.k[12];
    }

    s.run.V = s.step.y.V;
    s.run.m = lane_m(s.step.y.x);
    s.run.h = lane_h(s.step.y.x);
    s.run.n = lane_n(s.step.y.x);
    *progress = s.run;
    hh_cell_put(cell, &s.row);
    cell->V_before = V_before;
    cell->step = s.rows;
    cell->spikes = found;
    return ended;
}

#endif
