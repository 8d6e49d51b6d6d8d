"""Sweeps on a real Dask cluster, whose workers are processes, and die."""

import functools
import os
import signal
import threading

import doc_pages
import numpy as np
import pytest
from doc_pages import DOCS
from sweep_runs import GRID, WAVE, WHERE, cut, short

import pyhh_fast as pyhh

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")
dask = pytest.importorskip("dask", reason="sweeps need the extra 'sweep'")
distributed = pytest.importorskip("distributed", reason="sweeps need the extra 'sweep'")

from sweep_models import Warm, deadly, failing, neuron_of_functions, slowly  # noqa: E402

same = xarray.testing.assert_identical


@pytest.fixture(scope="module")
def client():
    # What is dead is waited for, else, for 30 s now and then.
    quick = dask.config.set({"distributed.comm.timeouts.connect": "3s"})
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        quick,
        distributed.LocalCluster(**workers, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("options", [{}, {"pure": True, "retries": 2}], ids=["plain", "pure"])
def test_cluster_gives_the_same_bits(client, monkeypatch, options):
    class Local(Warm):
        """A class of this function alone."""

    # To Dask all is one: a function without a name, too.
    runs = [
        functools.partial(short, model, GRID, stimulus, method="exponential_euler", reduce=reduce)
        for model in (pyhh.HHModel.at_rest(), Local.at_rest())
        for stimulus in (-60.0, WAVE)
        for reduce in ("final_Vm", lambda recording: recording.final_state.StateM)
    ]
    expected = [run() for run in runs]
    cut(monkeypatch, 5)
    for run, result in zip(runs, expected, strict=True):
        same(run(executor=client.get_executor(**options)), result)


def test_cluster_gives_the_same_bits_of_a_neuron(client, monkeypatch):
    run = functools.partial(
        short, neuron_of_functions(), {"K.g": [8, 9], "K.n.speed": [4, 5]}, WAVE
    )
    expected = run(reduce="final_K.n")
    cut(monkeypatch, 1)
    same(run(reduce="final_K.n", executor=client.get_executor()), expected)


def test_chunk_of_a_dead_worker_is_computed_again(client, monkeypatch, tmp_path):
    reduce = functools.partial(deadly, tmp_path / "flag")
    cut(monkeypatch, 1)
    pids = set(client.run(os.getpid).values())
    result = short(reduce=reduce, executor=client.get_executor(), out=tmp_path / "out.zarr")
    np.testing.assert_array_equal(result["value"], short(reduce="final_Vm").final_Vm)
    assert (tmp_path / "flag").exists()
    client.wait_for_workers(2, timeout=60)
    assert len(pids & set(client.run(os.getpid).values())) == 1
    with xarray.open_zarr(tmp_path / "out.zarr") as opened:
        same(opened.load(), result)


def test_sweep_survives_a_killed_worker(client, monkeypatch, tmp_path):
    out = tmp_path / "out.zarr"
    cut(monkeypatch, 1)
    client.wait_for_workers(2, timeout=60)
    victim = next(iter(client.run(os.getpid).values()))
    killed_after = []

    def kill():
        while len(done := list(out.glob("slowly/c/*/*/*"))) < 5:
            threading.Event().wait(0.01)
        killed_after.append(len(done))
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = short(reduce=slowly, executor=client.get_executor(), out=out)
    killer.join()
    assert 5 <= killed_after[0] < 30
    np.testing.assert_array_equal(result.slowly, short(reduce="final_Vm").final_Vm)
    client.wait_for_workers(2, timeout=60)
    assert victim not in client.run(os.getpid).values()


def test_errors_of_reduce_are_raised_to_the_caller(client, tmp_path):
    with pytest.raises(ZeroDivisionError, match=WHERE):
        short(reduce=functools.partial(failing, tmp_path / "calls"), executor=client.get_executor())
    assert len((tmp_path / "calls").read_text().split()) == 1


@pytest.mark.skipif(not DOCS.exists(), reason="the tests were copied without docs/")
def test_example_of_the_documentation_runs(client, monkeypatch, tmp_path):
    blocks = doc_pages.blocks(DOCS / "how-to" / "sweeps.md")
    [block] = [block.text for block in blocks if "client.get_executor()" in block.text]
    assert len([line for line in block.splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    namespace = {"np": np, "pyhh": pyhh}
    exec(block.replace("tcp://scheduler:8786", client.scheduler.address), namespace)
    with xarray.open_zarr("sweep.zarr") as opened:
        same(opened.load(), namespace["result"])
    namespace["client"].close()


def test_client_instead_of_executor_is_refused(client):
    with pytest.raises(TypeError, match=r"Executor; got <Client: .* Of a Dask client pass client"):
        short(executor=client)
