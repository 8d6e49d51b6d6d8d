/* Where a function of V changes its sign between two V, one evaluation after another.

   The caller evaluates dV/dt at `at` and passes it to root_search_next, until that returns 0: then
   `at` is the lowest V, to the last bit or to ROOT_SEARCH_FINEST, where the sign is not any more
   what it is at the lower end. Each search depends on its own numbers alone.

   It begins with secants (Anderson and Bjorck). Where these end, rounding blurs the sign: so
   whole numbers of units of the last bit follow, first ROOT_SEARCH_NEAR to either side, or
   farther where the sign is still the same there, and then halving between the two.
*/
#ifndef PYHH_FAST_ROOT_SEARCH_H
#define PYHH_FAST_ROOT_SEARCH_H

#include <math.h>
#include <stdint.h>

#define ROOT_SEARCH_FINEST 0x1p-52 /* mV */
#define ROOT_SEARCH_SECANTS 12     /* at most */
#define ROOT_SEARCH_CLOSE 1e-9     /* mV; where a secant step is shorter, the next V is the root */
#define ROOT_SEARCH_NEAR 8.0       /* units */

enum { ROOT_SEARCH_SECANT, ROOT_SEARCH_BELOW, ROOT_SEARCH_ABOVE, ROOT_SEARCH_HALVING };

/* All fields have 8 bytes: an array of doubles holds it. */
typedef struct {
    double at;                  /* V to evaluate, mV */
    double a, b, f_a, f_b;      /* of the secants: two V, and dV/dt there */
    double least, most, unit;   /* the ends of the search in units, and the unit in mV */
    double centre, reach;       /* in units, of the search to either side */
    double low, high, middle;   /* in units, of the halving */
    int64_t positive, stage, secants;
} root_search;

static inline double root_search_clipped(const root_search *s, double place)
{
    place = place < s->least ? s->least : place;
    return place > s->most ? s->most : place;
}

static inline void root_search_to(root_search *s, int64_t stage, double place)
{
    s->stage = stage;
    s->middle = place;
    s->at = place * s->unit;
}

static inline int root_search_halve(root_search *s)
{
    const double middle = s->low + floor((s->high - s->low) / 2);
    /* Not only high - low > 1: far from the centre, numbers may be too large to differ by 1. */
    const int wide = s->low < middle && middle < s->high;
    root_search_to(s, ROOT_SEARCH_HALVING, wide ? middle : s->high);
    return wide;
}

/* `least` and `most` are in mV until the secants end. */
static inline int root_search_secant(root_search *s)
{
    const double a = s->a, b = s->b;
    double V = b - s->f_b * ((b - a) / (s->f_b - s->f_a)), last_bit;
    if (!(V >= fmin(a, b) && V <= fmax(a, b))) {
        V = 0.5 * (a + b);
    }
    s->secants += 1;
    if (fabs(V - b) > ROOT_SEARCH_CLOSE && s->secants < ROOT_SEARCH_SECANTS) {
        s->at = V;
        return 1;
    }
    last_bit = nextafter(fabs(V), INFINITY) - fabs(V);
    s->unit = last_bit > ROOT_SEARCH_FINEST ? last_bit : ROOT_SEARCH_FINEST;
    s->least = floor(s->least / s->unit);
    s->most = ceil(s->most / s->unit);
    s->centre = rint(V / s->unit);
    s->reach = ROOT_SEARCH_NEAR;
    root_search_to(s, ROOT_SEARCH_BELOW, root_search_clipped(s, s->centre - s->reach));
    return 1;
}

static inline int root_search_begin(root_search *s, double low, double high, double f_low,
                                    double f_high)
{
    s->a = s->least = low;
    s->b = s->most = high;
    s->f_a = f_low;
    s->f_b = f_high;
    s->positive = f_low > 0;
    s->secants = 0;
    s->stage = ROOT_SEARCH_SECANT;
    return root_search_secant(s);
}

static inline int root_search_next(root_search *s, double f)
{
    const int as_low = (f > 0) == s->positive;
    if (s->stage == ROOT_SEARCH_SECANT) {
        if ((f > 0) == (s->f_b > 0)) {
            const double factor = 1 - f / s->f_b;
            s->f_a *= factor > 0 ? factor : 0.5;
        } else {
            s->a = s->b;
            s->f_a = s->f_b;
        }
        s->b = s->at;
        s->f_b = f;
        return root_search_secant(s);
    }
    if (s->stage == ROOT_SEARCH_HALVING) {
        *(as_low ? &s->low : &s->high) = s->middle;
        return root_search_halve(s);
    }
    if (s->stage == ROOT_SEARCH_BELOW) {
        if (!as_low && s->middle != s->least) {
            s->reach *= 32;
            root_search_to(s, ROOT_SEARCH_BELOW, root_search_clipped(s, s->centre - s->reach));
            return 1;
        }
        s->low = s->middle;
        s->reach = ROOT_SEARCH_NEAR;
    } else if (as_low && s->middle != s->most) {
        s->reach *= 32;
    } else {
        s->high = s->middle;
        return root_search_halve(s);
    }
    root_search_to(s, ROOT_SEARCH_ABOVE, root_search_clipped(s, s->centre + s->reach));
    return 1;
}

#endif
