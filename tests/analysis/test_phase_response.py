"""phase_response against the adjoint equation and SciPy's runs with pulses.

Units: mV, ms, µA/cm². The equations are those of the papers, in neuron_papers.
"""

import re

import numpy as np
import pytest
from declared_neurons import golomb
from error_messages import raises
from neuron_papers import hodgkin_huxley as hodgkin_huxley_paper
from neuron_papers import wang_buzsaki as wang_buzsaki_paper
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh
from pyhh_fast.neurons import wang_buzsaki

SQUID, WANG_BUZSAKI = pyhh.HHModel.at_rest(), wang_buzsaki()
CASES = {  # neuron, equations, threshold of those (mV), current
    "squid": (SQUID, hodgkin_huxley_paper(-54.4), -15.0, 10.0),
    "wang_buzsaki": (WANG_BUZSAKI, wang_buzsaki_paper(), 0.0, 1.0),
}
TIGHT = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-11}


class Paper:
    """A neuron of Cm 1 that fires periodically under a constant current, by SciPy."""

    def __init__(self, paper, threshold, current):
        (self.gates, self.membrane), self.threshold, self.current = paper, threshold, current
        y = [-60.0, *(inf for inf, _ in self.gates(-60.0))]
        spikes, solution = self.run(y, 300.0)
        self.spike = solution.y_events[0][-1]
        self.period = self.run(self.spike, 1.5 * (spikes[-1] - spikes[-2]))[0][0]

    def slope(self, y, current):
        V, *x = y.tolist()
        changes = [(inf - x) / tau for x, (inf, tau) in zip(x, self.gates(V), strict=True)]
        return np.array([current - self.membrane(V, *x), *changes])

    def run(self, y, duration, pulse=0.0, dense=False):
        """Return times of spikes, but for one at the start, and the solution."""

        def crossing(t, y):
            return y[0] - self.threshold

        crossing.direction = 1

        def slope(t, y):
            return self.slope(y, self.current + pulse)

        solution = solve_ivp(slope, (0, duration), y, events=crossing, dense_output=dense, **TIGHT)
        spikes = solution.t_events[0]
        return spikes[spikes > 1e-3], solution

    def infinitesimal(self):
        """Return the curve as a function of the time after a spike: periods per mV.

        It is the periodic solution of the adjoint equation, in which that in reverse time ends.
        """
        orbit = self.run(self.spike, self.period, dense=True)[1].sol

        def adjoint(s, Z):
            y, step = orbit(-s % self.period), 1e-5
            sides = [
                self.slope(y + side, self.current) - self.slope(y - side, self.current)
                for side in step * np.eye(y.size)
            ]
            return np.array(sides) / (2 * step) @ Z

        Z = np.eye(self.spike.size)[0]
        for _ in range(8):
            backward = solve_ivp(
                adjoint, (0, self.period), Z, dense_output=True, rtol=1e-8, atol=1e-10
            )
            Z = backward.y[:, -1]
            scale = self.slope(self.spike, self.current) @ Z * self.period
            Z = Z / scale
        return lambda t: backward.sol(-t % self.period)[0] / scale


@pytest.mark.parametrize("name", CASES)
def test_small_pulses_give_the_solution_of_the_adjoint_equation(name):
    neuron, equations, threshold, current = CASES[name]
    paper = Paper(equations, threshold, current)
    phases, width = np.linspace(0.02, 0.98, 13), 0.1
    infinitesimal = paper.infinitesimal()
    points, weights = np.polynomial.legendre.leggauss(5)  # the mean over the pulse
    times = phases * paper.period + width * (1 + points[:, np.newaxis]) / 2
    expected = weights @ infinitesimal(times.ravel()).reshape(times.shape) / 2
    pulses = {sign: {"pulse": sign * 1.0, "width": width} for sign in (1, -1)}
    above, below = (
        pyhh.phase_response(neuron, current, phases, **options) for options in pulses.values()
    )
    assert above.period == pytest.approx(paper.period, rel=1e-4)
    assert above.depolarisation == -below.depolarisation == pytest.approx(0.1)
    # What is of second order in the pulse is the same for both signs; shifts are right to 1e-6.
    np.testing.assert_allclose((above.shifts - below.shifts) / 0.2, expected, atol=1.5e-5)
    second_order = np.abs(above.shifts + below.shifts) / 2
    assert (np.abs(above.shifts - 0.1 * expected) < 1.5e-6 + 1.1 * second_order).all()
    default = pyhh.phase_response(neuron, current, phases)
    np.testing.assert_array_equal(default.shifts, above.shifts)


@pytest.mark.parametrize("pulse", [-7.0, 60.0])
@pytest.mark.parametrize("periods", [0, 10])
@pytest.mark.parametrize("name", CASES)
def test_strong_pulses_shift_spikes_as_in_a_run_of_the_papers_equations(name, periods, pulse):
    neuron, equations, threshold, current = CASES[name]
    paper = Paper(equations, threshold, current)
    phases, options = [0.3, 0.6], {"pulse": pulse, "width": 0.737}
    found = pyhh.phase_response(neuron, current, phases, periods=periods, **options)
    for phase, shift in zip(phases, found.shifts, strict=True):
        start = phase * paper.period
        y = paper.run(paper.spike, start)[1].y[:, -1]
        y = paper.run(y, options["width"], options["pulse"])[1].y[:, -1]
        spikes = start + options["width"] + paper.run(y, (periods + 2) * paper.period)[0]
        expected = periods + 1 - spikes[periods] / paper.period
        assert abs(expected) > 0.005
        expected -= np.round(expected)  # strong pulses cause a spike at once
        assert shift == pytest.approx(expected, abs=2e-5 if name == "squid" else 2e-6)


def test_first_order_shifts_differ_from_asymptotic_ones():
    first, last = (
        pyhh.phase_response(SQUID, 7.0, 0.6, pulse=-20, width=0.5, periods=periods)
        for periods in (0, 10)
    )
    assert abs(first.shifts - last.shifts) > 0.002


def test_the_squid_axon_is_of_type_II_and_wang_buzsaki_of_type_I():
    # Hansel, Mato and Meunier (1995); near the saddle-node it is 1 - cos (Ermentrout 1996).
    phases = np.linspace(0, 1, 21)
    squid = pyhh.phase_response(SQUID, 10.0, phases).shifts
    assert squid.min() < -0.3 * squid.max()
    slow = pyhh.phase_response(WANG_BUZSAKI, 0.162, phases).shifts
    assert slow.min() > -0.001 * slow.max()
    np.testing.assert_allclose(slow / slow.max(), (1 - np.cos(2 * np.pi * phases)) / 2, atol=0.05)


def test_a_pulse_of_the_right_phase_and_size_ends_firing():
    # Guttman, Lewis and Rinzel (1980): between 6.3 and 9.7 µA/cm² rest is stable as well.
    message = (
        "after 1 of 2 pulses the model did not fire twice in 3 periods, and the shift is NaN: a "
        "pulse may end the firing where rest is stable, too. Pass a smaller pulse, or more periods."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        found = pyhh.phase_response(SQUID, 8.0, [0.3, 0.55], pulse=10, width=0.5)
    np.testing.assert_array_equal(np.isnan(found.shifts), [False, True])
    stimulus = np.full(30_000, 8.0)
    spikes = pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, 0.01).spike_times
    begin = round((spikes[5] + 0.55 * found.period) / 0.01)
    stimulus[begin : begin + 50] += 10
    after = pyhh.Simulation(pyhh.HHModel.at_rest()).run(stimulus, 0.01).spike_times
    assert after[-1] < 0.01 * begin + found.period


def test_shifts_of_pulses_that_make_the_neuron_diverge_are_nan():
    message = (
        "2 of 2 pulses made the neuron diverge, and the shift is NaN. Use weaker currents, or "
        "check the parameters: a neuron's tables end at 300 mV."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        found = pyhh.phase_response(WANG_BUZSAKI, 1.0, [0.3, 0.6], pulse=1e5)
    np.testing.assert_array_equal(np.isnan(found.shifts), [True, True])


def test_a_pacemaker_needs_no_current():
    pacemaker = WANG_BUZSAKI.replace({"leak.E": -55})
    with pytest.warns(UserWarning, match="^the neuron has no stable resting potential"):
        found = pyhh.phase_response(pacemaker, 0.0, [0.2, 0.5], method="rk4")
    same = pyhh.phase_response(WANG_BUZSAKI, 1.0, [0.2, 0.5])  # 0.1 times 10 mV
    np.testing.assert_allclose(found.shifts, same.shifts, atol=2e-6)


@pytest.mark.parametrize("method", ["rk4", "adaptive"])
def test_shifts_by_other_methods(method):
    phases = np.array([[0.0, 0.4], [0.7, 1.0]])
    found = pyhh.phase_response(SQUID, 10.0, phases, method=method)
    expected = pyhh.phase_response(SQUID, 10.0, phases)
    np.testing.assert_allclose(found.shifts, expected.shifts, atol=1e-6)
    assert found.shifts.shape == found.phases.shape == (2, 2)
    assert found.shifts[0, 0] == found.shifts[1, 1]
    one = pyhh.phase_response(SQUID, 10.0, 0.4, method=method, threads=1)
    assert one.shifts == pytest.approx(found.shifts[0, 1], abs=1e-9)


def test_the_model_and_its_state_do_not_matter():
    model = pyhh.HHModel(20.0)
    found = pyhh.phase_response(model, 10.0, 0.5)
    assert found.shifts == pyhh.phase_response(SQUID, 10.0, 0.5).shifts
    assert model.Vm == 20.0
    assert pyhh.phase_response(model, 10.0, 0.5, start="model").shifts == pytest.approx(
        float(found.shifts), abs=1e-7
    )


def test_an_error_of_the_step_is_told():
    message = "^the period has an error of -0.67 % at dt 0.01 ms, and others may as well. "
    with pytest.warns(UserWarning, match=message):
        pyhh.phase_response(WANG_BUZSAKI, 1.0, 0.5, method="exponential_euler")


def test_shifts_that_still_change_are_told():
    slow = WANG_BUZSAKI.with_channels(
        M=pyhh.Channel(
            0.3,
            E=-90,
            p=pyhh.Gate(inf=lambda V: 1 / (1 + np.exp(-(V + 35) / 10)), tau=lambda V: 300.0),
        )
    )
    message = (
        r"^after 1 periods shifts still change by up to \S+ of the period from one spike to the "
        r"next; the largest shift is \S+. Pass more periods.$"
    )
    with pytest.warns(UserWarning, match=message):
        pyhh.phase_response(slow, 2.0, 0.5, periods=1)


RULE = "current must be one under which the {} fires periodically (µA/cm²); got {}, under which "


@pytest.mark.parametrize(
    ("neuron", "current", "reason"),
    [
        (SQUID, 5.0, "it comes to rest."),
        (SQUID, 100.0, "V does not cross 50 mV 4 times in 2000 ms."),
        (
            golomb(),
            4.5,
            "the intervals between its spikes are from 18.408 to 207.77 ms after 63000 ms.",
        ),
        (
            pyhh.neurons.hodgkin_huxley(),
            1e5,
            "it diverged. Use weaker currents, or check the parameters: a neuron's tables end at "
            "300 mV.",
        ),
    ],
)
def test_currents_that_cause_no_periodic_firing_are_refused(neuron, current, reason):
    kind = "model" if neuron is SQUID else "neuron"
    with raises(ValueError, RULE.format(kind, f"{current:g}") + reason):
        pyhh.phase_response(neuron, current, 0.5)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"phases": [0.1, 5]},
            ValueError,
            "phases must be from 0 to 1; got 5. A phase is a fraction of the period.",
        ),
        (
            {"phases": "a"},
            TypeError,
            "phases must be a finite number or an array of them; got 'a' (str).",
        ),
        (
            {"width": 20},
            ValueError,
            "width must be less than the period of 14.6391 (ms); got 20.",
        ),
        (
            {"width": 1e-301},
            ValueError,
            "width must be a finite number, 1e-300 or more (ms); got 1e-301.",
        ),
        ({"width": 0}, ValueError, "width must be a positive, finite number (ms); got 0."),
        ({"periods": -1}, ValueError, "periods must be a whole number, 0 or more; got -1."),
        ({"pulse": np.inf}, ValueError, "pulse must be a finite number (µA/cm²); got inf."),
        (
            {"current": None},
            TypeError,
            "current must be a finite number (µA/cm²); got None (NoneType).",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, kind, message):
    arguments = {"current": 10.0, "phases": 0.5, **arguments}
    with raises(kind, message):
        pyhh.phase_response(SQUID, **arguments)


@pytest.mark.parametrize("neuron", [SQUID, WANG_BUZSAKI])
def test_no_phases_give_no_shifts(neuron):
    assert pyhh.phase_response(neuron, 10.0, []).shifts.shape == (0,)


def test_the_distance_of_samples_changes_nothing():
    found, expected = (
        pyhh.phase_response(WANG_BUZSAKI, 1.0, [0.2, 0.5], dt=dt).shifts for dt in (1.0, None)
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)
