"""Requests larger than the free memory are refused before anything is computed."""

import re
import sys
import textwrap

import numpy as np
import pytest
from other_processes import python

import pyhh_fast as pyhh
from pyhh_fast import stimuli
from pyhh_fast.cli import main as cli
from pyhh_fast.system import free_memory

GB = 10**9


def simulation():
    return pyhh.Simulation(pyhh.HHModel.at_rest())


@pytest.fixture
def little(monkeypatch):
    """Half a gigabyte is free."""
    monkeypatch.setattr(free_memory, "free", lambda: GB // 2)


def refusal(name, need, advice):
    return re.escape(
        f"{name} must fit into the free memory; got a need of {need} GB, and 0.5 GB are free. "
    ) + re.escape(advice)


RUN = "Keep fewer traces by record=, every k-th step by every=, or write them to a store while they"


@pytest.mark.usefixtures("little")
def test_traces_of_a_run_too_large_are_refused():
    resting = simulation()
    start = resting.model.Vm
    with pytest.raises(MemoryError, match=refusal("the traces of a run", "5.6", RUN)):
        resting.run(10.0, 0.01, duration=1e6)
    assert resting.model.Vm == start
    assert resting.recording is None
    kept = resting.run(10.0, 0.01, duration=1e6, record=["Vm"], every=100_000)
    assert len(kept) == 1_000


CELLS = "Keep fewer traces by record=, fewer cells by cells=, or every k-th step by every=."
REQUESTS = {
    "envelope": (
        lambda: simulation().run(10.0, 0.01, duration=1e6, record=(), envelope=1),
        ("the traces of a run", "1.6", RUN),
    ),
    "arrays": (
        lambda: simulation().CreateArrays(10_000_000, 0.01),
        ("the arrays", "0.56", "Use run with record="),
    ),
    "population": (
        lambda: pyhh.Population(10_000_000),
        ("a population", "3", "Make several, one after the other."),
    ),
    "traces of cells": (
        lambda: pyhh.Population(1_000).run(0.0, 0.01, duration=1e3, record=["Vm"]),
        ("the traces of a population", "0.8", CELLS),
    ),
    "stimulus": (
        lambda: stimuli.sine(1, 10).to_array(10**8, 0.01),
        ("the values", "0.8", "Pass the stimulus itself to a run."),
    ),
}


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("request_name", REQUESTS)
def test_requests_too_large_are_refused(request_name):
    call, message = REQUESTS[request_name]
    with pytest.raises(MemoryError, match=refusal(*message)):
        call()


def test_fitting_traces_of_cells_are_accepted(little):
    recording = pyhh.Population(1_000).run(0.0, 0.01, duration=1, record=["Vm"])
    assert recording.Vm.shape == (1_000, 100)


@pytest.mark.usefixtures("little")
def test_command_line_reports_traces_too_large(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["simulate", "--duration", "1h", "--out", "run.npz"]) == 1
    assert (
        "there is not enough memory for the traces of 360,000,000 steps" in capsys.readouterr().err
    )
    assert not any(tmp_path.iterdir())


def test_nothing_is_refused_where_free_memory_is_unknown(monkeypatch):
    monkeypatch.setattr(free_memory, "free", lambda: None)
    free_memory.check(10**18, "it", "")


@pytest.mark.parametrize(
    ("line", "folder", "files"),
    [("0::/a/b", ".", free_memory.VERSION_2), ("4:memory:/a/b", "memory", free_memory.VERSION_1)],
)
def test_smallest_limit_of_control_groups_counts(line, folder, files, tmp_path, monkeypatch):
    # The outer group leaves less than the inner one; its cache can be reclaimed.
    for group, most, used in (
        (folder, "max", 0),
        (f"{folder}/a", 900, 700),
        (f"{folder}/a/b", 800, 100),
    ):
        directory = tmp_path / group
        directory.mkdir(exist_ok=True)
        for name, content in zip(files, (most, used, None), strict=True):
            if content is not None:
                (directory / name).write_text(f"{content}\n")
        (directory / "memory.stat").write_text(f"anon 1\n{files[2]} 30\n")
    monkeypatch.setattr(free_memory, "CGROUPS", tmp_path)
    read = free_memory._text
    monkeypatch.setattr(
        free_memory,
        "_text",
        lambda *path: f"{line}\n" if path == ("/proc/self/cgroup",) else read(*path),
    )
    assert min(free_memory._of_control_groups()) == 900 - 700 + 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ulimit -v is Linux's")
def test_address_space_limit_of_the_process_counts():
    script = """
        import resource
        import pyhh_fast as pyhh
        simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
        resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, resource.RLIM_INFINITY))
        try:
            simulation.run(10, 0.01, duration=1e6)
        except MemoryError as error:
            print(error)
    """
    printed, _ = python(textwrap.dedent(script), OPENBLAS_NUM_THREADS="1")
    assert "must fit into the free memory; got a need of 5.6 GB, and 2." in printed


def test_free_memory_is_plausible_here():
    there = free_memory.free()
    assert there is None or 10**7 < there < 10**15
    assert np.zeros(1).nbytes < free_memory.CHECKED_FROM
