"""Sweeps with features for `reduce`: a variable for each, in the result and in the store."""

import itertools

import numpy as np
import pytest
from error_messages import raises
from store_files import files
from sweep_runs import GRID, WAVE, crossed, cut, executors, short

import pyhh_fast as pyhh
from pyhh_fast import features
from pyhh_fast.sweeps import run, sweep

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")
zarr = pytest.importorskip("zarr", minversion="3", reason="stores are opened with it")

CHOSEN = {
    "n": features.spike_count(0, 15),
    "mean of V": features.mean_voltage(5, 15),
    "first-width": features.AP_duration_half_width(0, 15, spike=0),
}


def expected_of(grid, stimulus):
    points = {name: np.array(own) for name, own in crossed(grid).items()}
    size = next(iter(points.values())).size
    current = points.pop("current", np.zeros(size))
    model = pyhh.HHModel.at_rest()
    cells = pyhh.Population.from_model(model, size, points, start="model")
    wave = np.add(current[:, np.newaxis], np.broadcast_to(stimulus, 1_500))
    return cells.run(wave, 0.01, features=CHOSEN).features


@pytest.mark.parametrize("executor", ["none", "threads", "processes"])
@pytest.mark.parametrize("stimulus", [2.0, WAVE], ids=["constant", "wave"])
def test_each_is_a_variable_with_the_bits_of_a_population(monkeypatch, executor, stimulus):
    cut(monkeypatch, 7)
    with executors(executor) as pool:
        result = short(stimulus=stimulus, reduce=CHOSEN, executor=pool)
    assert [*result.data_vars] == ["diverged_at", *CHOSEN]
    for name, values in expected_of(GRID, stimulus).items():
        assert result[name].dims == tuple(GRID)
        np.testing.assert_array_equal(result[name].values.ravel(), values, strict=True)
    assert {name: (result[name].units, result[name].long_name) for name in CHOSEN} == {
        "n": ("1", "spike_count(0, 15)"),
        "mean of V": ("mV", "mean_voltage(5, 15)"),
        "first-width": ("ms", "AP_duration_half_width(0, 15, 0)"),
    }


def test_zipped_points_of_a_neuron():
    neuron, grid = pyhh.neurons.wang_buzsaki(), {"K.g": [6.0, 9.0], "Na.shift": [0.0, 1.0]}
    result = short(neuron, grid, product=False, reduce=CHOSEN, method="rk4")
    cells = pyhh.Population.from_model(neuron, 2, grid)
    expected = cells.run(2.0, 0.01, duration=15, method="rk4", features=CHOSEN).features
    for name, values in expected.items():
        assert result[name].dims == ("point",)
        np.testing.assert_array_equal(result[name].values, values, strict=True)


def test_store_has_each_and_is_continued(tmp_path, monkeypatch):
    cut(monkeypatch, 7)
    out = tmp_path / "sweep"
    result = short(reduce=CHOSEN, out=out)
    xarray.testing.assert_identical(xarray.open_zarr(out).load(), result)
    before = files(out)
    for number, name in itertools.product("02", CHOSEN):  # of one chunk one array, each in turn
        (out / name / "c" / number / "0" / "0").unlink()
        part = xarray.open_zarr(out).load()
        assert np.isnan(part[name].values).any()
        xarray.testing.assert_identical(short(reduce=CHOSEN, out=out), result)
        assert files(out) == before
    with monkeypatch.context() as patch:
        patch.setattr(run, "compute", None)  # all is done
        xarray.testing.assert_identical(short(reduce=CHOSEN, out=out), result)
    message = "^out must be a store of this sweep, or new; got .* with reduce "
    others = ({"n": CHOSEN["n"]}, CHOSEN | {"n": features.spike_count(0, 14)}, "spike_counts")
    for other in others:
        with pytest.raises(ValueError, match=message):
            short(reduce=other, out=out)


@pytest.mark.parametrize(("name", "chunks"), [("n", 1), ("first-width", 9)])
def test_chunks_are_small_where_features_need_much(name, chunks, monkeypatch, tmp_path):
    monkeypatch.setattr(sweep, "MOST_BYTES", 40_000)  # 5 ms of V before a spike are 4 kB, twice
    short(reduce={name: CHOSEN[name]}, out=tmp_path / "sweep")
    written = [path for path in (tmp_path / "sweep" / name / "c").rglob("*") if path.is_file()]
    assert len(written) == chunks


@pytest.mark.parametrize(
    "wrong",
    ["gNa", "CURRENT", "column", "Diverged_at", "rates", "", " n", "n/m", "1st", "n.m", "ä"],
)
def test_names_that_no_variable_can_have_are_refused(wrong):
    taken = "column, current, diverged_at, ekleak, gna, rates"
    rule = f"of letters, digits, _, - and blanks, begin with a letter, and be none of {taken}"
    with raises(ValueError, f"names in reduce must be {rule}; got {wrong!r}."):
        short(reduce={wrong: CHOSEN["n"]})


def test_names_that_differ_by_capitals_alone_are_refused():
    with pytest.raises(ValueError, match=r"be none of column, .*, n, rates; got 'N'\.$"):
        short(reduce={"n": CHOSEN["n"], "N": CHOSEN["n"]})


@pytest.mark.parametrize(
    ("reduce", "error", "message"),
    [
        ({}, ValueError, "reduce must have one feature or more; got none."),
        (
            {"n": features.spike_count(0, 16)},
            ValueError,
            "stop of n must be at most the duration of the run, 15 (ms); got 16.",
        ),
        (
            {"n": features.spike_count},
            TypeError,
            "features['n'] must be a feature; got <class 'pyhh_....spike_count'> (ABCMeta). Give "
            "it a window: spike_count(start, stop).",
        ),
    ],
)
def test_wrong_features_are_named(reduce, error, message):
    with raises(error, message):
        short(reduce=reduce)
