"""Runs of declared neurons, against HHModel, a twin in NumPy, and SciPy's solver."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import neuron_papers
import numpy as np
import pytest
from declared_neurons import hodgkin_huxley, neurons
from error_messages import raises
from hypothesis import given
from hypothesis import strategies as st

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Neuron, _cpu
from pyhh_fast.methods import METHODS
from pyhh_fast.neurons import wang_buzsaki
from pyhh_fast.rate_forms import sigmoid

HODGKIN_HUXLEY = hodgkin_huxley()
WANG_BUZSAKI = wang_buzsaki()
FIXED = [name for name, method in METHODS.items() if method.fixed_step]


def wang_buzsaki_m_inf(V):
    alpha = 0.1 * (V + 35) / (1 - np.exp(-(V + 35) / 10))
    return alpha / (alpha + 4 * np.exp(-(V + 60) / 18))


def euler_twin(neuron, V, I, steps, dt):  # noqa: E741
    """Forward Euler in Python; rates from the declared functions."""
    gates = neuron.gates

    def rates(path, V):
        gate = gates[path]
        u = V - neuron.channels[path.partition(".")[0]].shift
        if gate.alpha is not None:
            return float(gate.alpha(u)) * gate.speed, float(gate.beta(u)) * gate.speed
        inf, tau = float(gate.inf(u)), float(gate.tau(u))
        return inf / tau * gate.speed, (1 - inf) / tau * gate.speed

    def steady(path, V):
        alpha, beta = rates(path, V)
        return alpha / (alpha + beta)

    x = {path: steady(path, V) for path in gates}
    trace = []
    for _ in range(steps):
        total = 0.0
        for name, channel in neuron.channels.items():
            open_fraction = 1.0
            for gate_name, gate in channel.gates.items():
                open_fraction *= x[f"{name}.{gate_name}"] ** gate.power
            total += channel.g * open_fraction * (V - channel.E)
        moved = {}
        for path in gates:
            alpha, beta = rates(path, V)
            moved[path] = x[path] + dt * (alpha * (1 - x[path]) - beta * x[path])
        V += dt * (I - total) / neuron.Cm
        x = {path: steady(path, V) if gates[path].instantaneous else moved[path] for path in gates}
        trace.append([V, *x.values()])
    return np.array(trace).T


@pytest.mark.parametrize("method", METHODS)
def test_hodgkin_huxley_as_channels_is_the_model(method):
    options = {"duration": 1_000, "method": method, "rtol": 1e-11, "atol": 1e-11}
    model = pyhh.Simulation(pyhh.HHModel.steady(0.0)).run(10, 0.01, **options)
    neuron = pyhh.Simulation(HODGKIN_HUXLEY, Vm=0.0).run(10, 0.01, **options)
    np.testing.assert_allclose(neuron.spike_times, model.spike_times, rtol=0, atol=1e-9)
    names = {"Vm": "Vm", "Na.m": "StateM", "Na.h": "StateH", "K.n": "StateN"}
    for ours, theirs in (names | {"Na": "INa", "K": "IK", "leak": "IKleak"}).items():
        tolerance = 1e-9 * (10 if ours in ("Na", "K") else 1)  # currents reach 800 µA/cm²
        np.testing.assert_allclose(neuron[ours], model[theirs], rtol=0, atol=tolerance)


@pytest.mark.parametrize("order", [("Na", "K", "leak"), ("K", "leak", "Na")])
@pytest.mark.parametrize("method", METHODS)
def test_order_of_declaration_orders_the_traces_alone(order, method):
    other = Neuron(**{name: HODGKIN_HUXLEY.channels[name] for name in order})
    assert [name for name in other.variables if name in order] == list(order)
    want = pyhh.Simulation(HODGKIN_HUXLEY, Vm=0).run(10, 0.02, duration=20, method=method)
    got = pyhh.Simulation(other, Vm=0).run(10, 0.02, duration=20, method=method)
    for name in HODGKIN_HUXLEY.variables:
        if order[0] == "Na":  # before potassium, as there
            assert (got[name] == want[name]).all()
        np.testing.assert_allclose(got[name], want[name], rtol=1e-6, atol=1e-6)


def test_adaptive_spikes_of_wang_buzsaki_are_those_of_scipy():
    simulation = pyhh.Simulation(WANG_BUZSAKI)
    paper = neuron_papers.wang_buzsaki()
    want = neuron_papers.spike_times(paper, simulation.Vm, (1.0, 0, 200), 200)
    got = simulation.run(1.0, 0.01, duration=200, method="adaptive", rtol=1e-9, atol=1e-9)
    assert want.size == 12
    np.testing.assert_allclose(got.spike_times, want, rtol=0, atol=1e-6)
    assert got.threshold == 0


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("exponential_euler", 1), ("rk4", 4)])
def test_methods_have_their_order_with_an_instantaneous_gate(method, order):
    simulation = pyhh.Simulation(WANG_BUZSAKI)
    paper = neuron_papers.wang_buzsaki()
    exact = neuron_papers.spike_times(paper, simulation.Vm, (2.0, 0, 30), 30)
    errors = []
    for dt in (0.02, 0.01):
        simulation.reset()
        spikes = simulation.run(2.0, dt, duration=30.0, method=method).spike_times
        errors.append(abs(spikes[-1] - exact[-1]))
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.15)


@pytest.mark.parametrize("method", METHODS)
def test_instantaneous_gate_is_at_its_steady_state_in_every_row(method):
    recording = pyhh.Simulation(WANG_BUZSAKI).run(2.0, 0.02, duration=30, method=method, every=3)
    assert recording.spike_times.size == 3
    m = wang_buzsaki_m_inf(recording.Vm)
    np.testing.assert_allclose(recording["Na.m"], m, rtol=1e-10)


@given(neuron=neurons(), I=st.floats(-3, 5))
def test_euler_of_any_neuron_is_that_of_the_twin(neuron, I):  # noqa: E741
    simulation = pyhh.Simulation(neuron, Vm=-60.0)
    recording = simulation.run(I, 0.01, duration=1.0)
    want = euler_twin(neuron, -60.0, I, 100, 0.01)
    for trace, name in zip(want, ["Vm", *neuron.gates], strict=True):
        np.testing.assert_allclose(recording[name], trace, rtol=1e-9, atol=1e-10)
    assert [simulation.Vm, *simulation.gates.values()] == pytest.approx(want[:, -1], rel=1e-9)


@given(neuron=neurons())
def test_methods_converge_to_one_another(neuron):
    end = {}
    for method in ("rk4", "adaptive"):
        simulation = pyhh.Simulation(neuron, Vm=-60.0)
        simulation.run(1.0, 0.01, duration=5, method=method, rtol=1e-10, atol=1e-10, record=())
        end[method] = [simulation.Vm, *simulation.gates.values()]
    assert end["rk4"] == pytest.approx(end["adaptive"], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("neuron", [HODGKIN_HUXLEY, WANG_BUZSAKI], ids=["constant", "data"])
def test_bits_do_not_depend_on_what_is_recorded_or_where_a_run_is_cut(neuron, method):
    whole = pyhh.Simulation(neuron).run(2.0, 0.02, duration=200, method=method)
    some = pyhh.Simulation(neuron).run(2.0, 0.02, duration=200, method=method, record=["K", "K.n"])
    assert (some["K"] == whole["K"]).all()
    assert (some["K.n"] == whole["K.n"]).all()
    third = pyhh.Simulation(neuron).run(2.0, 0.02, duration=200, method=method, every=3)
    cut = pyhh.Simulation(neuron)
    parts = [cut.run(2.0, 0.02, duration=100, method=method) for _ in range(2)]
    for name in neuron.variables:
        assert (third[name] == whole[name][::3]).all()
        joined = np.concatenate([part[name] for part in parts])
        assert (joined == whole[name]).all()
    assert [cut.Vm, *cut.gates.values()] == [whole[name][-1] for name in ["Vm", *neuron.gates]]


def test_state_is_the_simulations_and_reset_restores_it():
    simulation = pyhh.Simulation(WANG_BUZSAKI)
    assert simulation.Vm == WANG_BUZSAKI.rest
    assert simulation.gates == WANG_BUZSAKI.steady_state(WANG_BUZSAKI.rest)
    simulation.run(1.0, 0.01, duration=10)
    assert simulation.Vm != WANG_BUZSAKI.rest
    simulation.reset(Vm=-70)
    assert (simulation.Vm, simulation.gates) == (-70, WANG_BUZSAKI.steady_state(-70))
    with pytest.raises(
        AttributeError, match=r"^the Simulation of a Neuron has no attribute 'INa'\."
    ):
        simulation.INa  # noqa: B018


def test_state_is_set_by_reset_alone():
    simulation = pyhh.Simulation(WANG_BUZSAKI)
    for name in ("Vm", "gates", "concentrations"):
        message = rf"^{name} of a neuron's simulation cannot be set\. Use reset"
        with pytest.raises(AttributeError, match=message):
            setattr(simulation, name, -60)
    with pytest.raises(TypeError, match=r"^gates of a neuron's simulation cannot be set\. Use res"):
        simulation.gates["K.n"] = 1.0
    assert repr(simulation.gates) == repr(dict(simulation.gates))
    assert simulation.gates == WANG_BUZSAKI.steady_state(WANG_BUZSAKI.rest)
    message = (
        r"^concentrations of .* reset\(Vm=\.\.\.\), which makes the gates and conc.* steady\.$"
    )
    with_calcium = pyhh.Simulation(pyhh.neurons.ermentrout())
    with pytest.raises(TypeError, match=message):
        with_calcium.concentrations["Ca"] = 1
    with_calcium.reset(Vm=-60)
    assert [*with_calcium.concentrations] == ["Ca"]
    with pytest.raises(TypeError, match=r"^CreateArrays must be used with an HHModel; got"):
        simulation.CreateArrays(3, 0.1)


def test_traces_that_are_items_are_told_from_names_that_nothing_has():
    one = pyhh.Simulation(WANG_BUZSAKI).run(1.0, 0.01, duration=1)
    many = pyhh.Population.from_model(WANG_BUZSAKI, 2).run(1.0, 0.01, duration=1)
    for recording in (one, many):
        start = f"'{type(recording).__name__}' object has no attribute "
        with raises(AttributeError, f"{start}'K'. Traces of a neuron are items: recording['K']."):
            recording.K  # noqa: B018
        with raises(AttributeError, f"{start}'foo'"):
            recording.foo  # noqa: B018
    with raises(AttributeError, "'PopulationRecording' object has no attribute 'plot'"):
        many.plot()


def test_neuron_may_be_replaced_between_runs():
    whole = pyhh.Simulation(WANG_BUZSAKI).run(2.0, 0.01, duration=20)
    cut = pyhh.Simulation(WANG_BUZSAKI)
    cut.run(2.0, 0.01, duration=10)
    cut.model = WANG_BUZSAKI.replace({"Na.g": 35})  # as it was
    np.testing.assert_array_equal(cut.run(2.0, 0.01, duration=10).Vm, whole.Vm[1_000:])
    blocked = WANG_BUZSAKI.without("Na").with_channels(M=MANY[2].channels["M0"])
    before, V = dict(cut.gates), cut.Vm
    cut.model = blocked
    assert (cut.Vm, cut.gates["K.n"]) == (V, before["K.n"])
    assert cut.gates["M.p"] == blocked.steady_state(V)["M.p"]
    assert list(cut.gates) == list(blocked.gates)
    assert cut.run(2.0, 0.01, duration=50).spike_times.size == 0
    with pytest.raises(TypeError, match=r"^model must be a Neuron here; got HHModel"):
        cut.model = pyhh.HHModel()


def test_simulations_of_one_neuron_run_at_once():
    def run(i):
        return pyhh.Simulation(WANG_BUZSAKI).run(1.0, 0.01, duration=2_000, record=()).spike_times

    with ThreadPoolExecutor(4) as pool:
        spikes = list(pool.map(run, range(8)))
    assert all((one == spikes[0]).all() for one in spikes)


def test_error_estimate_of_a_run():
    simulation = pyhh.Simulation(WANG_BUZSAKI)
    recording = simulation.run(1.0, 0.02, duration=50, method="rk4")
    change = recording.estimate_error()
    assert change.spikes == 0
    assert 0 < change.spike_times < 1e-4


def test_pickled_simulation_runs_on():
    simulation = pyhh.Simulation(WANG_BUZSAKI)
    simulation.run(1.0, 0.01, duration=20, record=())
    twin = pickle.loads(pickle.dumps(simulation))
    want, got = (one.run(1.0, 0.01, duration=20).Vm for one in (simulation, twin))
    assert (got == want).all()


@pytest.mark.parametrize("method", FIXED)
def test_divergence_names_what_is_too_fast(method):
    fast = HODGKIN_HUXLEY.replace({"K.n.speed": 1e5, "Na.h.speed": 1e5})
    if method == "exponential_euler":
        message = r"V left the range of the neuron's tables, -300 to 300 mV"
        fast, current = HODGKIN_HUXLEY, 1e5
    else:
        message, current = r"gate K\.n moves at .* per ms, and dt is 0\.05 ms\. Use method=", 10
    simulation = pyhh.Simulation(fast, Vm=0.0)
    with pytest.raises(pyhh.SimulationError, match=message):
        simulation.run(current, 0.05, duration=100, method=method)
    assert np.isfinite(simulation.Vm)


def test_neuron_that_leaves_its_tables_stops_the_adaptive_method():
    simulation = pyhh.Simulation(HODGKIN_HUXLEY)
    with pytest.raises(pyhh.SimulationError, match=r"^the solver is stuck at t = "):
        simulation.run(2e4, 0.001, duration=100, method="adaptive")
    assert 100 < simulation.Vm < 300


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("current", [1e5, -1e4])
def test_no_method_is_advised_where_a_current_drives_V_out_of_the_tables(current, method):
    simulation = pyhh.Simulation(HODGKIN_HUXLEY)
    with pytest.raises(pyhh.SimulationError) as error:
        simulation.run(current, 0.0005, duration=10, method=method)
    assert str(error.value).endswith("Use a weaker stimulus, or check the parameters.")
    assert "-300 to 300 mV" in str(error.value)


def test_channel_with_the_symbol_of_the_potential():
    simulation = pyhh.Simulation(Neuron(V=Channel(0.3, E=-60)), Vm=-50)
    recording = simulation.run(1.0, 0.01, duration=1)
    assert simulation.Vm == recording.Vm[-1]


def test_leak_alone_charges_as_a_capacitor():
    neuron = Neuron(Cm=2.0, leak=Channel(0.1, E=-65))
    recording = pyhh.Simulation(neuron).run(1.0, 0.05, duration=50, method="rk4")
    exact = -65 + 10 * (1 - np.exp(-recording.times / 20))
    np.testing.assert_allclose(recording.Vm, exact, rtol=0, atol=1e-8)
    assert recording.threshold == -15  # 50 mV above its rest


def test_arguments_of_models_and_of_neurons_are_told_apart():
    with pytest.raises(
        TypeError, match=r"^Vm must be left out for a model, which has its own state"
    ):
        pyhh.Simulation(pyhh.HHModel(), Vm=-65)
    with pytest.raises(TypeError, match=r"^reset must be called of the simulation of a Neuron"):
        pyhh.Simulation(pyhh.HHModel()).reset()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"record": ["Na.x"]}, ValueError, r"got 'Na\.x'\. Did you mean Na\.m\?$"),
        ({"record": ["INa"]}, ValueError, r"^record must be one of .*; got 'INa'\."),
        ({"dt": 0}, ValueError, "^dt must be "),
    ],
)
def test_wrong_arguments_name_what_is_known(options, error, message):
    arguments = {"stimulus": 1.0, "dt": 0.01, "duration": 1.0} | options
    with pytest.raises(error, match=message):
        pyhh.Simulation(WANG_BUZSAKI).run(**arguments)
    with pytest.raises(ValueError, match=r"^Vm must be from -300 to 300"):
        pyhh.Simulation(WANG_BUZSAKI, Vm=400)


def test_unknown_trace_is_told_with_the_nearest():
    recording = pyhh.Simulation(WANG_BUZSAKI).run(1.0, 0.01, duration=1)
    with pytest.raises(KeyError, match=r"Na\.m"):
        recording["Na.n"]
    with pytest.raises(TypeError, match=r"^name must be a text; got 0\."):
        recording[0]
    recording = pyhh.Simulation(WANG_BUZSAKI).run(1.0, 0.01, duration=1, record=["Vm"])
    for name, argument in (("Na.h", "record"), ("Vm_min", "envelope")):
        message = rf"^'{name} was not recorded\. .* run\(\.\.\., {argument}=\.\.\.\)"
        with pytest.raises(KeyError, match=message):
            recording[name]
    with pytest.raises(AttributeError, match=r"no attribute 'INa'\. .* items: recording\['K'\]"):
        recording.INa  # noqa: B018


# One to four vectors of gates, shifted, instantaneous, up to five factors: pickled with their
# tables, whose bits may differ between instruction sets of NumPy.
def slow(V):
    return 20 + V / 100


MANY = [
    HODGKIN_HUXLEY,
    WANG_BUZSAKI,
    *(
        HODGKIN_HUXLEY.with_channels(
            **{
                f"M{i}": Channel(
                    0.01,
                    E=-20,
                    shift=float(i % 3),
                    p=Gate(
                        inf=sigmoid(1, 20 + i, 9), tau=lambda V: 20 + V / 100, power=1 + i % power
                    ),
                    q=Gate(inf=sigmoid(1, 20, -9), tau=slow, power=2),
                )
                for i in range(number)
            }
        )
        for number, power in [(1, 2), (3, 2), (5, 2), (5, 3)]
    ),
]
TRACES = """
import hashlib, pickle, sys
import pyhh_fast as pyhh
from pyhh_fast.methods import METHODS
for neuron in pickle.loads(sys.stdin.buffer.read()):
    for method in METHODS:
        recording = pyhh.Simulation(neuron, Vm=-20.0).run(8.0, 0.01, duration=50, method=method)
        traces = b"".join(recording[name].tobytes() for name in neuron.variables)
        print(hashlib.sha256(traces + recording.spike_times.tobytes()).hexdigest())
        if METHODS[method].fixed_step:
            values = {path: [value, 1.1 * value] for path, value in neuron.parameters.items()}
            cells = pyhh.Population.from_model(neuron, 2, values, start="steady", Vm=-20.0)
            r = cells.run(8.0, 0.01, duration=50, method=method, record=list(neuron.variables))
            traces = b"".join(r[name].tobytes() for name in neuron.variables)
            print(hashlib.sha256(traces + r.spikes.time.tobytes()).hexdigest())
"""


@pytest.mark.skipif("v4" not in _cpu.levels(), reason="there is one level with FMA here")
def test_bits_do_not_depend_on_the_instruction_set():
    digests = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", TRACES],
            input=pickle.dumps(MANY),
            env=os.environ | {"PYHH_FAST_SIMD": level},
            stdout=subprocess.PIPE,
            cwd=sys.prefix,
            check=True,
        ).stdout.split()
        for level in ("v3", "v4")
    ]
    assert len(set(digests[0])) == len(MANY) * (len(METHODS) + len(FIXED))
    assert digests[0] == digests[1]


def test_repr_of_a_simulation_names_channels_and_V():
    simulation = pyhh.Simulation(WANG_BUZSAKI, Vm=-60)
    assert repr(simulation) == "Simulation(Neuron of leak, Na, K, Vm=-60)"


def test_start_beyond_the_tables_is_refused():
    message = "Vm must be from -300 to 300 (mV); got 1000. A neuron's tables end there."
    with raises(ValueError, message):
        pyhh.Simulation(WANG_BUZSAKI, Vm=1000)
