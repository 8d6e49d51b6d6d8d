/* One forward Euler step, in pyHH's order: rates from V; currents from V and the gates; then V
   and the gates move, all from values before the step. First order.

   For one neuron or for eight cells, as equations.h. Return 0 where the rates at now->y.V are
   missing; after->y.V is then that V. */

HH_INLINE int OF(euler_step)(int gates, int pools, const SHAPE *s, const OF(neuron_model) *m,
                             const OF(neuron) *now, const OF(drive) *in, OF(neuron) *after)
{
    const REAL V = now->y.V;
    OF(found_rates) at;
    const REAL *E = OF(reversals_at)(pools, s, &m->scaled, &at);
    REAL open[MEMBRANE_CHANNELS];
    int v;
    if (!OF(neuron_find_rates)(gates, pools, s, m, &now->y, &at)) {
        after->y.V = V;
        return 0;
    }
    OF(membrane_open)(gates, s, &now->y, open);
    if (OF(neuron_has_currents)(s, m)) {
        OF(neuron_note_currents)(s, m, E, V, open, after);
    }
    after->y.V = OF(membrane_V_step)(pools, s, &m->scaled, E, V, V, open, in);
    OF(membrane_feed)(gates, pools, s, &m->scaled, V, open, &at);
    for (v = 0; v < gates; ++v) {
        GATES_OF(&after->y, v) =
            OF(gates_step)(GATES_OF(&now->y, v), at.r[v].alpha, at.r[v].alpha_plus_beta);
    }
    return 1;
}
