"""The command pyhh-fast: demo, info, wrong arguments and Ctrl-C."""

import platform
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from commands import command
from other_processes import python

import pyhh_fast
from pyhh_fast import _cpu
from pyhh_fast.cli import common
from pyhh_fast.cli import main as cli


def test_demo_prints_its_results_and_draws_a_figure(tmp_path, capsys):
    assert cli.main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.fullmatch(
        r"steps        20,000 of 0\.01 ms: 200 ms of model time\n"
        r"wall time    \d+\.\d\d ms, [\d,]+ ns/step, compiled\n"
        r"             \d+\.\d\d ms, [\d,]+ ns/step, when run again\n"
        r"             \d+\.\d\d ms, [\d,]+ ns/step, in pure Python\n"
        r"spikes       17\n"
        r"difference   (\S+) mV at most, compiled from pure Python\n"
        r"figure       demo\.png\n",
        out,
    )
    assert float(re.search(r"difference   (\S+)", out)[1]) < 1e-9
    header = (tmp_path / "demo.png").read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", header[16:])
    assert (width, height) == (960, 960)


def test_demo_writes_to_the_given_file(tmp_path, capsys):
    mpl.use("svg")
    target = tmp_path / "figure.svg"
    assert cli.main(["demo", "--output", str(target)]) == 0
    assert "<svg" in target.read_text(encoding="utf-8")
    assert capsys.readouterr().out.endswith(f"figure       {target}\n")
    assert mpl.get_backend().lower() == "agg", "it needs a display"


@pytest.mark.parametrize("name", ["missing/demo.png", "demo.xyz"])
def test_demo_names_a_file_that_cannot_be_written(name, capsys):
    assert cli.main(["demo", "-o", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pyhh-fast demo: error: cannot write {name}: ")


def test_info_prints_versions_and_cpu_features(capsys):
    assert cli.main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"pyhh_fast     {pyhh_fast.__version__}"
    assert lines[1].startswith("kernel level  ")
    assert lines[2].startswith("CPU features  ")
    assert lines[3].startswith(f"Python        {platform.python_version()} (")
    assert lines[4] == f"NumPy         {np.__version__}"


@pytest.mark.skipif(platform.system() != "Linux", reason="asks the kernel")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 names")
def test_cpu_features_equal_those_of_proc_cpuinfo():
    with open("/proc/cpuinfo") as file:
        flags = re.search(r"^flags\s*:(.*)$", file.read(), re.M)[1].split()
    known = {"sse4.2": "sse4_2"}
    names = ["sse4.2", "avx", "avx2", "fma", "avx512f", "avx512dq", "avx512vl"]
    assert _cpu.features() == [name for name in names if known.get(name, name) in flags]


@pytest.mark.parametrize("arguments", [[], ["simulate"], ["demo", "extra"]])
def test_wrong_arguments_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: pyhh-fast" in capsys.readouterr().err


def test_console_script_is_installed():
    command = shutil.which("pyhh-fast", path=str(Path(sys.executable).parent)) or "pyhh-fast"
    done = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"pyhh_fast {pyhh_fast.__version__}\n", "")


@pytest.mark.parametrize("command", ["info", "demo"])
def test_ctrl_c_ends_commands_without_output(command, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, f"_{command}", interrupted)
    assert cli.main([command]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("command", ["run", "info"])
def test_ctrl_c_during_argument_parsing_ends_without_output(command, monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_parser", interrupted)
    if command == "run":  # ends as the script would
        with pytest.raises(KeyboardInterrupt):
            cli.main([command, "script.py"])
    else:
        assert cli.main([command]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fi --gna 3 --to 5", "unrecognized arguments: --gna 3. Did you mean --gNa?"),
        ("simulate --gna=3", "unrecognized arguments: --gna=3. Did you mean --gNa?"),
        ("fi --g_leak 3", "unrecognized arguments: --g_leak 3. Did you mean --gKleak?"),
        ("simulate --dration 5", "unrecognized arguments: --dration 5. Did you mean --duration?"),
        ("simulate -o a.npz", "unrecognized arguments: -o a.npz. Did you mean --out?"),
        ("fi --v_rest -65", "unrecognized arguments: --v_rest=-65"),
        ("fi --zzz", "unrecognized arguments: --zzz"),
        ("fi gNa", "unrecognized arguments: gNa"),
        ("info --verson", "unrecognized arguments: --verson. Did you mean --version?"),
    ],
)
def test_unknown_option_is_refused_with_the_nearest_one(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments.split())
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f": error: {message}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
@pytest.mark.parametrize("name", ["fi --points=2", "simulate --duration=1"])
def test_full_standard_output_is_reported(name):
    code = f"import sys, pyhh_fast.cli.main as cli; sys.exit(cli.main({name.split()}))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"pyhh-fast {name.split()[0]}: error: cannot write to standard output: [Errno 28] No space "
        "left on device. Free space, or name a file on another disk.\n"
    )


@pytest.mark.parametrize("name", ["fi --points=2", "simulate"])
def test_command_without_figure_does_not_import_matplotlib(name):
    code = f"""
import sys
from pyhh_fast.cli import common
from pyhh_fast.cli import main as cli
assert cli.main({[*name.split(), "--duration=1"]}) == 0
assert "matplotlib" not in sys.modules
"""
    python(code)


@pytest.mark.parametrize("tqdm", [True, False])
def test_progress_bar_is_shown_on_a_terminal_if_tqdm_is_installed(tqdm, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    if not tqdm:
        monkeypatch.setattr(common, "find_spec", lambda name: None)
    for arguments, shown in (
        ("fi --duration 100 --points 5", "10.0k/10.0k"),
        ("simulate --duration 100 --out run.zarr", "10.0k/10.0k"),
        ("simulate --resume run.zarr --duration 150", "15.0k/15.0k"),
    ):
        assert command(arguments) == 0
        err = capsys.readouterr().err
        assert (shown in err) == tqdm
        assert tqdm or err == ""
