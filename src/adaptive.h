/* An adaptive run between two calls of its time loop. */
#ifndef PYHH_FAST_ADAPTIVE_H
#define PYHH_FAST_ADAPTIVE_H

#include <stdint.h>

#include "crossings.h"
#include "hh_cell.h"
#include "hh_dop853.h"
#include "step_control.h"

#define ADAPTIVE_FIRST_STEP 0.01    /* ms: of a run, and after each restart point */
#define ADAPTIVE_SMALLEST_STEP 1e-9 /* ms */
#define ADAPTIVE_MAX_ATTEMPTS_PER_MS 20000 /* without those that the end of a segment cuts short */

/* A step with a stage further than this from where it begins, in mV, is too long. So rates are not
   evaluated where V never is. */
#define ADAPTIVE_MAX_EXCURSION 100.0

/* Where the solver stands: at V, m, h, n, a time `elapsed` after row `begin`, on a segment of
   constant stimulus that lasts until row `end`. The rows are behind it: cell.step of them are
   whole; cell holds the state at the last (`at_row` 1) and its currents, too (2), or neither. */
typedef struct {
    double V, m, h, n;
    double elapsed, step_size, log_err_before;
    double ms_remaining; /* of the millisecond in which attempts are counted */
    int64_t begin, end, attempts;
    int64_t rejected; /* the latest attempt was */
    int64_t at_row;
} adaptive_run;

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

#endif
