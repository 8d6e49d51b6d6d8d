/* Sines, and where in the steps a time lies: bits as noise.h has them, the same on every CPU.

   An angle is counted in cycles. The nearest half cycle is taken away exactly; what is left lies
   within a quarter, where the sine is its Taylor series up to the power 21: what is left out is
   below 2e-18. Errors stay below 2.5 units in the last place. No branch, so that the compiler can
   take steps side by side.
*/
#ifndef PYHH_FAST_WAVES_H
#define PYHH_FAST_WAVES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Adding it rounds to an integer, whose last bits are those of the sum. */
#define WAVE_ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */

/* A step that no run reaches. */
#define WAVE_NEVER ((int64_t)1 << 62)

/* Cycles without whole ones: 1/2 at most. From 2^51 cycles on doubles are too far apart for a
   fraction, which is 0 then. */
static inline double wave_fraction(double cycles)
{
    return fabs(cycles) < 0x1p51 ? cycles - ((cycles + WAVE_ROUNDER) - WAVE_ROUNDER) : 0.0;
}

/* sin(2 pi cycles) for |cycles| < 2^50 */
static inline double wave_sine(double cycles)
{
    const double halves = cycles + cycles, shifted = halves + WAVE_ROUNDER;
    const double x = 3.141592653589793 * (halves - (shifted - WAVE_ROUNDER));
    const double z = x * x, z2 = z * z, z4 = z2 * z2;
    const double c01 = -1. / 6 + 1. / 120 * z;
    const double c23 = -1. / 5040 + 1. / 362880 * z;
    const double c45 = -1. / 39916800 + 1. / 6227020800. * z;
    const double c67 = -1. / 1307674368000. + 1. / 355687428096000. * z;
    const double c89 = -1. / 121645100408832000. + 1. / 51090942171709440000. * z;
    double sine = x + x * z * ((c01 + z2 * c23) + z4 * ((c45 + z2 * c67) + z4 * c89));
    uint64_t odd, bits;
    memcpy(&odd, &shifted, sizeof odd);
    memcpy(&bits, &sine, sizeof bits);
    bits ^= odd << 63; /* half a cycle turns the sign */
    memcpy(&sine, &bits, sizeof sine);
    return sine;
}

/* Where in the steps a time lies: `part` of a step, 0 <= part < 1, after the beginning of `step`.
   What is a whole number of steps but for rounding is that number. Times before 0 are taken for 0,
   and those that no run reaches for WAVE_NEVER. */
typedef struct {
    int64_t step;
    double part;
} wave_edge;

static inline wave_edge wave_edge_at(double time, double dt)
{
    const double steps = time / dt;
    const double slack = 4 * 2.220446049250313e-16 * steps;
    wave_edge edge = {0, 0.0};
    double whole;
    if (!(steps < (double)WAVE_NEVER)) {
        edge.step = WAVE_NEVER;
        return edge;
    }
    if (!(steps > 0)) {
        return edge;
    }
    whole = floor(steps + (slack > 1e-9 ? slack : 1e-9));
    edge.step = (int64_t)whole;
    edge.part = steps - whole;
    if (!(edge.part > (slack > 1e-9 ? slack : 1e-9))) {
        edge.part = 0.0;
    }
    return edge;
}

#endif
