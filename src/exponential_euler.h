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

   Staggered in this way by M. Hines, "Efficient computation of branched nerve equations", Int. J.
   Bio-Med. Comput. 15, 69-76 (1984).

   For one neuron or for eight cells, as equations.h. Return 0 where the rates at now->y.V are
   missing; after->y.V is then that V. */

HH_INLINE int OF(exponential_euler_step)(int gates, const SHAPE *s, const OF(neuron_model) *m,
                                         const OF(neuron) *now, REAL I, OF(neuron) *after)
{
    const REAL V = now->y.V, zero = OP(all)(0.0);
    OF(gate_rates) r[MOST_GATES];
    REAL open[MEMBRANE_CHANNELS], conductance, phi1;
    int v;
    if (!OF(neuron_find_rates)(gates, s, m, V, r)) {
        after->y.V = V;
        return 0;
    }
    if (OF(neuron_has_currents)(s, m)) {
        OF(membrane_open)(gates, s, &now->y, open);
        OF(neuron_note_currents)(s, m, V, open, after);
    }
    for (v = 0; v < gates; ++v) {
        GATES_OF(&after->y, v) =
            OF(gates_step)(GATES_OF(&now->y, v), r[v].alpha, r[v].alpha_plus_beta);
    }
    OF(membrane_open)(gates, s, &after->y, open);
    conductance = OF(membrane_conductance)(s, m->p.g, open);
    phi1 = OF(phi1_of)(OP(sub)(zero, OP(mul)(m->scaled.per_C_m, conductance)));
    after->y.V = OP(fma)(phi1, OF(membrane_V_step)(s, &m->scaled, zero, V, open, I), V);
    return 1;
}
