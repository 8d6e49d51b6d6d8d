/* One forward Euler step, in pyHH's order: rates from V; currents from V and the gates; then V
   and the gates move, all from values before the step. First order.

   For one neuron or for eight cells, as equations.h. Return 0 where the rates at now->y.V are
   missing; after->y.V is then that V. */

HH_INLINE int OF(euler_step)(int gates, const SHAPE *s, const OF(neuron_model) *m,
                             const OF(neuron) *now, REAL I, OF(neuron) *after)
{
    const REAL V = now->y.V;
    REAL open[MEMBRANE_CHANNELS];
    OF(gate_rates) r[MOST_GATES];
    int v;
    if (!OF(neuron_find_rates)(gates, s, m, V, r)) {
        after->y.V = V;
        return 0;
    }
    OF(membrane_open)(gates, s, &now->y, open);
    if (OF(neuron_has_currents)(s, m)) {
        OF(neuron_note_currents)(s, m, V, open, after);
    }
    after->y.V = OF(membrane_V_step)(s, &m->scaled, V, V, open, I);
    for (v = 0; v < gates; ++v) {
        GATES_OF(&after->y, v) =
            OF(gates_step)(GATES_OF(&now->y, v), r[v].alpha, r[v].alpha_plus_beta);
    }
    return 1;
}
