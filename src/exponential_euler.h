/* One step of exponential Euler, staggered: the gates decay for dt at the rates of V before the
   step, then V decays for dt at the conductances of the gates after it.

   A quantity that decays with a constant rate k moves in dt by its slope times

       (1 - e^(-k dt)) / k  =  dt phi1(-k dt),        phi1(x) = (e^x - 1) / x,

   so this is forward Euler with each slope multiplied by phi1, and stable for any dt. For the gates
   phi1(-(alpha + beta) dt) depends on V alone and is tabulated with the rates: the source holds
   alpha and alpha + beta times dt phi1.

   An instantaneous gate is, during the step, where V before it puts it: with such a gate V, too, is
   of first order.

   Each half sees the other in the middle of its own interval if the gates are taken to be those
   of dt/2 earlier. From a steady start, where that makes no difference, V is of second order; the
   gates, read at the time of V, lag by dt/2.

   Pools decay last, at the same times as V, with the inflow of the gates and of V in the middle of
   the step. Nernst's potentials are those before it: with such one V is of first order, too.

   Staggered in this way by M. Hines, "Efficient computation of branched nerve equations", Int. J.
   Bio-Med. Comput. 15, 69-76 (1984).

   For one neuron or for eight cells, as equations.h. Return 0 where the rates at now->y.V are
   missing; after->y.V is then that V. */

HH_INLINE int OF(exponential_euler_step)(int gates, int pools, const SHAPE *s,
                                         const OF(neuron_model) *m, const OF(neuron) *now,
                                         const OF(drive) *in, OF(neuron) *after)
{
    const REAL V = now->y.V, zero = OP(all)(0.0);
    OF(found_rates) at;
    const REAL *E = OF(reversals_at)(pools, s, &m->scaled, &at);
    REAL open[MEMBRANE_CHANNELS], conductance, phi1;
    int v;
    if (!OF(neuron_find_rates)(gates, pools, s, m, &now->y, &at)) {
        after->y.V = V;
        return 0;
    }
    if (OF(neuron_has_currents)(s, m)) {
        OF(membrane_open)(gates, s, &now->y, open);
        OF(neuron_note_currents)(s, m, E, V, open, after);
    }
    for (v = 0; v < gates; ++v) {
        GATES_OF(&after->y, v) =
            OF(gates_step)(GATES_OF(&now->y, v), at.r[v].alpha, at.r[v].alpha_plus_beta);
    }
    OF(membrane_open)(gates, s, &after->y, open);
    conductance = OF(membrane_conductance)(s, m->p.g, open);
    if (in->conducts) {
        conductance = OP(add)(conductance, in->G);
    }
    phi1 = OF(phi1_of)(OP(sub)(zero, OP(mul)(m->scaled.per_C_m, conductance)));
    after->y.V = OP(fma)(phi1, OF(membrane_V_step)(pools, s, &m->scaled, E, zero, V, open, in), V);
    if (pools) {
        const REAL V_between = OP(mul)(OP(all)(0.5), OP(add)(V, after->y.V));
        for (v = FIRST_WITH_POOLS(s); v < gates; ++v) { /* nothing else moves again */
            at.r[v].alpha = at.r[v].alpha_plus_beta = GATES_OP(all)(0.0);
        }
        OF(membrane_feed)(gates, pools, s, &m->scaled, V_between, open, &at);
        for (v = FIRST_WITH_POOLS(s); v < gates; ++v) {
            GATES_OF(&after->y, v) = OF(gates_step)(GATES_OF(&after->y, v), at.r[v].alpha,
                                                    at.r[v].alpha_plus_beta);
        }
    }
    return 1;
}
