"""Files of NeuroML on the command line: `pyhh-fast neuroml`, and simulate's --neuroml."""

import json
import re

import numpy as np
import pytest
from commands import command, failed, refused, simulate
from neuroml_files import FILES, LEAK, OPENS, neuroml, point, with_gate

from pyhh_fast import Neuron, Simulation, stimuli

AXON = FILES / "squid_axon.xml"


def test_a_file_is_shown_with_its_units(capsys):
    assert command("neuroml", AXON) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        f"pointCellCondBased axon, from -65 mV:\n{Neuron.from_neuroml(AXON)}\n"
        "Stimulus, in µA/cm² and ms: step(8, 50, 100)\n"
        "pulseGenerator pulse, in µA/cm² and ms: step(8, 50, 100)\n"
        "Simulation sim: 150 ms\n"
    )


def test_what_is_not_supported_is_said_beside_what_is(tmp_path, capsys):
    path = tmp_path / "it.nml"
    path.write_text(
        neuroml(
            LEAK
            + point()
            + '\n<iafCell id="iaf"/>\n<voltageClamp id="clamp"/>\n'
            + '<pulseGenerator id="pulse" delay="1 ms" duration="2 ms" amplitude="3 nA"/>'
        )
    )
    assert command("neuroml", path) == 0
    out = capsys.readouterr().out
    assert out.startswith("pointCellCondBased cell, from -65 mV:\nNeuron: Cm 1 ")
    cell, clamp = out.index("iafCell iaf: not"), out.index("voltageClamp clamp: not supported. ")
    place = rf"iafCell iaf: not supported\. {re.escape(str(path))}, line \d+: <iafCell id='iaf'> "
    assert re.match(place, out[cell:clamp])
    assert out.endswith("pulseGenerator pulse, in µA/cm² and ms: step(300, 1, 3)\n")


def test_temperature_and_root_are_options(tmp_path, capsys):
    factor = '<q10Settings type="q10ExpTemp" q10Factor="3" experimentalTemp="20 degC"/>'
    closes = OPENS.replace("forward", "reverse")
    gate = f'<gateHHrates id="n" instances="1">{factor}{OPENS}{closes}</gateHHrates>'
    (tmp_path / "cells").mkdir()
    (tmp_path / "all.nml").write_text(with_gate(gate))
    path = tmp_path / "cells/it.nml"
    path.write_text(neuroml('<include href="../all.nml"/>'))
    out_of = f"{path}, line 2: <include> must include files in {path.parent}; got '../all.nml'. "
    for name in ("neuroml", "simulate --duration 1 --neuroml"):
        said = failed(capsys, name, path) if name == "neuroml" else None
        if said is None:
            said = refused(capsys, "simulate", *name.split()[1:], path)
        assert said == out_of + "Give --root, a folder that has them all, if you trust them."
    assert command(f"neuroml {path} --root {tmp_path}") == 1
    assert "no networkWithTemperature. Give --temperature (°C)." in capsys.readouterr().out
    assert command(f"neuroml {path} --root {tmp_path} --temperature 40") == 0
    assert re.search(r"K .* n .* 1  9 .* alpha exponential\(1, -40, 10\)", capsys.readouterr().out)


def test_simulate_runs_a_cell_as_its_file_says():
    """From its start, with its input, for its time."""
    assert simulate("--neuroml", AXON, "--out run.npz") == 0
    neuron = Neuron.from_neuroml(AXON)
    expected = Simulation(neuron, Vm=-65).run(stimuli.from_neuroml(AXON), 0.01, duration=150)
    assert expected.spike_times.size == 4
    with np.load("run.npz") as found:
        np.testing.assert_array_equal(found["Vm"], expected.Vm)
        np.testing.assert_array_equal(found["spike_times"], expected.spike_times)
        assert found["neuron"] == str(AXON)
        assert json.loads(str(found["parameters"])) == neuron.parameters


def test_simulate_runs_a_cell_of_a_file_otherwise():
    options = "--cell IB --step 0.5,10,90 --duration 100 --steady -80 --set L.g=0.2 --method rk4"
    assert simulate("--neuroml", FILES / "pospischil.nml", options, "--out run.npz") == 0
    neuron = Neuron.from_neuroml(FILES / "pospischil.nml", "IB").replace({"L.g": 0.2})
    expected = Simulation(neuron, Vm=-80).run(
        stimuli.step(0.5, 10, 90), 0.01, duration=100, method="rk4"
    )
    with np.load("run.npz") as found:
        np.testing.assert_array_equal(found["Vm"], expected.Vm)


def test_input_that_ends_gives_the_time_where_no_simulation_does():
    assert simulate("--neuroml", FILES / "wang_buzsaki.nml", "--method rk4 --out run.npz") == 0
    with np.load("run.npz") as found:
        assert found["Vm"].size == 10_000
        assert found["spike_times"].size == 10


def test_cell_without_inputs_runs_without(tmp_path):
    (tmp_path / "it.nml").write_text(neuroml(LEAK + point()))
    assert simulate("--neuroml", tmp_path / "it.nml", "--duration 1 --out run.npz") == 0
    with np.load("run.npz") as found:
        np.testing.assert_allclose(found["Vm"], -65, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--cell RS", "--cell goes with --neuroml"),
        ("--temperature 20", "--temperature goes with --neuroml"),
        (f"--neuroml {AXON} --neuron wang_buzsaki", "--neuron does not go with --neuroml. Use --s"),
        (f"--neuroml {AXON} --gNa 100", "--gNa does not go with --neuroml. Use --set."),
        (f"--neuroml {AXON} --voltage 0", "--voltage does not go with --neuroml. Use --steady."),
        (f"--neuroml {AXON} --set Na.g=1", "path must be one of "),
        (f"--neuroml {FILES / 'pospischil.nml'}", "got 2. Give --cell, one of RS, IB."),
        (f"--neuroml {AXON} --cell soma", "cell_id must be that of a cell in "),
    ],
)
def test_wrong_options_are_refused(capsys, options, message):
    assert message in refused(capsys, "simulate", options)


def test_missing_file_is_an_error(capsys, tmp_path):
    gone = tmp_path / "gone.nml"
    said = f"[Errno 2] No such file or directory: '{gone}'"
    assert failed(capsys, "neuroml", gone) == said
    assert failed(capsys, "simulate", "--neuroml", gone, "--duration 1") == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LEAK, "The file has no cell.\n"),
        ('<iafCell id="iaf"/>', "The file has no cell that is supported.\n"),
    ],
)
def test_files_without_a_cell_that_is_read_fail(tmp_path, capsys, content, said):
    (tmp_path / "it.nml").write_text(neuroml(content))
    assert command("neuroml", tmp_path / "it.nml") == 1
    assert capsys.readouterr().out.endswith(said)


def test_what_is_skipped_is_listed(tmp_path, capsys):
    (tmp_path / "it.nml").write_text(neuroml(LEAK + point() + '<gapJunction id="gap"/>'))
    assert command("neuroml", tmp_path / "it.nml") == 0
    assert "<gapJunction id='gap'> in line 4 of it.nml is skipped." in capsys.readouterr().out


def test_area_of_a_file_with_its_input_is_not_set(capsys):
    said = refused(capsys, "simulate", "--neuroml", AXON, "--set area=500")
    assert "--set area does not go with --neuroml and the file's input" in said
    assert simulate("--neuroml", AXON, "--set area=500 --constant 1 --duration 1 --out a.npz") == 0
