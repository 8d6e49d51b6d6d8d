"""Recommendations in messages about divergence lead to right results when followed.

The reference is SciPy's DOP853, with all rates nine times and Cm 0.2 times the built-in ones:
a cell nine times as fast, but for the membrane, which is five times as fast.
"""

import re

import numpy as np
import pytest
import reference
from custom_models import InPython, NineTimes
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh

LARGE_STEP = pytest.mark.filterwarnings("ignore:.*are recommended:UserWarning")


def spikes_of_fast(current, duration):
    """Return the number of spikes by an independent solver."""
    p = reference.Parameters()

    def slope(t, y):
        V, m, h, n = y
        r = reference.rates(V)
        I = sum(reference.currents(p, reference.State(*y)))  # noqa: E741
        gates = [9 * (a * (1 - x) - b * x) for x, a, b in ((m, *r[:2]), (h, *r[2:4]), (n, *r[4:]))]
        return [(current - I) / 0.2, *gates]

    def crossing(t, y):
        return y[0] - 50

    crossing.direction = 1
    start = reference.steady(pyhh.HHModel.at_rest().Vm)
    options = {"method": "DOP853", "rtol": 1e-8, "atol": 1e-8, "events": crossing}
    return solve_ivp(slope, (0, duration), start, **options).t_events[0].size


ADVICE = (
    r"Use (method='adaptive', whose steps follow the fastest rate, or )?a dt of (\S+) ms or less\.$"
)


def recommended_dt(kind, stimulus, dt, **options):
    """Return the dt that a diverging run recommends, after the adaptive method if it applies."""
    with pytest.raises(pyhh.SimulationError) as caught:
        pyhh.Simulation(kind.at_rest(unstable="steady")).run(stimulus, dt, **options)
    found = re.search(ADVICE, str(caught.value))
    assert found, str(caught.value)
    assert (found[1] is None) == (kind is InPython)
    return float(found[2])


@LARGE_STEP
def test_recommendation_of_a_divergence_gives_the_right_spikes():
    wave = np.full(1_000, 40.0)
    dt = recommended_dt(NineTimes, wave, 0.1)
    right = spikes_of_fast(40.0, 100.0)
    assert right == 91
    run = pyhh.Simulation(NineTimes.at_rest()).run(wave, 0.1, method="adaptive")
    assert run.spike_times.size == right
    parts = int(np.ceil(0.1 / dt))
    run = pyhh.Simulation(NineTimes.at_rest()).run(np.repeat(wave, parts), 0.1 / parts)
    assert abs(run.spike_times.size - right) <= 1
    # Stable is not accurate.
    run = pyhh.Simulation(NineTimes.at_rest()).run(wave, 0.1, method="exponential_euler")
    assert run.spike_times.size == 76


@LARGE_STEP
@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize("dt", [0.2, 0.5, 1.0])
@pytest.mark.parametrize(("current", "right"), [(10.0, 7), (60.0, 13), (150.0, 1)])
def test_divergence_recommends_the_same_step_as_the_warning(current, right, dt, method):
    assert recommended_dt(pyhh.HHModel, current, dt, duration=100, method=method) == 0.05
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(current, 0.05, duration=100, method=method)
    accurate = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        current, 0.05, duration=100, method="adaptive"
    )
    assert accurate.spike_times.size == right
    assert abs(run.spike_times.size - right) <= 1


@LARGE_STEP
@pytest.mark.parametrize("parameters", [{"gNa": 300}, {"Cm": 0.1}, {"gK": 150}, {"ENa": 200}])
@pytest.mark.parametrize("current", [10.0, 40.0])
def test_recommended_step_is_right_for_other_parameters(parameters, current):
    kind = type("Other", (pyhh.HHModel,), parameters)
    dt = 0.1 / np.ceil(0.1 / recommended_dt(kind, current, 0.5, duration=100))
    runs = [
        pyhh.Simulation(kind.at_rest(unstable="steady")).run(current, step, duration=100, method=m)
        for step, m in ((dt, "euler"), (0.1, "adaptive"))
    ]
    assert abs(runs[0].spike_times.size - runs[1].spike_times.size) <= 1


@LARGE_STEP
def test_recommended_step_is_right_for_models_with_custom_iterate():
    dt = recommended_dt(InPython, 10.0, 0.5, duration=30)
    assert dt == 0.05
    right = pyhh.Simulation(pyhh.HHModel.at_rest()).run(10.0, dt, duration=30, method="adaptive")
    run = pyhh.Simulation(InPython.at_rest()).run(10.0, dt, duration=30)
    assert run.spike_times.size == right.spike_times.size == 2


@LARGE_STEP
@pytest.mark.parametrize(("current", "dt"), [(-50.0, 0.01), (-50.0, 0.5), (1e3, 0.1), (2e4, 0.1)])
def test_no_step_is_recommended_where_none_is_known_to_be_right(current, dt):
    for kind in (pyhh.HHModel, InPython):
        with pytest.raises(pyhh.SimulationError) as caught:
            pyhh.Simulation(kind.at_rest()).run(current, dt, duration=20)
        message = str(caught.value)
        assert "a dt" not in message
        assert ("Use a weaker stimulus." in message) == (kind is InPython)


@LARGE_STEP
@pytest.mark.parametrize("runner", ["population", "sweep"])
def test_recommended_step_for_diverging_cells_is_right(runner):
    if runner == "population":
        cells = pyhh.Population.from_model(NineTimes.at_rest(), 2)
        with pytest.warns(UserWarning, match="2 of 2 cells diverged") as caught:
            cells.run(40.0, 0.1, duration=100)
    else:
        pytest.importorskip("xarray")
        with pytest.warns(UserWarning, match="1 of 1 cells diverged") as caught:
            pyhh.sweep(NineTimes.at_rest(), {"gNa": [120]}, 40.0, 0.1, duration=100)
    message = str(caught[-1].message)
    found = re.search(r"Use a dt of (\S+) ms or less, or method='adaptive'\.$", message)
    assert found, message
    dt = 0.1 / np.ceil(0.1 / float(found[1]))
    counts = (
        pyhh.Population.from_model(NineTimes.at_rest(), 2).run(40.0, dt, duration=100).spike_counts
    )
    assert counts.tolist() == [91, 91]


@pytest.mark.parametrize("current", [-50.0, -300.0])
def test_recommended_exponential_euler_is_right_under_hyperpolarisation(current):
    with pytest.raises(pyhh.SimulationError, match="or method='exponential_euler', because"):
        pyhh.Simulation(pyhh.HHModel.at_rest()).run(current, 0.01, duration=50)
    # m and n are closed there, so that only the leak conducts.
    final_V = 10.6 + current / 0.3
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        current, 0.01, duration=50, method="exponential_euler"
    )
    assert run.Vm[-1] == pytest.approx(final_V, abs=1e-3 * abs(final_V))
    cells = pyhh.Population.at_rest(1)
    with pytest.warns(UserWarning, match="Use method='exponential_euler', which"):
        cells.run(current, 0.01, duration=50)
    cells = pyhh.Population.at_rest(1)
    cells.run(current, 0.01, duration=50, method="exponential_euler")
    assert cells.Vm[0] == pytest.approx(final_V, abs=1e-3 * abs(final_V))


def test_recommended_exponential_euler_is_right_where_the_solver_is_stuck():
    message = (
        "or method='exponential_euler', which is stable at any rate, and see by estimate_error()"
    )
    with pytest.raises(pyhh.SimulationError, match=re.escape(message)):
        pyhh.Simulation(pyhh.HHModel.at_rest()).run(-100.0, 0.01, duration=50, method="adaptive")
    run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
        -100.0, 0.01, duration=50, method="exponential_euler"
    )
    assert run.Vm[-1] == pytest.approx(10.6 - 100 / 0.3, abs=0.1)
    assert run.estimate_error().Vm < 0.1


LEFT = (
    "The model was there before the run, as a run that diverged leaves it. Go on with a new model, "
    "or with model.at_rest(), which returns one of the same parameters."
)


@LARGE_STEP
@pytest.mark.filterwarnings("ignore:.*open fraction of a gate is between:UserWarning")
@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4", "adaptive"])
@pytest.mark.parametrize("kind", [pyhh.HHModel, NineTimes])
def test_run_after_a_divergence_names_the_state_of_the_model(kind, method):
    simulation = pyhh.Simulation(kind.at_rest(gNa=110))
    with pytest.raises(pyhh.SimulationError, match=r"diverged at step [1-9]"):
        simulation.Run(np.full(1_000, 40.0), 0.2)
    assert abs(simulation.model.Vm) > 1e4
    with pytest.raises(pyhh.SimulationError) as caught:
        simulation.run(40.0, 0.01, duration=10, method=method)
    assert str(caught.value).endswith(LEFT)
    # Do as the message says.
    simulation.model = simulation.model.at_rest()
    assert simulation.model.gNa == 110
    assert simulation.run(40.0, 0.01, duration=10, method="adaptive").spike_times.size > 0
