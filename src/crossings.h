/* Where a polynomial rises through 0, all places, none missed.

   The polynomial is given on 0 <= u <= 1 by its Bernstein coefficients b[0..degree]. It starts at
   b[0], ends at b[degree] and stays between the smallest and the largest of them; and it has no
   more zeros than they have changes of sign, and an even number less if less (Descartes' rule in
   this basis). With none there is no zero, with one there is one; with more the interval is halved
   (de Casteljau), which brings the coefficients closer to the curve.

   0 counts as above. So a zero at the end of one interval is not found again in the next. */
#ifndef PYHH_FAST_CROSSINGS_H
#define PYHH_FAST_CROSSINGS_H

#include <math.h>

#define CROSSINGS_DEGREE 7 /* the highest */
#define CROSSINGS_MAX 4   /* upward ones of that degree */
#define CROSSINGS_HALVINGS 40 /* after so many an interval is taken for a point */

/* The coefficients of both halves. */
static inline void crossings_halve(const double *b, int degree, double *left, double *right)
{
    int i, j;
    for (i = 0; i <= degree; ++i) {
        right[i] = b[i];
    }
    for (i = 0; i < degree; ++i) {
        left[i] = right[0];
        for (j = 0; j < degree - i; ++j) {
            right[j] = 0.5 * (right[j] + right[j + 1]);
        }
    }
    left[degree] = right[0];
}

static inline double crossings_value(const double *b, int degree, double u)
{
    double c[CROSSINGS_DEGREE + 1];
    int i, j;
    for (i = 0; i <= degree; ++i) {
        c[i] = b[i];
    }
    for (i = degree; i > 0; --i) {
        for (j = 0; j < i; ++j) {
            c[j] += u * (c[j + 1] - c[j]);
        }
    }
    return c[0];
}

/* The only zero, where b begins below 0 and ends above: regula falsi that halves the weight of an
   end that stays (Illinois), and bisects where that is slow. */
static inline double crossings_zero(const double *b, int degree)
{
    double low = 0.0, high = 1.0, at_low = b[0], at_high = b[degree];
    int side = 0, i;
    for (i = 0; i < 100 && high - low > 1e-15; ++i) {
        double u = i < 20 ? (low * at_high - high * at_low) / (at_high - at_low)
                          : 0.5 * (low + high);
        double value;
        if (!(low < u && u < high)) {
            break; /* the neighbouring numbers are reached */
        }
        value = crossings_value(b, degree, u);
        if (value < 0) {
            low = u;
            at_low = value;
            at_high *= side < 0 ? 0.5 : 1.0;
            side = -1;
        } else {
            high = u;
            at_high = value;
            at_low *= side > 0 ? 0.5 : 1.0;
            side = 1;
            if (value == 0) {
                break;
            }
        }
    }
    return at_high == 0 ? high : (low * at_high - high * at_low) / (at_high - at_low);
}

/* Write the places, rising, to at[0..CROSSINGS_MAX - 1]; return how many there are. */
static inline int crossings_upward(const double *b, int degree, double *at)
{
    /* Intervals still to look at, the leftmost on top; halving one leaves one more. */
    double rest[CROSSINGS_HALVINGS + 2][CROSSINGS_DEGREE + 1];
    double from[CROSSINGS_HALVINGS + 2], width[CROSSINGS_HALVINGS + 2];
    int depth = 1, found = 0, i;
    for (i = 0; i <= degree; ++i) {
        rest[0][i] = b[i];
    }
    from[0] = 0.0;
    width[0] = 1.0;
    while (depth > 0 && found < CROSSINGS_MAX) {
        const int top = depth - 1;
        const double *c = rest[top];
        int changes = 0;
        for (i = 0; i < degree; ++i) {
            changes += (c[i] < 0) != (c[i + 1] < 0);
        }
        if (changes > 1 && width[top] > ldexp(1.0, -CROSSINGS_HALVINGS)) {
            double left[CROSSINGS_DEGREE + 1], right[CROSSINGS_DEGREE + 1];
            const double half = 0.5 * width[top];
            crossings_halve(c, degree, left, right);
            for (i = 0; i <= degree; ++i) {
                rest[top][i] = right[i];
                rest[top + 1][i] = left[i];
            }
            from[top + 1] = from[top];
            from[top] += half;
            width[top] = width[top + 1] = half;
            ++depth;
            continue;
        }
        if (changes > 0 && c[0] < 0 && c[degree] >= 0) {
            at[found++] = from[top] + width[top] * crossings_zero(c, degree);
        }
        --depth;
    }
    return found;
}

#endif
