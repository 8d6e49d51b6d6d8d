"""Rates where V oscillates without crossing the threshold, sustained or damped.

Oracle: SciPy's DOP853, by `reference.solve`; the Hopf bifurcation is where the real part of an
eigenvalue of the Jacobian changes its sign, 154.5263 µA/cm².
"""

import warnings

import numpy as np
import pytest
import reference
from custom_models import Absolute, Fast

import pyhh_fast as pyhh
from pyhh_fast.analysis import swings
from pyhh_fast.analysis.hodgkin_huxley import ModelSubject
from pyhh_fast.cli import main as cli

MESSAGE = "V keeps swinging without crossing the threshold of 50 mV"
HOPF = 154.5263


def oscillation_rate(current, level=20.0, time=400.0):
    """Return how often V crosses a level in the middle of its swing, in Hz, after 300 ms."""
    start = reference.steady(pyhh.HHModel.at_rest().Vm)
    options = {"threshold": level, "rtol": 1e-9, "atol": 1e-9}
    times = reference.solve(reference.Parameters(), start, [(time, current)], **options).spike_times
    late = [t for t in times if t > 300]
    return 1000 * (len(late) - 1) / (late[-1] - late[0])


def test_rates_of_subthreshold_oscillations_match_the_reference():
    currents = [85.0, 90.0, 100.0, 150.0]
    expected = [oscillation_rate(current) for current in currents]
    np.testing.assert_allclose(expected, [139.7, 142.4, 147.3, 167.8], rtol=0, atol=0.06)
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        rates = pyhh.fi_curve(pyhh.HHModel(), currents)
    np.testing.assert_allclose(rates, expected, rtol=1e-4)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=MESSAGE):
        rates = pyhh.fi_curve(pyhh.HHModel(), currents, method="adaptive")
    np.testing.assert_allclose(rates, expected, rtol=2e-6)


def test_swings_are_below_the_threshold_from_89_9_on():
    currents = np.array([89.8, 90.0])
    start = reference.steady(pyhh.HHModel.at_rest().Vm)
    for current, crosses in zip(currents, [True, False], strict=True):
        run = reference.solve(
            reference.Parameters(), start, [(400.0, current)], rtol=1e-9, atol=1e-9
        )
        assert (run.spike_times[-1] > 390) == crosses
    with pytest.warns(UserWarning, match=f"^under 1 of the currents {MESSAGE}") as caught:
        pyhh.fi_curve(pyhh.HHModel(), currents)
    assert "under 90 µA/cm² from" in str(caught[0].message)


def test_warning_names_currents_range_and_remedy():
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        rates = pyhh.fi_curve(pyhh.HHModel(), [20, 100, 120])
    assert str(caught[0].message) == (
        "under 2 of the currents V keeps swinging without crossing the threshold of 50 mV, under "
        "100 µA/cm² from 4.49 to 45 mV, and the rate is that of the swing. A threshold within it "
        "counts such swings as spikes."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = pyhh.fi_curve(pyhh.HHModel(), [20, 100, 120], threshold=25)
    np.testing.assert_allclose(rates, again, rtol=1e-4)


def test_damped_oscillations_have_rate_0():
    # Below the onset at 6.2649 V rings down; from the Hopf bifurcation on as well, if slowly.
    currents = [-5, 0, 2, 5, 6, 6.2, 6.26, 154.53, 154.6, 155, 160, 200, 500]
    np.testing.assert_array_equal(pyhh.fi_curve(pyhh.HHModel(), currents, duration=2000), 0)
    np.testing.assert_array_equal(pyhh.fi_curve(pyhh.HHModel(), currents[2:], duration=50), 0)


def test_small_oscillations_below_the_hopf_bifurcation_have_a_rate():
    currents = [153.0, 154.0, 154.5, 154.52]
    with pytest.warns(UserWarning, match="^under 4 of the currents V keeps swinging"):
        rates = pyhh.fi_curve(pyhh.HHModel(), currents)
    # The frequency of the linearised equations at the bifurcation is 169.2 Hz.
    np.testing.assert_allclose(rates, 169.0, rtol=0, atol=0.4)
    assert (np.diff(rates) > 0).all()


@pytest.mark.parametrize("current", [9.77, 9.78, HOPF - 1e-3, HOPF + 1e-3])
def test_stability_changes_at_the_hopf_bifurcations(current):
    model = ModelSubject(pyhh.HHModel())
    stable = model.are_stable(np.array([model.equilibrium(current)]))[0]
    assert stable == (current in (9.77, HOPF + 1e-3))


def test_short_run_of_an_oscillation_is_continued():
    with pytest.warns(UserWarning, match=MESSAGE):
        rate = pyhh.fi_curve(pyhh.HHModel(), 100, duration=20)
    assert rate == pytest.approx(147.27, abs=0.05)


@pytest.mark.parametrize("method", ["exponential_euler", "adaptive"])
def test_run_too_short_for_two_spikes_is_continued(method):
    currents = [0, 7, 10, 20]
    expected = pyhh.fi_curve(pyhh.HHModel(), currents, method=method)
    rates = pyhh.fi_curve(pyhh.HHModel(), currents, duration=20, method=method)
    np.testing.assert_allclose(rates, expected, rtol=0.01)
    assert (rates[1:] > 50).all()


class Slow(pyhh.HHModel):
    """All rates divided by 20, and the capacitance multiplied by 20."""

    Cm = 20

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        for gate in (self.m, self.h, self.n):
            gate.alpha, gate.beta = gate.alpha / 20, gate.beta / 20


@pytest.mark.parametrize("duration", [0, 20, 200, 500, 700, 1000, 3000])
def test_cells_slower_than_the_run_have_the_right_rate(duration):
    # The same equations with time scaled by 20: the rates are a twentieth.
    currents = [0.0, 5.0, 6.2, 10.0, 20.0, 100.0, 150.0, 160.0]
    with pytest.warns(UserWarning, match="^under 2 of the currents V keeps swinging"):
        expected = pyhh.fi_curve(pyhh.HHModel(), currents, method="adaptive") / 20
    assert expected[3] == pytest.approx(3.4155, abs=1e-3)
    with pytest.warns(UserWarning, match="^under 2 of the currents V keeps swinging"):
        rates = pyhh.fi_curve(Slow(), currents, duration=duration)
    np.testing.assert_allclose(rates, expected, rtol=3e-4)


@pytest.mark.parametrize("duration", [10, 25, 40, 60, 100])
def test_cell_that_stops_firing_has_rate_0(duration):
    currents = [2.5, 5.0, 6.0, 6.2, 6.22, 6.25, 6.26]
    np.testing.assert_array_equal(pyhh.fi_curve(pyhh.HHModel(), currents, duration=duration), 0)


def test_slowly_charging_cell_is_not_taken_for_resting():
    # 20 µA/cm² charge 30,000 µF/cm² by only 0.0007 mV/ms, but V is 65 mV from its equilibrium.
    model = pyhh.HHModel(Cm=30_000, gNa=0, gK=0)
    state = np.zeros(2, [(name, float) for name in "Vmhn"])
    state["V"] = [10.6, 10.6 + 20 / 0.3 + 0.01]
    for name, gate in zip("mhn", pyhh.steady_state(model, state["V"])[:3], strict=True):
        state[name] = gate
    still = swings.is_still(ModelSubject(model), state, np.full(2, 20.0))
    assert still.tolist() == [False, True]


def test_warning_at_the_limit_recommends_a_longer_duration(monkeypatch):
    monkeypatch.setattr(swings, "FIRST", 4)
    monkeypatch.setattr(swings, "LIMIT", 8)
    with pytest.warns(UserWarning, match="too short") as caught:
        rates = pyhh.fi_curve(Slow(), [0.0, 10.0, 12.0], duration=10)
    np.testing.assert_array_equal(rates, [0, np.nan, np.nan])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    assert message == (
        "under 2 of 3 currents, 10 µA/cm² for one, V neither came to rest nor fired or swung 4 "
        "times in the second half of 2.07e+03 ms, and the rate is NaN: the duration is too short. "
        "Pass a duration of 8.28e+03 ms."
    )
    advised = float(message.split("duration of ")[1].split(" ms")[0])
    rates = pyhh.fi_curve(Slow(), [0.0, 10.0, 12.0], duration=advised)
    assert rates[1] == pytest.approx(3.4155, abs=1e-3)


def test_model_with_an_unstable_rest_fires():
    # It fires spontaneously, but from its equilibrium only after a displacement.
    model = pyhh.HHModel(EKleak=60)
    with pytest.warns(UserWarning, match="no stable resting potential"):
        rate = pyhh.fi_curve(model, 0.0)
    model.h.setInfiniteState()
    assert rate == pytest.approx(pyhh.fi_curve(model, 0.0, start="model"), rel=1e-4)
    assert rate > 50


def test_subthreshold_oscillations_of_custom_kinetics():
    currents = [90.0, 150.0]
    with pytest.warns(UserWarning, match=MESSAGE):
        expected = pyhh.fi_curve(pyhh.HHModel(), currents)
    with pytest.warns(UserWarning, match="without crossing the threshold of -14.9997 mV"):
        rates = pyhh.fi_curve(Absolute(), currents)
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    # All rates are twelve times as fast, those of the membrane too.
    with pytest.warns(UserWarning, match=MESSAGE):
        rates = pyhh.fi_curve(Fast(Cm=1 / 12), currents, duration=100)
    np.testing.assert_allclose(rates, 12 * expected, rtol=1e-4)


def test_command_warns_of_subthreshold_oscillations(tmp_path, capsys):
    target = tmp_path / "fi.csv"
    assert cli.main(["fi", "--from", "80", "--to", "120", "--points", "3", "-o", str(target)]) == 0
    rates = np.loadtxt(target, delimiter=",", skiprows=1)[:, 1]
    np.testing.assert_allclose(
        rates, [oscillation_rate(c) for c in (80.0, 100.0, 120.0)], rtol=1e-4
    )
    assert capsys.readouterr().err.startswith(
        f"pyhh-fast fi: warning: under 2 of the currents {MESSAGE}"
    )
    options = ["--from", "100", "--points", "1", "--threshold", "25"]
    assert cli.main(["fi", *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert float(out.split(",")[-1]) == pytest.approx(rates[1], rel=1e-4)
