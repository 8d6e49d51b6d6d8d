"""State files of neurons with calcium: declaration, tables over concentrations, and state."""

import base64
import json

import numpy as np
import pytest
from calcium_neurons import bursting, low_threshold
from store_files import REMOVED, change

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Neuron, Pool
from pyhh_fast.storage import stored_tables
from pyhh_fast.storage.saved_neurons import with_tables
from pyhh_fast.storage.stored_tables import GateRows


def only_of_calcium():
    """Return a neuron without a gate that depends on V."""
    q = Gate(inf=lambda Ca: Ca / (Ca + 1e-3), instantaneous=True, of="Ca")
    return Neuron(
        leak=Channel(0.1, E=-65, feeds="Ca"), A=Channel(1, E=-90, q=q), Ca=Pool(1e-4, 5, gain=1e-3)
    )


NEURONS = {"bursting": bursting(), "LTS": low_threshold(), "of calcium": only_of_calcium()}


def saved(neuron, tmp_path, V=-50.0):
    file = tmp_path / "state.json"
    pyhh.Simulation(neuron, Vm=V).save_state(file)
    return file


@pytest.mark.parametrize("name", NEURONS)
def test_a_state_file_has_concentrations_and_all_tables(name, tmp_path):
    neuron = NEURONS[name]
    file = saved(neuron, tmp_path)
    loaded = pyhh.Simulation.load_state(file)
    state = loaded._state
    assert state.concentrations == {"Ca": neuron.steady_state(-50.0)["Ca"]}
    assert (state.V, loaded.model.parameters) == (-50, neuron.parameters)
    for ours, theirs in (
        (loaded.model.tables, neuron.tables),
        (loaded.model.pool_tables, neuron.pool_tables),
    ):
        assert list(ours) == list(theirs)
        for path, table in theirs.items():
            assert ours[path].axis is table.axis
            assert (ours[path].width, ours[path].own_width) == (table.width, table.own_width)
            np.testing.assert_array_equal(ours[path].coefficients, table.coefficients)
    assert loaded.model.steady_state(-33.3) == neuron.steady_state(-33.3)
    content = json.loads(file.read_text())
    content["neuron"]["state"]["concentrations"]["Ca"] = 0.0123
    file.write_text(json.dumps(content))
    assert pyhh.Simulation.load_state(file)._state.concentrations == {"Ca": 0.0123}
    with_functions = pyhh.Simulation.load_state(file, model=neuron).model
    assert with_functions == neuron


def test_a_neuron_with_another_pool_is_refused(tmp_path):
    neuron = low_threshold()
    file = saved(neuron, tmp_path)
    T = neuron.channels["T"]
    others = {
        "Ca.tau 6.0 instead of 5.0": neuron.replace({"Ca.tau": 6}),
        "T.E.outside 3.0 instead of 2.0": neuron.replace({"T.E.outside": 3}),
        "other channels or gates": neuron.without("T").with_channels(
            T=Channel(T.g, E=T.E, **T.gates)
        ),
        "other pools": neuron.with_channels(Cb=Pool(1, 2, gain=3)),
    }
    for difference, other in others.items():
        with pytest.raises(ValueError, match=f"got one with {difference}"):
            pyhh.Simulation.load_state(file, model=other)


def test_another_function_of_calcium_is_refused(tmp_path):
    file = saved(only_of_calcium(), tmp_path)
    q = Gate(inf=lambda Ca: Ca / (Ca + 1.001e-3), instantaneous=True, of="Ca")
    other = only_of_calcium().without("A").with_channels(A=Channel(1, E=-90, q=q))
    with pytest.raises(ValueError, match=r"got one with other rates of gate A\.q"):
        pyhh.Simulation.load_state(file, model=other)


STATE, POOL = ["neuron", "state"], ["neuron", "declaration", "pools", 0]
CHANNEL = ["neuron", "declaration", "channels", 3]  # CaL


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ([*STATE, "concentrations"], REMOVED),
        ([*STATE, "concentrations"], {}),
        ([*STATE, "concentrations", "Ca"], -1.0),
        ([*STATE, "concentrations", "Cb"], 1.0),
        ([*STATE, "gates"], {}),
        (["neuron", "declaration", "pools"], []),
        (["neuron", "declaration", "pools"], REMOVED),
        ([*POOL, "tau"], 0),
        ([*POOL, "gain"], 3.0),
        ([*POOL, "name"], "Cb"),
        ([*CHANNEL, "feeds"], "Cb"),
        ([*CHANNEL, "feeds"], None),
        ([*CHANNEL, "E"], {"pool": "Ca"}),
        ([*CHANNEL, "E", "celsius"], 99),
        ([*CHANNEL, "gates", 1, "of"], "Cb"),
        ([*CHANNEL, "gates", 1, "of"], REMOVED),
        ([*CHANNEL, "gates", 1, "times"], "Ca"),
        (["table", "pool_widths"], REMOVED),
        (["table", "pool_widths"], []),
        (["table", "pool_widths"], 3),
        (["table", "pool_widths", 0], 0.5),
        (["table", "own_widths", 0], 0.3),
        (["table", "own_widths", -1], 0.5),
        (["table", "rows"], "AAAA"),
    ],
    ids=str,
)
def test_crafted_state_file_is_refused(path, to, tmp_path):
    file = saved(NEURONS["bursting"], tmp_path)
    content = json.loads(file.read_text())
    change(content, path, to)
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"^path must be a file that save_state has written;"):
        pyhh.Simulation.load_state(file)


def test_tables_of_another_length_are_refused(tmp_path):
    file = saved(NEURONS["bursting"], tmp_path)
    content = json.loads(file.read_text())
    rows = base64.b64decode(content["table"]["rows"])[:-96]
    content["table"]["rows"] = base64.b64encode(rows).decode()
    del content["table"]["sha256"]
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"a table of rates must be as it was written; got \{"):
        pyhh.Simulation.load_state(file)


def test_tables_of_a_store_are_written_and_read(tmp_path):
    neuron = bursting()
    table = GateRows.of(neuron)
    stored_tables.write(tmp_path, table)
    (read,) = stored_tables.found(tmp_path)
    np.testing.assert_array_equal(read.rows, table.rows)
    assert read[1:] == table[1:]
    own = neuron._tables
    again = with_tables(neuron, read.by_path(own.of_V, own.of_pools))
    assert again.steady_state(-40.0) == neuron.steady_state(-40.0)
    with pytest.raises(ValueError, match="more or fewer tables than gates"):
        read.by_path(own.of_V, [*own.of_pools][:2])


def test_a_description_without_calcium_is_as_before(tmp_path):
    content = json.loads(saved(pyhh.neurons.wang_buzsaki(), tmp_path).read_text())
    assert set(content["neuron"]["declaration"]) == {"Cm", "area", "threshold", "channels"}
    assert set(content["neuron"]["declaration"]["channels"][0]) == {
        *("name", "g", "E", "shift", "gates")
    }
    assert set(content["neuron"]["state"]) == {"V", "gates"}
    assert set(content["table"]) == {"own_widths", "width", "rows", "sha256"}
