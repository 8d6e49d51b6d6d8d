"""The command `pyhh-fast fi`."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from commands import failed, refused

import pyhh_fast as pyhh
from pyhh_fast.analysis import setup, swings
from pyhh_fast.cli import fi
from pyhh_fast.cli import main as cli

SHORT = ["--duration", "100", "--points", "5"]
HEADER = "current_uA_per_cm2,rate_Hz"


def read_table(text):
    header, *rows = text.splitlines()
    assert header == HEADER
    return np.array([[float(value) for value in row.split(",")] for row in rows])


def test_default_table_is_the_fi_curve_from_0_to_20(capsys):
    assert cli.main(["fi"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    currents, rates = read_table(out).T
    np.testing.assert_allclose(currents, np.linspace(0, 20, 201), rtol=1e-9)
    expected = pyhh.fi_curve(pyhh.HHModel.at_rest(), np.linspace(0, 20, 201))
    np.testing.assert_allclose(rates, expected, rtol=1e-9)
    assert out.startswith(f"{HEADER}\n0,0\n0.1,0\n0.2,0\n0.3,0\n")


def test_every_option_is_used(capsys):
    options = "--from 10 --to -2.5 --points 6 --duration 120 --dt 0.02 --method rk4 --threads 1"
    parameters = {"Cm": 1.1, "gNa": 130, "gK": 35, "gKleak": 0.25, "ENa": 110, "EK": -11}
    parameters["EKleak"] = 11
    given = [word for name, value in parameters.items() for word in (f"--{name}", str(value))]
    assert cli.main(["fi", *options.split(), *given]) == 0
    model = pyhh.HHModel.at_rest(**parameters)
    currents = np.linspace(10, -2.5, 6)
    rates = pyhh.fi_curve(model, currents, duration=120, dt=0.02, method="rk4")
    assert rates[0] > 0
    np.testing.assert_allclose(
        read_table(capsys.readouterr().out), np.array([currents, rates]).T, rtol=1e-9
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--neuron morris_lecar", "; a single spike takes 70.83 µA/cm², the rheobase"),
        ("--to 2 --threshold 60", "; a single spike takes 2.241 µA/cm², the rheobase"),
        ("--gNa 0", ""),
    ],
)
def test_rates_that_are_all_0_are_told_with_the_rheobase(options, reason, capsys):
    assert cli.main(["fi", "--points", "3", *options.split()]) == 0
    out, err = capsys.readouterr()
    assert (read_table(out)[:, 1] == 0).all()
    assert err == f"pyhh-fast fi: all rates are 0{reason}. Widen the range, --from and --to.\n"


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_table_is_written_to_a_file(option, tmp_path, capsys):
    assert cli.main(["fi", *SHORT]) == 0
    printed = capsys.readouterr().out
    target = tmp_path / "fi.csv"
    target.write_text("something longer that was there before\n" * 100)
    assert cli.main(["fi", *SHORT, option, str(target)]) == 0
    assert capsys.readouterr() == ("", "")
    assert target.read_bytes() == printed.encode("ascii")


def test_figure_is_written_besides_the_table(tmp_path, capsys):
    mpl.use("svg")
    target = tmp_path / "fi.png"
    assert cli.main(["fi", *SHORT, "--plot", str(target)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert len(read_table(out)) == 5
    assert target.read_bytes().startswith(b"\x89PNG")
    assert mpl.get_backend().lower() == "agg", "it needs a display"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--points", "0"], "points must be a whole number, 1 or more; got 0."),
        (["--points", "2.5"], "argument --points: invalid int value: '2.5'"),
        (["--from", "nan"], "from must be a finite number (µA/cm²); got nan."),
        (["--to", "inf"], "to must be a finite number (µA/cm²); got inf."),
        (["--method", "midpoint"], "argument --method: invalid choice: 'midpoint'"),
        (["--dt", "0"], "dt must be a positive, finite number (ms); got 0.0."),
        (["--gNa", "much"], "argument --gNa: invalid float value: 'much'"),
        (["--Cm", "0"], "Cm must be a positive, finite number (µF/cm²); got 0.0."),
        (["--threads", "0"], "threads must be a whole number, 1 or more; got 0."),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, message, tmp_path, capsys):
    target = tmp_path / "fi.csv"
    assert refused(capsys, "fi", *arguments, "-o", target).startswith(message)
    assert not target.exists()


def test_neuron_without_rest_warns(capsys):
    # It fires spontaneously.
    assert cli.main(["fi", "--EKleak", "60", "--points", "1", "--duration", "200"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("pyhh-fast fi: warning: the model has no stable resting potential; ")
    assert err.count("\n") == 1
    model = pyhh.HHModel(EKleak=60)
    model.h.setInfiniteState()
    spikes = pyhh.Simulation(model).run(0, 0.01, duration=200, method="adaptive").spike_times
    rate = 1000 / np.diff(spikes[spikes > 100]).mean()
    assert read_table(out)[:, 1] == pytest.approx([rate], rel=1e-3)


def test_unwritable_table_is_refused_before_the_run(monkeypatch, capsys):
    monkeypatch.setattr(fi, "rates_and_swings", None)
    message = failed(capsys, "fi", "-o missing/fi.csv")
    assert message.startswith("cannot write missing/fi.csv: [Errno 2] ")


@pytest.mark.parametrize("name", ["missing/fi.png", "fi.xyz"])
def test_unwritable_figure_does_not_affect_the_table(name, capsys):
    message = failed(capsys, "fi", *SHORT, "-o fi.csv --plot", name)
    assert message.startswith(f"cannot write {name}: ")
    assert len(read_table(Path("fi.csv").read_text())) == 5


def test_warnings_are_printed_in_one_line_each(capsys):
    assert cli.main(["fi", "--points", "3", "--dt", "0.1", "--method", "euler"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{HEADER}\n0,0\n10,nan\n20,nan\n"
    assert err == (
        "pyhh-fast fi: warning: dt is 0.1 ms; steps of 0.05 ms or less are recommended for the "
        "rates of this model. Leave --dt out, or use --method adaptive.\n"
        "pyhh-fast fi: warning: under 2 of 3 currents the model diverged, 10 µA/cm² for one, and "
        "the rate is NaN. Use --method adaptive, whose steps follow the fastest rate.\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_ctrl_c_ends_without_output(tmp_path):
    target = tmp_path / "fi.csv"
    code = (
        "import sys; from pyhh_fast.cli import main as cli; print('ready', flush=True); "
        "sys.exit(cli.main(['fi', '--points', '100000', '-o', sys.argv[1]]))"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=pipe, stderr=pipe, text=True
    ) as process:
        process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert (out, err) == ("", "")
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--EKleak", "60"], "with steady gates. Give other parameters.\n"),
        (
            ["--dt", "0.2"],
            "for the rates of this model. Leave --dt out, or use --method adaptive.\n",
        ),
        (
            ["--ENa", "50", "--EK", "-77", "--EKleak", "-54"],
            "add 65 mV: --ENa 115, --EK -12, --EKleak 11; to a starting voltage too.\n",
        ),
    ],
)
def test_warnings_recommend_command_line_options(options, advice, capsys):
    assert cli.main(["fi", "--points", "2", "--duration", "200", *options]) == 0
    err = capsys.readouterr().err
    assert advice in err
    assert not re.search(r"start=|HHModel\.|method=|unstable=|_UpdateGate", err)


def test_errors_recommend_command_line_options(capsys):
    assert refused(capsys, "fi", "--points 2 --gNa 0 --gK 0 --gKleak 0") == (
        "parameters must have an equilibrium; got none. Give other parameters."
    )


def test_too_short_duration_recommends_an_option(monkeypatch, capsys):
    monkeypatch.setattr(swings, "FIRST", 1)
    monkeypatch.setattr(swings, "LIMIT", 1)
    assert cli.main(["fi", "--points", "1", "--from", "10", "--duration", "1"]) == 0
    out, err = capsys.readouterr()
    assert "the duration is too short. Give --duration " in err
    assert out.endswith("10,nan\n")


def test_figure_marks_rates_of_subthreshold_oscillations(tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(
        "pyhh_fast.plotting.plot_fi_curve",
        lambda currents, rates, *, swings: drawn.extend(swings) or mpl.figure.Figure(),
    )
    options = ["--from", "20", "--to", "100", "--points", "2", "--duration", "200"]
    assert cli.main(["fi", *options, "--plot", str(tmp_path / "fi.png")]) == 0
    assert drawn == [False, True]


def test_tiny_default_step_warns_in_options(monkeypatch, capsys):
    monkeypatch.setattr(setup, "LONG", 1e4)
    options = ["--Cm", "0.005", "--to", "0.001", "--points", "2", "--duration", "1"]
    assert cli.main(["fi", *options, "--method", "euler"]) == 0
    assert capsys.readouterr().err == (
        "pyhh-fast fi: warning: the rates of this model are so fast that dt is 5.7e-05 ms, and "
        "3.5e+04 steps of cells take long. Check the parameters, or pass a larger --dt, which "
        "--method exponential_euler takes, or a shorter --duration.\n"
        "pyhh-fast fi: all rates are 0. Widen the range, --from and --to.\n"
    )
