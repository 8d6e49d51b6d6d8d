/* How long the next step of an adaptive method should be.

   Proportional-integral control (K. Gustafsson, ACM Trans. Math. Softw. 17, 533-554, 1991): with
   err the estimated error over the tolerance, accepted where err <= 1,

       h_next = h * 0.9 * err^(-0.7/8) * err_before^(0.2/8)

   for a method of order 8. The second factor calms the steps where stability and not accuracy
   bounds them. A change of step need not be exact, so logarithms are read off the bits of a
   number, which no library rounds differently: log2 is 0.09 too small at most.  */
#ifndef PYHH_FAST_STEP_CONTROL_H
#define PYHH_FAST_STEP_CONTROL_H

#include <stdint.h>
#include <string.h>

#define STEP_CONTROL_ORDER 8
#define STEP_CONTROL_SAFETY 0.9
#define STEP_CONTROL_MIN_FACTOR 0.2
#define STEP_CONTROL_MAX_FACTOR 5.0
#define STEP_CONTROL_MIN_LOG_ERR -10.0 /* log2 err is not taken to be less */

/* Of a positive number; of infinity and NaN 1024 or more, of 0 -1023. */
static inline double step_control_log2(double a)
{
    int64_t bits;
    memcpy(&bits, &a, sizeof bits);
    bits &= INT64_MAX; /* a NaN may be negative */
    return (double)(bits - ((int64_t)1023 << 52)) * 0x1p-52;
}

/* For |a| < 1000. */
static inline double step_control_exp2(double a)
{
    const int64_t bits = (int64_t)(a * 0x1p52) + ((int64_t)1023 << 52);
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static inline double step_control_factor(double log_err, double log_err_before)
{
    const double log_factor = (-0.7 * log_err + 0.2 * log_err_before) / STEP_CONTROL_ORDER;
    const double factor = STEP_CONTROL_SAFETY * step_control_exp2(log_factor);
    if (!(factor > STEP_CONTROL_MIN_FACTOR)) {
        return STEP_CONTROL_MIN_FACTOR;
    }
    return factor < STEP_CONTROL_MAX_FACTOR ? factor : STEP_CONTROL_MAX_FACTOR;
}

#endif
