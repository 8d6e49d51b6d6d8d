"""Voltage clamp of one neuron: gates by their closed form, the currents with them."""

import re

import neuron_papers as papers
import numpy as np
import pytest
import reference
from custom_models import InPython, WithTemperature
from error_messages import raises
from fuzz_models import Jumpy, NotANumber
from model_states import full_state_of, model_in, state_of
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh
from pyhh_fast import neurons, stimuli
from pyhh_fast.engine.fixed_stepper import FixedStepper
from pyhh_fast.engine.read_ahead import ReadAhead

GATES = ("StateM", "StateH", "StateN")
COMMANDS = [-30.0, 6.3, 26.0, 63.0, 109.0]  # mV of depolarisation, as in Hodgkin & Huxley (1952)


def rates(V):
    """Return alpha and beta of m, h and n."""
    r = reference.rates(V)
    return np.array([[r.alpha_m, r.alpha_h, r.alpha_n], [r.beta_m, r.beta_h, r.beta_n]])


def relaxed(x, V, t):
    """Return m, h and n after each time t (ms) at V (mV)."""
    alpha, beta = rates(V)
    inf = alpha / (alpha + beta)
    return inf - (inf - x) * np.exp(-np.multiply.outer(t, alpha + beta))


def currents(V, gates):
    m, h, n = gates.T
    return 120 * m**3 * h * (V - 115), 36 * n**4 * (V + 12), 0.3 * (V - 10.6) + 0 * m


def squid():
    return pyhh.Simulation(pyhh.HHModel())


@pytest.mark.parametrize("dt", [0.01, 0.5])
@pytest.mark.parametrize("V", COMMANDS)
def test_constant_V_gives_the_closed_form(V, dt):
    r = squid().clamp(V, dt, duration=10.0, holding=0.0)
    gates = relaxed(np.array(reference.steady(0.0)[1:]), V, r.times)
    for name, expected in zip(GATES, gates.T, strict=True):
        np.testing.assert_allclose(r[name], expected, rtol=1e-10)
    ionic = currents(V, gates)
    for name, expected in zip(("INa", "IK", "IKleak"), ionic, strict=True):
        np.testing.assert_allclose(r[name], expected, rtol=1e-10)
    np.testing.assert_allclose(r.I_total[1:], sum(ionic)[1:], rtol=1e-10, atol=1e-9)
    assert (r.Vm == V).all()
    assert r.spike_times.size == 0
    assert (r.method, r.threshold) == ("clamp", 50)


PAPERS = {
    "hodgkin_huxley": papers.hodgkin_huxley(),
    "wang_buzsaki": papers.wang_buzsaki(),  # m is instantaneous
    "pospischil_ib": papers.pospischil(0.01, -85, g_M=0.03, g_L=0.17),  # channels are shifted
    "connor_stevens": papers.connor_stevens(),
    "morris_lecar": papers.morris_lecar(*papers.MORRIS_LECAR_II),
}


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize("V", [-91.3, -22.2, 31.7])
def test_neurons_follow_the_equations_of_their_papers(name, V):
    neuron, (gates, current, Cm) = getattr(neurons, name)(), (*PAPERS[name], 1)[:3]
    r = pyhh.Simulation(neuron).clamp(V, 0.05, duration=20.0, holding=-63.0)
    x = [
        inf - (inf - held) * np.exp(-r.times / tau)
        for (held, _), (inf, tau) in zip(gates(-63.0), gates(V), strict=True)
    ]
    moving = [path for path, gate in neuron.gates.items() if not gate.instantaneous]
    for path, expected in zip(moving, x, strict=False):
        np.testing.assert_allclose(r[path], expected, rtol=1e-10)
    ionic = np.broadcast_to(current(V, *x), r.times.shape)
    np.testing.assert_allclose(sum(r[name] for name in neuron.channels), ionic, rtol=1e-10)
    np.testing.assert_allclose(r.I_total[1:], ionic[1:], rtol=1e-10)
    np.testing.assert_allclose(r.I_total[0], ionic[0] + Cm * (V + 63) / 0.05, rtol=1e-10)


def test_instantaneous_gates_are_where_the_present_V_puts_them():
    V = np.linspace(-80, 60, 50)
    r = pyhh.Simulation(neurons.morris_lecar()).clamp(V, 0.1)
    np.testing.assert_allclose(r["Ca.m"], (1 + np.tanh((V + 1.2) / 18)) / 2, rtol=1e-11)


def solved(V, duration, times):
    """Return m, h and n of the squid axon at V(t), from those steady at V(0), by SciPy."""

    def slope(t, x):
        alpha, beta = rates(V(t))
        return alpha * (1 - x) - beta * x

    start = reference.steady(V(0.0))[1:]
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14, "max_step": 0.1}
    return solve_ivp(slope, (0, duration), start, t_eval=times, **options).y


def test_protocol_of_two_steps():
    command = stimuli.step(56, 1, 4) + stimuli.step(-12, 4, 8)
    r = squid().clamp(command, 0.02, duration=10.0)
    x, t = np.array(reference.steady(0.0)[1:]), 0.0
    for V, stop in ((0.0, 1.0), (56.0, 4.0), (-12.0, 8.0), (0.0, 10.0)):
        during = solve_ivp(
            lambda t, x, V=V: rates(V)[0] * (1 - x) - rates(V)[1] * x,
            *((t, stop), x),
            t_eval=np.minimum(r.times[(r.times > t + 1e-9) & (r.times < stop + 1e-9)], stop),
            method="DOP853",
            rtol=1e-12,
            atol=1e-14,
        )
        rows = slice(round(t / 0.02), round(stop / 0.02))
        for name, expected in zip(GATES, during.y, strict=True):
            np.testing.assert_allclose(r[name][rows], expected, rtol=1e-9)
        x, t = during.y[:, -1], stop


def test_ramp_is_of_second_order():
    def command(t):
        return -20 + 12 * t

    errors = []
    for dt in (0.1, 0.05, 0.025):
        r = squid().clamp(command, dt, duration=10.0, holding=-20.0)
        # V is that of the middle of a step; the gates are those at its end.
        exact = solved(command, 10.0, r.times)
        np.testing.assert_allclose(r.Vm, command(r.times - dt / 2), rtol=1e-12, atol=1e-12)
        errors.append(max(abs(r[name] - x).max() for name, x in zip(GATES, exact, strict=True)))
    assert errors[0] < 1e-3
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.02)


def test_a_step_of_V_costs_the_charge_of_the_capacitance():
    neuron = pyhh.Neuron(Cm=1.5, leak=pyhh.Channel(0.1, E=-65))
    r = pyhh.Simulation(neuron).clamp([-65, -20, -20, -65], 0.1, holding=-70)
    leak = 0.1 * (np.array([-65, -20, -20, -65]) + 65)
    charging = 1.5 * np.array([5, 45, 0, -45]) / 0.1
    np.testing.assert_allclose(r["leak"], leak, rtol=1e-15)
    np.testing.assert_allclose(r.I_total, leak + charging, rtol=1e-14)
    assert r.I_total is r["I_total"]


def test_conductances_of_hodgkin_and_huxley_rise_with_depolarisation():
    """Their g_K and g_Na families, Figures 3 and 6: g_K stays, g_Na passes; both grow with V."""
    t = np.linspace(0, 12, 1_201)[1:]
    for V in COMMANDS[1:]:
        r = squid().clamp(V, 0.01, duration=12.0, holding=0.0)
        m, h, n = relaxed(np.array(reference.steady(0.0)[1:]), V, t).T
        np.testing.assert_allclose(r.IK / (V + 12), 36 * n**4, rtol=1e-10)
        np.testing.assert_allclose(r.INa / (V - 115), 120 * m**3 * h, rtol=1e-10)


def test_array_stimulus_and_function_are_the_same_command():
    array = np.repeat([0.0, 40.0, -5.0], 100)
    by_array = squid().clamp(array, 0.05)
    stimulus = stimuli.step(40, 5, 10) + stimuli.step(-5, 10, 15)
    by_stimulus = squid().clamp(stimulus, 0.05)
    by_function = squid().clamp(
        lambda t: 40 * ((t > 5) & (t < 10)) - 5 * (t > 10), 0.05, duration=15.0
    )
    constant = squid().clamp(40, 0.05, duration=15.0, holding=0)
    for name in by_array.recorded:
        np.testing.assert_array_equal(by_stimulus[name], by_array[name])
        np.testing.assert_array_equal(by_function[name], by_array[name])
    np.testing.assert_array_equal(by_array.stimulus, array)
    assert by_stimulus.stimulus == stimulus
    np.testing.assert_array_equal(constant.IK[:100], by_array.IK[100:200])


def test_default_holding_is_the_first_command():
    first = squid().clamp(stimuli.ramp(-20, 30, 0, 5), 0.01)
    np.testing.assert_allclose(first.I_total[0], first.INa[0] + first.IK[0] + first.IKleak[0])
    V = stimuli.ramp(-20, 30, 0, 5).to_array(1, 0.01)[0]
    np.testing.assert_allclose(first.StateM[0], reference.steady(V).m, rtol=1e-12)


def test_a_run_continues_from_the_end():
    clamped = squid()
    clamped.clamp(stimuli.step(30, 1, 3), 0.01, duration=3.0, holding=-10.0)
    r = clamped.recording
    state = (r.Vm[-1], r.StateM[-1], r.StateH[-1], r.StateN[-1])
    assert state_of(clamped.model) == list(state)
    assert clamped.model.INa == r.INa[-1]
    assert clamped.model.m.alpha == pytest.approx(reference.rates(30).alpha_m, rel=1e-12)
    alone = pyhh.Simulation(model_in(state))
    for simulation in (clamped, alone):
        simulation.run(5.0, 0.01, duration=20.0)
    np.testing.assert_array_equal(clamped.Vm, alone.Vm)
    assert full_state_of(clamped.model) == full_state_of(alone.model)
    neuron = pyhh.Simulation(neurons.pospischil_ib())
    r = neuron.clamp([-70, -20, -30], 0.5)
    assert neuron.Vm == -30
    assert dict(neuron.gates) == {path: r[path][-1] for path in neuron.gates}


@pytest.mark.parametrize("make", [squid, lambda: pyhh.Simulation(neurons.pospischil_ib())])
def test_rows_do_not_depend_on_pieces_or_on_what_is_recorded(make, monkeypatch):
    command = stimuli.ornstein_uhlenbeck(0, 20, 5, seed=1)
    whole = make().clamp(command, 0.01, duration=30.0)
    some = make().clamp(command, 0.01, duration=30.0, every=7, record=["I_total", "Vm"])
    assert some.recorded == ("Vm", "I_total")
    np.testing.assert_array_equal(some.Vm, whole.Vm[::7])
    np.testing.assert_array_equal(some.I_total, whole.I_total[::7])
    np.testing.assert_array_equal(some.times, whole.times[::7])
    monkeypatch.setattr(FixedStepper, "CHUNK", 61)
    monkeypatch.setattr(ReadAhead, "BLOCK", 101)
    pieces = make().clamp(command, 0.01, duration=30.0)
    for name in whole.recorded:
        np.testing.assert_array_equal(pieces[name], whole[name])


def test_ctrl_c_keeps_the_completed_steps(monkeypatch):
    original, calls = FixedStepper.advance, []

    def advance(self):
        calls.append(original(self))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return calls[-1]

    monkeypatch.setattr(FixedStepper, "advance", advance)
    monkeypatch.setattr(FixedStepper, "CHUNK", 200)
    simulation = squid()
    with pytest.raises(KeyboardInterrupt):
        simulation.clamp(stimuli.ramp(0, 50, 0, 10), 0.01)
    monkeypatch.undo()
    shorter = squid()
    shorter.clamp(stimuli.ramp(0, 50, 0, 10), 0.01, duration=6.0)
    assert len(simulation.recording) == 600
    for name in shorter.recording.recorded:
        np.testing.assert_array_equal(simulation.recording[name], shorter.recording[name])
    assert full_state_of(simulation.model) == full_state_of(shorter.model)


@pytest.mark.parametrize("V", [-40.0, 250.0, 700.0, -999.0])
def test_custom_rates_and_wide_commands(V):
    model = WithTemperature()
    model.temperature = 16.3
    r = pyhh.Simulation(model).clamp(V, 0.01, duration=2.0, holding=0.0)
    alpha, beta = 3 * rates(V)
    inf, held = alpha / (alpha + beta), np.array(reference.steady(0.0)[1:])
    gates = inf - (inf - held) * np.exp(-np.multiply.outer(r.times, alpha + beta))
    for name, expected in zip(GATES, gates.T, strict=True):
        np.testing.assert_allclose(r[name], expected, rtol=1e-9, atol=1e-15)


def test_rates_that_no_table_holds_are_evaluated():
    V = np.repeat([10.0, 20.01, 20.02, 30.0], 20)
    r = pyhh.Simulation(Jumpy()).clamp(V, 0.1, holding=0.0)
    x = np.array(reference.steady(-1.0)[1:])
    for i, one in enumerate(V):
        x = relaxed(x, one if one > 20.0123 else one - 1, 0.1)
        np.testing.assert_allclose([r[name][i] for name in GATES], x, rtol=1e-10)


class WithMemory(pyhh.HHModel):
    """Rates that depend on more than V."""

    calls = 0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.calls += 1
        self.m.alpha *= self.calls


class Still(pyhh.HHModel):
    """A gate that does not move."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.alpha = self.h.beta = 0.0


class ChangesAt160(pyhh.HHModel):
    """Rates that depend on more than V above 160 mV, beyond where tables begin."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        if np.max(Vm) > 160:
            self.calls = getattr(self, "calls", 0) + 1


def test_models_that_cannot_be_clamped_are_refused():
    with raises(
        ValueError,
        "model must make its steps as HHModel does; got InPython.iterate is overridden.",
    ):
        pyhh.Simulation(InPython()).clamp(1, 0.01, duration=1)
    rule = "^model must have finite rates that depend on V alone for a voltage clamp; got: "
    for model in (WithMemory(), NotANumber()):
        with pytest.raises(ValueError, match=f"{rule}{type(model).__name__}._UpdateGateTimeConst"):
            pyhh.Simulation(model).clamp(1, 0.01, duration=1)
    with raises(
        ValueError,
        "holding must be a potential at which all gates have a steady state (mV); got 40, where "
        "one has none. Rates there must be finite, and their sum above 0.",
    ):
        pyhh.Simulation(Still()).clamp(40, 0.01, duration=1)


def test_rates_that_turn_out_to_depend_on_more_are_an_error():
    simulation = pyhh.Simulation(ChangesAt160())
    start = "the run cannot continue at step 2 (t = 0.02 ms), V = 170 mV: of _UpdateGateTimeCon"
    with pytest.raises(pyhh.SimulationError, match=f"^{re.escape(start)}") as caught:
        simulation.clamp([10, 20, 170, 10], 0.01)
    assert (caught.value.step, caught.value.V) == (2, 170)
    assert simulation.model.Vm == 20
    assert simulation.recording.IK.size == 2


def test_gates_that_are_not_finite_are_an_error():
    simulation = squid()
    with raises(
        pyhh.SimulationError,
        "the run cannot continue at step 1 (t = 1e+300 ms), V = -900 mV: a gate is not finite. "
        "Check its rates, and dt.",
    ):
        simulation.clamp([10, -900, 10], 1e300)
    assert simulation.model.Vm == 10
    assert np.isfinite(simulation.recording.IK).tolist() == [True, False, False]


WIDE = "V must be above -300 and below 300 (mV); got"
END = "A neuron's tables end there."


@pytest.mark.parametrize(
    ("kind", "message", "V", "options"),
    [
        (ValueError, f"{WIDE} 400.0. {END}", 400, {"duration": 1}),
        (ValueError, f"{WIDE} -300.0 at index 2. {END}", [0, 1, -300], {}),
        (ValueError, f"{WIDE} 305.0 at index 30. {END}", lambda t: 1000 * t, {"duration": 1}),
        (
            ValueError,
            f"holding must be above -300 and below 300 (mV); got 301.0. {END}",
            *([1], {"holding": 301}),
        ),
        (TypeError, "holding must be a finite number (mV); got 'a' (str).", [1], {"holding": "a"}),
        (
            ValueError,
            "V must be a 1-D array of finite numbers (mV); got nan at index 1. Replace or remove "
            "it.",
            *([1, np.nan], {}),
        ),
        (ValueError, "V must be a finite number (mV); got inf.", np.inf, {"duration": 1}),
        (
            ValueError,
            "V must be a function of t (ms) that returns a finite number (mV); got nan at t = "
            "0.005 ms.",
            *(lambda t: np.nan, {"duration": 1}),
        ),
        (
            ValueError,
            "duration must be given with a constant V (ms); got None. Pass duration=..., or an "
            "array with one value a step.",
            *(3, {}),
        ),
        (
            ValueError,
            "duration must be left out where V is an array; got 1. The array's length gives the "
            "number of steps.",
            *([3], {"duration": 1}),
        ),
    ],
)
def test_errors_speak_of_V(kind, message, V, options):
    simulation = pyhh.Simulation(neurons.wang_buzsaki())
    with raises(kind, message):
        simulation.clamp(V, 0.01, **options)
    assert simulation.recording is None or len(simulation.recording) == 0


def test_command_that_is_computed_is_checked_when_it_is_needed():
    simulation = pyhh.Simulation(neurons.wang_buzsaki())
    message = "V must be above -300 and below 300 (mV); got 300.0005 at index 300000. A neuron's"
    with raises(ValueError, f"{message} tables end there."):
        simulation.clamp(lambda t: t / 1000, 1.0, duration=400_000, record=["Na"])
    assert 0 < simulation.recording.steps < 300_000
    assert simulation.Vm == (simulation.recording.steps - 0.5) / 1000


def test_command_of_a_model_may_be_far_out_but_not_farther():
    with raises(
        ValueError, "V must be above -1000 and below 1000 (mV); got 1000.0. Check its unit."
    ):
        squid().clamp(1000, 0.01, duration=1)


def test_what_does_not_apply():
    simulation = squid()
    r = simulation.clamp([1, 2], 0.01, record=["Vm"])
    with raises(
        RuntimeError,
        "The error cannot be estimated: it is a voltage clamp, which is exact for the potentials "
        "of its steps.",
    ):
        r.estimate_error()
    with raises(AttributeError, "I_total was not recorded. Name it in clamp(..., record=...)."):
        _ = r.I_total
    with pytest.raises(KeyError, match=r"INa was not recorded\. Name it in clamp"):
        r["INa"]
    with pytest.raises(AttributeError, match="no attribute 'I_total'"):
        _ = simulation.run(1, 0.01, duration=1).I_total


def test_no_steps():
    simulation = squid()
    before = full_state_of(simulation.model)
    assert len(simulation.clamp([], 0.01)) == 0
    assert full_state_of(simulation.model) == before
