"""Equilibria of declared neurons: published ones, and those that SciPy finds in their equations."""

import numpy as np
import pytest
from declared_neurons import hodgkin_huxley, wang_buzsaki_slopes, wang_buzsaki_steady
from scipy.optimize import approx_fprime, brentq, minimize_scalar

from pyhh_fast import Channel, Gate, Neuron
from pyhh_fast.equilibria import neurons
from pyhh_fast.equilibria.neurons import equilibria, jacobian
from pyhh_fast.equilibria.rest_states import NoRest
from pyhh_fast.neurons import connor_stevens, wang_buzsaki
from pyhh_fast.rate_forms import sigmoid


def test_rest_of_connor_and_stevens():
    neuron = connor_stevens()
    assert neuron.rest == pytest.approx(-67.97812, abs=5e-6)
    published = {"Na.m": 0.01007, "Na.h": 0.96591, "K.n": 0.15586, "A.a": 0.54042, "A.b": 0.28867}
    assert neuron.steady_state(neuron.rest) == pytest.approx(published, abs=5e-6)


def test_rest_of_hodgkin_and_huxley():
    assert hodgkin_huxley().rest == pytest.approx(0.000278, abs=5e-7)
    assert hodgkin_huxley().replace({"leak.E": 10.7}).rest == pytest.approx(0.025948, abs=5e-7)


@pytest.mark.parametrize(("current", "V"), [(9.7793, 5.3459), (154.5263, 21.9419)])
def test_hopf_points_of_hodgkin_and_huxley(current, V):
    below, above = (equilibria(hodgkin_huxley(), current + side)[0] for side in (-1e-4, 1e-4))
    assert below.stable != above.stable
    assert below.stable == (current < 100)
    assert 0.5 * (below.V + above.V) == pytest.approx(V, abs=1e-4)
    pair = below.eigenvalues[np.argsort(np.abs(below.eigenvalues.real))[:2]]
    np.testing.assert_allclose(pair.real, 0, atol=1e-5)
    assert pair[0].imag == -pair[1].imag != 0


def test_equilibria_are_those_of_the_equations():
    V = np.linspace(-90, 55, 1451) + 0.03
    steady = [wang_buzsaki_steady(v)[0] for v in V]
    expected = [
        brentq(lambda v: wang_buzsaki_steady(v)[0], V[i], V[i + 1], xtol=1e-13)
        for i in np.flatnonzero(np.diff(np.sign(steady)))
    ]
    found = equilibria(wang_buzsaki())
    np.testing.assert_allclose([one.V for one in found], expected, atol=1e-8)
    assert [one.stable for one in found] == [True, False, False]
    assert wang_buzsaki().rest == found[0].V
    for one in found:
        _, h, n = wang_buzsaki_steady(one.V)
        derivative = approx_fprime([one.V, h, n], wang_buzsaki_slopes, 1e-6)
        np.testing.assert_allclose(
            jacobian(wang_buzsaki(), one.V), derivative, rtol=2e-5, atol=1e-5
        )
        np.testing.assert_allclose(
            np.sort(one.eigenvalues), np.sort(np.linalg.eigvals(derivative)), rtol=1e-4
        )


def test_two_equilibria_near_a_fold_are_found():
    fold = minimize_scalar(
        lambda V: wang_buzsaki_steady(V)[0], bounds=(-62, -57), options={"xatol": 1e-10}
    )
    for less, count in ((1e-6, 3), (-1e-6, 1)):
        assert len(equilibria(wang_buzsaki(), -fold.fun - less)) == count


def test_a_current_moves_a_leak_by_its_resistance():
    leak = Neuron(Cm=2, leak=Channel(0.1, E=-65))
    for current in (0.0, 5.0, -20.0):
        (found,) = equilibria(leak, current)
        assert found.V == pytest.approx(-65 + current / 0.1, abs=1e-9)
        np.testing.assert_allclose(found.eigenvalues, -0.1 / 2)
    assert equilibria(leak, 50.0) == []  # at 435 mV, beyond all tables


def test_a_steep_gate_is_not_stepped_over():
    # A window of 0.2 mV in which an inward current turns dV/dt positive: two more equilibria.
    x = Gate(inf=sigmoid(1, -50.15, 0.02), tau=lambda V: 1.0, power=1)
    y = Gate(inf=sigmoid(1, -50.08, -0.02), tau=lambda V: 1.0, power=1)
    with pytest.warns(UserWarning, match="inf has a kink or bends sharply"):
        neuron = Neuron(leak=Channel(0.1, E=-65), Na=Channel(1, E=0, x=x, y=y))
    assert len(equilibria(neuron)) == 3


def test_without_a_stable_one_there_is_no_rest():
    spontaneous = wang_buzsaki().replace({"leak.E": -50})
    (unstable,) = equilibria(spontaneous)
    with pytest.raises(NoRest) as caught:
        spontaneous.rest  # noqa: B018
    assert str(caught.value) == (
        "the neuron must have a stable resting potential; got unstable ones at V = "
        f"{unstable.V:.4g} mV. Give Simulation(neuron, Vm=...) a potential to start at."
    )
    assert neurons.start_of_neuron(spontaneous) == unstable.V


def test_a_start_without_rest_is_nearest_the_leak(monkeypatch):
    def none_stable(neuron):
        raise NoRest([-80.0, -52.0, -20.0])

    monkeypatch.setattr(neurons, "rest_of_neuron", none_stable)
    assert neurons.start_of_neuron(wang_buzsaki().replace({"leak.E": -50})) == -52
    assert neurons.start_of_neuron(wang_buzsaki().without("leak")) == -80
    monkeypatch.undo()
    assert neurons.start_of_neuron(wang_buzsaki()) == wang_buzsaki().rest


def test_no_conductance_means_no_equilibrium():
    with pytest.raises(NoRest, match=r"the neuron must have an equilibrium; got none\. Give"):
        Neuron(leak=Channel(0, E=-65)).rest  # noqa: B018


def test_steady_states_of_numbers_and_arrays():
    neuron = wang_buzsaki()
    V = np.array([[-70.0, -35.0], [0.0, 33.3]])
    steady = neuron.steady_state(V)
    assert list(steady) == ["Na.m", "Na.h", "K.n"]
    for i in np.ndindex(V.shape):
        _, h, n = wang_buzsaki_steady(V[i] + 1e-12)
        assert steady["Na.h"][i] == pytest.approx(h, rel=1e-11)
        assert steady["K.n"][i] == pytest.approx(n, rel=1e-11)
        one = neuron.steady_state(float(V[i]))
        assert one == {path: x[i] for path, x in steady.items()}
    shifted = neuron.replace({"K.shift": 3}).steady_state(V + 3)
    np.testing.assert_allclose(shifted["K.n"], steady["K.n"], rtol=1e-14)


def test_steady_states_beyond_the_tables_are_refused():
    message = r"V must be from -300 to 300 \(mV\); got -300.5. A neuron's tables end there."
    with pytest.raises(ValueError, match=message):
        wang_buzsaki().steady_state([0, -300.5])
    with pytest.raises(TypeError, match="V must be a finite number or an array"):
        wang_buzsaki().steady_state("0")
