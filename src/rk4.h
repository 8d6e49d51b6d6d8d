/* One step of the classic Runge-Kutta method: fourth order, four slopes.

   For one neuron or for eight cells, as equations.h. The rates are times dt, so each k is dt times
   a slope. Return 0 where they are missing for one of the four; after->y.V is then the V where they
   are. */

HH_INLINE int OF(rk4_step)(int gates, int pools, const SHAPE *s, const OF(neuron_model) *m,
                           const OF(neuron) *now, const OF(drive) *in, OF(neuron) *after)
{
    OF(membrane_state) start, y, sum;
    int i;
    OF(state_copy)(gates, &now->y, &start);
    OF(state_complete)(&start);
    OF(state_copy)(gates, &start, &sum);
    OF(state_copy)(gates, &start, &y);
    OF(state_complete)(&y);
    if (OF(neuron_has_currents)(s, m)) {
        OF(neuron_note_currents_at)(gates, pools, s, m, &now->y, after);
    }
    for (i = 0; i < 4; ++i) {
        OF(found_rates) at;
        OF(membrane_state) k;
        if (!OF(neuron_settle)(gates, pools, s, m, &y, &at)) {
            after->y.V = y.V;
            return 0;
        }
        OF(membrane_slope)(gates, pools, s, &m->scaled, &at, &y, in, &k);
        OF(membrane_state_plus)(gates, &sum, rk4_weight[i], &k, &sum);
        OF(membrane_state_plus)(gates, &start, rk4_stage[i], &k, &y);
    }
    OF(state_copy)(gates, &sum, &after->y);
    return 1;
}
