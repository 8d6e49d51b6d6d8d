"""Parameters declared by a subclass are accepted wherever those of HHModel are."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from custom_models import WithTemperature
from model_states import state_of
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh


class Warm(WithTemperature):
    temperature = 16.3  # °C
    name = "warm"
    _private = 3.0
    quiet = False


class Shifted(Warm):
    shift: float = 1.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm - self.shift)


def spikes_of_solver(temperature, current, duration):
    """Return the times of spikes by SciPy's DOP853 over the model's own formulas."""
    model = Warm.at_rest(temperature=temperature)
    start = state_of(model)

    def derivative(t, y):
        model.Vm, model.m.state, model.h.state, model.n.state = y
        model.iterate(current, 1.0)
        return np.array(state_of(model)) - y

    def crossing(t, y):
        return y[0] - 50

    crossing.direction = 1
    found = solve_ivp(
        derivative, (0, duration), start, "DOP853", rtol=1e-9, atol=1e-9, events=crossing
    )
    return found.t_events[0]


MAKERS = {
    "class": lambda **given: Warm(**given),
    "at_rest": Warm.at_rest,
    "steady": lambda **given: Warm.steady(0.0, **given),
    "at_rest of an instance": lambda **given: Warm().at_rest(**given),
    "steady of an instance": lambda **given: Warm().steady(0.0, **given),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_declared_parameter_is_a_keyword(make):
    model = make(temperature=18.5, gNa=100)
    assert (model.temperature, model.gNa) == (18.5, 100.0)
    assert type(make(temperature=np.float32(18.5)).temperature) is float
    for twin in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.temperature == 18.5
    with pytest.raises(ValueError, match=r"^temperature must be a finite number; got nan\.$"):
        make(temperature=np.nan)
    with pytest.raises(TypeError, match=r"^temperature must be a finite number; got 'hot' \(str\)"):
        make(temperature="hot")
    with pytest.raises(TypeError, match=r"got 'temprature'\. Did you mean temperature\?$"):
        make(temprature=18.5)
    for name in ("name", "_private", "quiet", "gna"):
        with pytest.raises(TypeError, match=f"^parameter must be one of .*; got '{name}'"):
            make(**{name: 1.0})


def test_subclass_has_the_parameters_of_its_bases():
    model = Shifted.at_rest(temperature=10, shift=-2)
    assert (model.temperature, model.shift) == (10.0, -2.0)
    with pytest.raises(TypeError, match="got 'temperature'"):
        pyhh.HHModel(temperature=10)


def test_number_set_by_the_constructor_is_a_parameter():
    class WithInit(pyhh.HHModel):
        def __init__(self, startingVoltage=0, factor=2.0, **parameters):
            self.factor = factor
            super().__init__(startingVoltage, **parameters)

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.n.alpha, self.n.beta = self.factor * self.n.alpha, self.factor * self.n.beta

    assert WithInit.at_rest(factor=3.0).at_rest(gNa=100).factor == 3.0
    assert WithInit.at_rest().at_rest(factor=4).factor == 4.0


@pytest.mark.parametrize("temperature", [6.3, 12.0, 18.5])
def test_runs_match_scipy(temperature):
    expected = spikes_of_solver(temperature, 20.0, 40.0)
    assert expected.size > 2
    model = Warm.at_rest(temperature=temperature)
    recording = pyhh.Simulation(model).run(20, 0.01, duration=40, method="adaptive")
    np.testing.assert_allclose(recording.spike_times, expected, atol=1e-5)


def test_population_takes_one_value_for_all_cells():
    expected = pyhh.Simulation(Warm.at_rest(temperature=18.5)).run(20, 0.01, duration=40)
    model = Warm.at_rest()
    for value in (18.5, [18.5, 18.5, 18.5]):
        population = pyhh.Population.from_model(model, 3, temperature=value, gNa=[100, 120, 140])
        recording = population.run(20, 0.01, duration=40, record=["Vm"])
        # Rest is found to the last bit but one.
        np.testing.assert_allclose(recording.Vm[1], expected.Vm, atol=1e-9)
    assert model.temperature == 16.3
    message = (
        r"^temperature must be one number for all cells, because rates may depend on it; got 2 "
        r"different ones\. Use sweep\(model, \{'temperature': values\}, \.\.\.\), or make a "
        r"population for each\.$"
    )
    with pytest.raises(ValueError, match=message):
        pyhh.Population.from_model(model, 3, temperature=[6.3, 18.5, 18.5])
    with pytest.raises(TypeError, match="got 'temprature'"):
        pyhh.Population.from_model(model, 3, temprature=3)


def test_firing_rate_follows_the_declared_parameter():
    rate = pyhh.fi_curve(Warm.at_rest(temperature=18.5), 20.0, duration=200)
    late = spikes_of_solver(18.5, 20.0, 200.0)
    late = late[late >= 100]
    assert rate == pytest.approx(1000 / np.diff(late).mean(), rel=1e-3)


class Spoilt(Warm):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        if self.temperature > 20:
            self.n.alpha = self.n.alpha * (1 + self.n.state)


def single_runs(temperatures, currents, start, method="euler"):
    """Return final V and number of spikes of runs one by one."""
    found = []
    for temperature, current in zip(temperatures, currents, strict=True):
        model = start.at_rest(temperature=temperature)
        recording = pyhh.Simulation(model).run(current, 0.01, duration=30, method=method)
        found.append((model.Vm, recording.spike_times.size))
    return np.array(found).T


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("order", [("temperature", "current"), ("current", "temperature")])
def test_sweep_over_a_declared_parameter_equals_single_runs(order, stored, tmp_path):
    values = {"temperature": [6.3, 12.0, 18.5], "current": [0.0, 10.0, 20.0, 40.0]}
    grid = {name: values[name] for name in order}
    model = Warm.at_rest()
    crossed = [axis.ravel() for axis in np.meshgrid(*grid.values(), indexing="ij")]
    at = dict(zip(order, crossed, strict=True))
    V, spikes = single_runs(at["temperature"], at["current"], model)
    for reduce, expected in (("final_Vm", V), ("spike_counts", spikes)):
        out = tmp_path / f"{reduce}.zarr" if stored else None
        for _ in range(1 + stored):  # the second time from the store
            result = pyhh.sweep(model, grid, 0, 0.01, duration=30, reduce=reduce, out=out)
            assert result[reduce].dims == order
            np.testing.assert_allclose(result[reduce].values.ravel(), expected, atol=1e-6)
    assert len(set(spikes.tolist())) > 3
    assert model.temperature == 16.3


def test_zipped_sweep_over_a_declared_parameter_equals_single_runs():
    grid = {"temperature": [6.3, 18.5, 6.3], "current": [20.0, 20.0, 40.0], "gNa": [120, 120, 120]}
    model = Warm.at_rest()
    V, _ = single_runs(grid["temperature"], grid["current"], model)
    result = pyhh.sweep(
        model, grid, 0, 0.01, duration=30, reduce="final_Vm", product=False, threads=1
    )
    np.testing.assert_allclose(result.final_Vm.values, V, atol=1e-6)


def test_sweep_over_more_values_than_cached_tables(monkeypatch):
    from pyhh_fast.sweeps import run

    monkeypatch.setattr(run, "MOST_RATES", 2)
    model, method = Warm.at_rest(), "exponential_euler"
    temperatures = np.array([6.3, 10.0, 14.0, 18.5])
    V, _ = single_runs(temperatures, np.full(4, -60.0), model, method)
    assert V.max() < -100  # where the tables must be extended
    grid = {"temperature": temperatures}
    result = pyhh.sweep(model, grid, -60, 0.01, duration=30, reduce="final_Vm", method=method)
    np.testing.assert_allclose(result.final_Vm.values, V, rtol=1e-9)


def test_sweeps_refuse_unknown_and_unsuitable_parameters():
    with pytest.raises(ValueError, match=r"^grid's names must be .*temperature; got 'temprature'"):
        pyhh.sweep(Warm.at_rest(), {"temprature": [1.0]}, 0, 0.01, duration=1)
    with pytest.raises(ValueError, match=r"^grid's names must be one of .*; got 'temperature'"):
        pyhh.sweep(pyhh.HHModel(), {"temperature": [1.0]}, 0, 0.01, duration=1)
    with pytest.raises(
        RuntimeError, match=r"^the sweep cannot continue at temperature = 30: model must "
    ):
        pyhh.sweep(Spoilt.at_rest(), {"temperature": [10.0, 30.0]}, 0, 0.01, duration=1)


class Elsewhere(Warm):
    """Rates with other rounding, as on another CPU."""

    _rounding = 0.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.n.alpha = self.n.alpha * (1 + self._rounding)


def test_number_that_no_float_holds_is_no_parameter():
    for value in (10**400, Fraction(10**400)):
        model = type("Large", (Warm,), {"large": value}).at_rest()
        assert len(pyhh.Simulation(model).run(20, 0.01, duration=20).spike_times)
        with pytest.raises(TypeError, match=r"^parameter must be one of .*; got 'large'\."):
            type(model)(large=1.0)


@pytest.mark.parametrize("product", [True, False])
def test_stored_sweep_continues_with_the_same_bits_on_another_cpu(product, tmp_path):
    grid = {"temperature": [6.3, 12.0, 18.5], "gNa": [100.0, 120.0, 140.0]}
    how = {"reduce": "final_Vm", "product": product, "method": "exponential_euler"}
    # V leaves the tables, which must be extended, and then the cell spikes.
    wave = np.repeat([-200.0, 40.0], [500, 2_500])
    first, out = Elsewhere.steady(0.0), tmp_path / "sweep.zarr"
    whole = pyhh.sweep(first, grid, wave, 0.01, out=out, **how).final_Vm.values
    single = pyhh.Simulation(first.steady(0.0)).run(wave, 0.01, method="exponential_euler")
    assert single.Vm.min() < -100
    assert single.spike_times.size
    second = copy.copy(first)
    second._rounding = 3e-14
    assert (pyhh.sweep(second, grid, wave, 0.01, **how).final_Vm.values != whole).any()
    for chunk in (out / "final_Vm" / "c").rglob("*"):
        if chunk.is_file():
            chunk.unlink()
    again = pyhh.sweep(second, grid, wave, 0.01, out=out, **how).final_Vm.values
    np.testing.assert_array_equal(again, whole)
    third = copy.copy(first)
    third._rounding = 1e-6
    with pytest.raises(ValueError, match=r"^out must be a store of this sweep, .* other rates of "):
        pyhh.sweep(third, grid, wave, 0.01, out=out, **how)
