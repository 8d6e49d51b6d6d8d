/* The equations of a membrane (membrane.h), for one neuron or for eight cells at once. This file is
   included once for each, after of_one.h or of_cells.h, which say what the words in capitals are:

       REAL                  a quantity of a neuron: a double, or a vector of eight (cells.h)
       OP(name)              an operation on it
       SHAPE                 which gates and channels there are
       OF(name)              a struct, or a function, for these
       GATES_OF(state, v)    vector v of the gates: of one neuron four, of eight cells one gate
       GATES_OP(name)        an operation on it

   What is done to a cell is so the same, to the bit, however many are at its side. */

/* The product of n factors, a power of two, in pairs. */
HH_INLINE REAL OF(membrane_product)(REAL *factors, int n)
{
    int i;
    while (n > 1) {
        n /= 2;
        for (i = 0; i < n; ++i) {
            factors[i] = OP(mul)(factors[2 * i], factors[2 * i + 1]);
        }
    }
    return factors[0];
}

/* The open fractions of the gated channels. x[1 + factor] is a gate, x[0] is 1. */
HH_INLINE void OF(membrane_open_of)(const SHAPE *s, const REAL *x, REAL *open)
{
    int c, i;
    for (c = (int)s->ungated; c < s->channels; ++c) {
        const int64_t *factor = s->factor[c];
        HH_ONE_BY_ONE(s->channels);
        if (s->factors == 4) {
            open[c] = OP(mul)(OP(mul)(x[1 + factor[0]], x[1 + factor[1]]),
                              OP(mul)(x[1 + factor[2]], x[1 + factor[3]]));
        } else {
            REAL factors[MEMBRANE_FACTORS];
            for (i = 0; i < s->factors; ++i) {
                factors[i] = x[1 + factor[i]];
            }
            open[c] = OF(membrane_product)(factors, (int)s->factors);
        }
    }
}

/* The same of a state, whose gates may first have to be taken out of vectors. */
HH_INLINE void OF(membrane_open)(int gates, const SHAPE *s, const OF(membrane_state) *y,
                                 REAL *open);

/* The sum of all conductances g, and so how fast V decays if the gates do not move, with g over C_m
   and times dt if g is. The last channel is the first to be added. */
HH_INLINE REAL OF(membrane_conductance)(const SHAPE *s, const REAL *g, const REAL *open)
{
    REAL sum = OP(all)(0.0);
    int c;
    for (c = 0; c < s->ungated; ++c) {
        sum = c == 0 ? g[0] : OP(add)(sum, g[c]);
    }
    for (c = (int)s->channels - 1; c >= s->ungated; --c) {
        HH_ONE_BY_ONE(s->channels);
        sum = OP(fma)(g[c], open[c], sum);
    }
    return sum;
}

/* The reversal potential of a channel, and those of all, with the logarithms of concentrations. */
HH_INLINE REAL OF(membrane_reversal)(int pools, const OF(membrane_scaled) *m, const REAL *ln_Ca,
                                     int64_t c)
{
    REAL E = OP(fnma)(m->slope[0][c], ln_Ca[0], m->E[c]);
    int p;
    for (p = 1; p < pools; ++p) {
        E = OP(fnma)(m->slope[p][c], ln_Ca[p], E);
    }
    return E;
}

HH_INLINE void OF(membrane_reversals)(int pools, const SHAPE *s, const OF(membrane_scaled) *m,
                                      const REAL *ln_Ca, REAL *E)
{
    const int channels = CHANNELS_IN_VECTORS ? MEMBRANE_CHANNELS : (int)s->channels;
    int c;
    for (c = 0; c < channels; ++c) { /* of those that are none all is 0 */
        E[c] = OF(membrane_reversal)(pools, m, ln_Ca, c);
    }
}

/* Those that a step uses: of the state, or constant. */
HH_INLINE const REAL *OF(reversals_at)(int pools, const SHAPE *s,
                                       const OF(membrane_scaled) *m,
                                       const OF(found_rates) *at)
{
    return pools && s->nernst ? at->E : m->E;
}

/* Set the rates of the pools, whose inflow is that of the channels that feed them. */
HH_INLINE void OF(membrane_feed)(int gates, int pools, const SHAPE *s,
                                 const OF(membrane_scaled) *m, REAL V, const REAL *open,
                                 OF(found_rates) *at)
{
    int p, i;
    for (p = 0; p < pools; ++p) {
        REAL sum = OP(all)(0.0);
        for (i = 0; i < s->feeders[p]; ++i) {
            const int64_t c = s->feeder[p][i];
            /* Not from at->E, which compilers write and read as vectors. */
            const REAL E = s->nernst ? OF(membrane_reversal)(pools, m, at->ln_Ca, c) : m->E[c];
            const REAL driving = OP(mul)(m->g[c], OP(sub)(E, V));
            HH_ONE_BY_ONE(s->feeders[p]);
            sum = c < s->ungated ? OP(add)(sum, driving) : OP(fma)(driving, open[c], sum);
        }
        OF(rates_set_pool)(s, gates, p,
                           OP(fma)(m->feed[p], OP(max)(sum, OP(all)(0.0)), m->alpha[p]),
                           m->alpha_plus_beta[p], at->r);
    }
}

/* from + dt dV/dt at V. Terms are added in the order in which they are known, V before the gates,
   so that one fused operation a channel waits for these.

   Where there are no pools E is m->E, and is named so: through a pointer that may be another array
   compilers make loops of eight cells that take 15 % longer. */
HH_INLINE REAL OF(membrane_V_step)(int pools, const SHAPE *s, const OF(membrane_scaled) *m,
                                   const REAL *E, REAL from, REAL V, const REAL *open,
                                   const OF(drive) *in)
{
    const REAL I = in->conducts ? OP(fnma)(in->G, V, in->I) : in->I;
    REAL sum = OP(fma)(m->per_C_m, I, from), driving[MEMBRANE_CHANNELS];
    int c;
    if (CHANNELS_IN_VECTORS && !HH_IS_CONSTANT(s->channels)) {
        for (c = 0; c < MEMBRANE_CHANNELS; ++c) { /* those that are none are 0 */
            driving[c] = OP(mul)(m->g[c], OP(sub)(pools ? E[c] : m->E[c], V));
        }
    } else {
        for (c = (int)s->ungated; c < s->channels; ++c) {
            driving[c] = OP(mul)(m->g[c], OP(sub)(pools ? E[c] : m->E[c], V));
        }
    }
    for (c = 0; c < s->ungated; ++c) {
        HH_ONE_BY_ONE(s->ungated);
        sum = OP(fma)(m->g[c], OP(sub)(pools ? E[c] : m->E[c], V), sum);
    }
    for (; c < s->channels; ++c) {
        HH_ONE_BY_ONE(s->channels);
        sum = OP(fma)(driving[c], open[c], sum);
    }
    return sum;
}

/* Put the instantaneous gates where they are: at alpha, for the rates of such are alpha = inf and
   alpha + beta = 1, in all methods. */
HH_INLINE void OF(membrane_settle)(int gates, const SHAPE *s, const OF(gate_rates) *r,
                                   OF(membrane_state) *y)
{
    int v;
    for (v = 0; v < gates; ++v) {
        GATES_OF(y, v) = OF(gates_settled)(s, v, r[v].alpha, GATES_OF(y, v));
    }
}

/* dV/dt and dx/dt; or, with dt/C_m and rates times dt, these times dt. */
HH_INLINE void OF(membrane_slope)(int gates, int pools, const SHAPE *s,
                                  const OF(membrane_scaled) *m, OF(found_rates) *at,
                                  const OF(membrane_state) *y, const OF(drive) *in,
                                  OF(membrane_state) *slope)
{
    const REAL *E = OF(reversals_at)(pools, s, m, at);
    REAL open[MEMBRANE_CHANNELS];
    int v;
    OF(membrane_open)(gates, s, y, open);
    slope->V = OF(membrane_V_step)(pools, s, m, E, OP(all)(0.0), y->V, open, in);
    OF(membrane_feed)(gates, pools, s, m, y->V, open, at);
    for (v = 0; v < gates; ++v) {
        GATES_OF(slope, v) =
            OF(gates_slope)(GATES_OF(y, v), at->r[v].alpha, at->r[v].alpha_plus_beta);
    }
    OF(state_complete)(slope);
}

/* y = base + a k; V by itself and first: the rates wait for it. */
HH_INLINE void OF(membrane_state_plus)(int gates, const OF(membrane_state) *base, double a,
                                       const OF(membrane_state) *k, OF(membrane_state) *y)
{
    int v;
    y->V = OP(fma)(OP(all)(a), k->V, OF(state_packed_V)(base));
    for (v = 0; v < gates; ++v) {
        GATES_OF(y, v) = GATES_OP(fma)(GATES_OP(all)(a), GATES_OF(k, v), GATES_OF(base, v));
    }
}

HH_INLINE void OF(state_copy)(int gates, const OF(membrane_state) *from, OF(membrane_state) *to)
{
    int v;
    to->V = from->V;
    for (v = 0; v < gates; ++v) {
        GATES_OF(to, v) = GATES_OF(from, v);
    }
}
