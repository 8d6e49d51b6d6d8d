"""Pools, and channels and gates that depend on them, as data: what they hold and refuse."""

import pickle

import numpy as np
import pytest
from calcium_neurons import bursting, low_threshold
from error_messages import errors

from pyhh_fast import Channel, Gate, Nernst, Neuron, Pool
from pyhh_fast.channels.state import NeuronState
from pyhh_fast.rate_forms import sigmoid


def half(Ca):
    return Ca / (Ca + 3e-3)


def q(**others):
    return Gate(**{"inf": half, "instantaneous": True, "of": "Ca"} | others)


def neuron(**others):
    parts = {"leak": Channel(0.1, E=-65), "L": Channel(1, E=120, feeds="Ca")}
    return Neuron(**parts | {"Ca": Pool(1e-4, 50, gain=1e-4)} | others)


def test_the_gain_of_a_depth_is_that_of_pospischil():
    # 10 / (2 F d) with F = 96485.309, as VALIDATION states: 5.18213608e-05 for 1 µm.
    assert Pool(2.4e-4, 5, depth=1).gain == pytest.approx(10 / (2 * 96485.309), rel=1e-15)
    assert Pool(2.4e-4, 5, gain=10 / (2 * 96485.309)) == Pool(2.4e-4, 5, depth=1)
    assert Pool(2.4e-4, 5, depth=2).gain == pytest.approx(2.591067e-05, rel=1e-6)


def test_parameters_have_pools_and_the_numbers_of_nernst_in_place_of_E():
    assert low_threshold().parameters == {
        "Cm": 1,
        "leak.g": 0.01,
        "leak.E": -85,
        "T.g": 0.4,
        "T.E.outside": 2,
        "T.E.celsius": 36,
        "T.shift": 0,
        "T.u.speed": 1,
        "Ca.rest": 2.4e-4,
        "Ca.tau": 5,
        "Ca.gain": Pool(1, 1, depth=1).gain,
    }
    assert "AHP.shift" not in bursting().parameters
    assert {"AHP.q.speed", "KCa.m.speed", "KCa.shift"} <= set(bursting().parameters)


def test_variables_have_concentrations_after_gates():
    variables = low_threshold().variables
    assert list(variables) == ["Vm", "T.s", "T.u", "Ca", "leak", "T"]
    assert (variables["Ca"].unit, variables["Ca"].before_step) == ("mM", False)


def test_replace_changes_pools_and_nernst():
    before = low_threshold()
    values = {"Ca.tau": 7, "Ca.rest": 1e-4, "T.E.outside": 3, "T.E.celsius": 20, "T.u.speed": 2}
    after = before.replace(values)
    assert after.parameters == before.parameters | values
    assert after.channels["T"].feeds == "Ca"
    assert after.pools["Ca"] == Pool(1e-4, 7, depth=1)
    assert repr(after.pools["Ca"]) == "Pool(0.0001, 7, depth=1)"
    assert before.replace({"Ca.gain": 2e-5}).pools["Ca"] == Pool(2.4e-4, 5, gain=2e-5)


def test_channels_and_pools_are_added_and_removed():
    plain = Neuron(leak=Channel(0.01, E=-85), threshold=0)
    parts = low_threshold()
    assert plain.with_channels(T=parts.channels["T"], Ca=parts.pools["Ca"]) == parts
    assert parts.without("T", "Ca") == plain
    assert list(parts.without("T").pools) == ["Ca"]  # it stays at its rest, without a warning


def test_neurons_are_equal_by_their_pools():
    one = low_threshold()
    assert one == one.replace({"Ca.tau": 5})
    assert len({one, one.replace({"Ca.tau": 5}), one.replace({"Ca.tau": 6})}) == 2
    for path in one.parameters:
        assert one.replace({path: 0.011}) != one, path
    assert Channel(1, E=120, feeds="Ca") != Channel(1, E=120)
    assert Gate(inf=half, tau=half) != Gate(inf=half, tau=half, of="Ca")


def test_a_pickle_has_the_tables_of_both_kinds():
    before = bursting()
    again = pickle.loads(pickle.dumps(before))
    assert again.parameters == before.parameters
    assert list(again.pool_tables) == ["CaL.f", "AHP.q", "KCa.m"]
    for path, table in before.pool_tables.items():
        np.testing.assert_array_equal(again.pool_tables[path].coefficients, table.coefficients)
    assert again.steady_state(-50.0) == before.steady_state(-50.0)
    assert pickle.loads(pickle.dumps(again)) == again
    assert again.gates["KCa.m"].times[1](2e-3) == pytest.approx(0.4, rel=1e-12)
    assert again.gates["CaL.f"].tau(0.5) == pytest.approx(20 / 1.5, rel=1e-9)
    assert np.isnan(again.gates["CaL.f"].tau(300.0))
    more = again.with_channels(B=Channel(1, E=-90, q=q()))
    assert more.pool_tables["AHP.q"] is again.pool_tables["AHP.q"]
    for part in (before.channels["KCa"], before.gates["AHP.q"], before.pools["Ca"]):
        assert repr(pickle.loads(pickle.dumps(part)))[:12] == repr(part)[:12]


def test_parts_are_shown_as_typed():
    T = "Channel(0.4, E=Nernst('Ca', outside=2, celsius=36), feeds='Ca')"
    assert repr(eval(T)) == T
    assert repr(q(times=None)) == "Gate(inf=half, instantaneous=True, of='Ca')"
    m = Gate(inf=sigmoid(1, 0, 5), times=("Ca", half), instantaneous=True)
    assert repr(m) == ("Gate(inf=sigmoid(1, 0, 5), instantaneous=True, times=('Ca', half))")
    shown = repr(neuron(B=Channel(1, E=0, q=q()), M=Channel(1, E=-90, m=m)))
    assert ", Ca Pool(0.0001, 50, gain=0.0001) fed by L\n" in shown
    assert "inf half of Ca\n" in shown
    assert shown.endswith("inf sigmoid(1, 0, 5), times half of Ca")
    assert "T " + " " * 10 in repr(low_threshold())
    assert "Nernst(&#x27;Ca&#x27;, outside=2" in low_threshold()._repr_html_()


def test_states_carry_concentrations():
    before = low_threshold()
    state = NeuronState(before, -60.0)
    assert state.gates == {k: v for k, v in before.steady_state(-60.0).items() if k != "Ca"}
    assert state.concentrations == {"Ca": before.steady_state(-60.0)["Ca"]}
    copy = state.copy()
    copy.concentrations["Ca"] = 1e-3
    assert state.concentrations["Ca"] < 1e-3
    assert copy.of(before.replace({"T.g": 1})).concentrations == {"Ca": 1e-3}
    assert copy.of(before.without("T", "Ca")).concentrations == {}


# What is refused.


def f(V, Ca):
    return V * Ca


INPUT = {
    TypeError: [
        (lambda: Pool(1e-4, 5), r"its depth \(µm\) or its gain .*, one of them; got neither\."),
        (lambda: Pool(1e-4, 5, depth=1, gain=2), "got depth 1 and gain 2"),
        (lambda: Pool(1e-4, 8, 1), r"as Pool\(rest, tau, depth=1\) .*; got Pool\(0.0001, 8, 1\)\."),
        (lambda: Pool("0", 5, depth=1), r"a pool's rest must be a pos.* \(mM\); got '0'"),
        (lambda: Nernst(3, outside=2, celsius=20), "Nernst's pool must be the name of a pool"),
        (lambda: Channel(1, E=half), r"a channel's E must be .*; got .*\. Pass E=Nernst\('Ca', "),
        (lambda: Channel(1, E="Ca"), r"E must be .*; got 'Ca' .*\. Pass E=Nernst\('Ca', "),
        (lambda: Channel(1, E=Pool(1, 1, gain=1)), r"E must be .*; got Pool.* Pass E=Nernst\('Ca"),
        (lambda: Channel(1, E=3, feeds=Pool(1, 1, gain=1)), "a channel's feeds must be the name"),
        (lambda: q(of=3), "a gate's of must be the name of a pool .*; got 3"),
        (lambda: q(times=("Ca", half)), "must have of or times, not both; got of='Ca' and times"),
        (lambda: q(of=None, times="Ca"), "a gate's times must be the name of a pool and a func"),
        (lambda: q(of=None, times=(half, "Ca")), "a gate's times must be the name of a pool and"),
        (lambda: q(of=None, times=("Ca", f)), "times must be a function of Ca alone; got one of V"),
        (
            lambda: Gate(alpha=half, beta=half, times=("Ca", half)),
            r"with inf and tau, .*; got it with alpha and beta\. Pass inf=lambda V: alpha\(V\) / ",
        ),
        (lambda: Gate(alpha=f, beta=half), r"alpha must be a function of V alone; got one of V, "),
        (lambda: q(inf=f), r"inf must be a function of Ca alone; got one of V, Ca\. Where V and"),
        (lambda: q(inf=0.5), r"inf must be a function of Ca in mM; got 0\.5\. .* inf=lambda Ca: "),
        (lambda: neuron(B=Channel(1, E=0, q=q(inf=lambda Ca: "a"))), "inf must give a number; .*"
         "at a concentration of 1.3e-08 mM"),
    ],
    ValueError: [
        (lambda: Pool(0, 5, depth=1), "a pool's rest must be a positive"),
        (lambda: Pool(240, 5, depth=1), r"rest must be from 1e-08 to 100 \(mM\); got 240\. Check"),
        (lambda: Pool(1e-4, 0, depth=1), r"a pool's tau must be a positive, .* \(ms\); got 0"),
        (lambda: Pool(1e-4, 1, depth=-1), r"a pool's depth must be a positive, .* \(µm\); got -1"),
        (lambda: Pool(1e-4, 1, gain=0), r"a pool's gain must be .* \(mM/ms per µA/cm²\); got 0"),
        (lambda: Nernst("Ca", outside=0, celsius=9), r"outside must be a positive.* \(mM\); got 0"),
        (lambda: Nernst("Ca", outside=1, celsius=309), r"from 0 to 50 \(°C\); got 309"),
        (lambda: Channel(1, E=0, shift=2, q=q()), "all its gates are of calcium alone .*; got 2"),
        (lambda: neuron(L=Channel(1, E=0, feeds="ca")), "feeds of channel L must be one of its "
         r"pools, Ca; got 'ca'\. Did you mean Ca\?"),
        (lambda: Neuron(L=Channel(1, E=0, feeds="Ca")), r"got 'Ca', and it has none\. Pass Ca="),
        (lambda: neuron(B=Channel(1, E=0, q=q(of="Mg"))), r"of of gate B.q must .*; got 'Mg'\. P"),
        (
            lambda: neuron(B=Channel(1, E=0, q=q(of=None, times=("Cb", half)))),
            r"the pool of times of gate B.q must be .*; got 'Cb'\. Did you mean Ca",
        ),
        (lambda: neuron().without("Ca"), "feeds of channel L must be one of its pools; got 'Ca', "),
        (
            lambda: neuron(B=Channel(1, E=Nernst("C", outside=1, celsius=9))),
            r"the pool of B.E must be one of its pools, Ca; got 'C'",
        ),
        (lambda: neuron(ca=Channel(1, E=0)), "the names of parts must differ by more than capit"),
        (lambda: neuron(Vm=Pool(1, 1, gain=1)), "the name of a pool must be none of Cm, "),
        (lambda: neuron(**{x: Pool(1, 1, gain=1) for x in "AB"}), "2 pools at most; got 3"),
        (
            lambda: neuron(B=Channel(1, E=0, **{f"m{i}": q() for i in range(16)})),
            "must have 16 gates and pools together at most; got 16 and 1",
        ),
        (lambda: neuron().replace({"Ca.rest": 0}), r"^Ca.rest must be a pos.* \(mM\); got 0"),
        (lambda: low_threshold().replace({"T.E.celsius": 99}), "^T.E.celsius must be from 0 to 50"),
        (lambda: low_threshold().replace({"T.E": 3}), "got 'T.E'. E of T follows a pool: its num"),
        (lambda: neuron().replace({"Ca.depth": 3}), r"got 'Ca.depth'\. Pass Ca.gain, which is 10"),
        (lambda: bursting().replace({"AHP.shift": 3}), "All gates of AHP are of calcium alone"),
        (lambda: neuron(B=Channel(1, E=0, q=q(inf=lambda Ca: Ca))), r"B.q: inf must be from 0 to "
         r"1.05; got 1.2\d* at a concentration of 1.2\d* mM"),
        (
            lambda: neuron(B=Channel(1, E=0, q=q(of=None, times=("Ca", lambda Ca: 1 + Ca)))),
            "B.q: times must be from 0 to 1; got 1 at a concentration of 7.5",
        ),
        (
            lambda: neuron(B=Channel(1, E=0, q=q(inf=lambda Ca: np.where(Ca > 1e-3, 0.5, 0.4)))),
            r"B.q: inf must be a smooth function of the concentration; got one that jumps at a "
            r"concentration of 0\.001 mM",
        ),
        (
            lambda: neuron(B=Channel(1, E=0, q=q(inf=lambda Ca: np.exp(9 * Ca) / np.exp(9 * Ca)))),
            r"inf must be finite from 7.5e-9 to 256 mM; got nan near a concentration of 7\d\.\d",
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "message"), errors(INPUT))
def test_bad_input_is_named(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_a_pool_that_nothing_feeds_is_told():
    with pytest.warns(
        UserWarning, match=r"^no channel feeds pool Ca, .*\. Pass feeds='Ca' to "
    ) as w:
        Neuron(leak=Channel(1, E=0), Ca=Pool(1e-4, 5, gain=1))
    assert w[0].filename == __file__


def test_a_kink_over_calcium_is_told_with_its_place():
    with pytest.warns(UserWarning, match=(
        r"^B.q: inf has a kink or bends sharply at a concentration of 0.3 mM: the relative error "
        r"of the rates is up to \S+ there, within 0.000\d* mM\."
    )):  # fmt: skip
        neuron(B=Channel(1, E=0, q=q(inf=lambda Ca: np.minimum(Ca / 0.3, 1))))
