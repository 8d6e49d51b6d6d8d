"""`simulator` as packages of inference call it, and the recipes for them in docs/."""

import warnings

import doc_pages
import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import features, stimuli
from pyhh_fast.neurons import wang_buzsaki

pytestmark = pytest.mark.skipif(
    not doc_pages.DOCS.exists(), reason="the tests were copied without docs/"
)

CHOSEN = {"n": features.spike_count(0, 50), "mean": features.mean_voltage(0, 50)}
SIMULATE = pyhh.simulator(
    wang_buzsaki(),
    ["K.g", "Na.shift"],
    1 + stimuli.white_noise(9, seed=1),
    0.02,
    50,
    features=CHOSEN,
)


class Tensor:
    """What NumPy sees of a tensor of PyTorch: an array, on request, and its length."""

    def __init__(self, values):
        self._values = np.asarray(values, np.float32)

    def __len__(self):
        return len(self._values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self._values, dtype)


def test_tensors_are_rows():
    theta = [[9, 0], [8.1, -1.3], [11, 2]]
    x = SIMULATE(Tensor(theta), seed=Tensor([3, 1, 2]).__array__(np.int64))
    expected = SIMULATE(np.array(theta, np.float32).astype(float), seed=[3, 1, 2])
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, expected)


def test_columns_of_vectorized_scipy_are_rows():
    columns = np.array([[9, 8.5, 11], [0, -1, 2]])  # (parameters, candidates), as SciPy has them
    assert not columns.T.flags.c_contiguous
    x = SIMULATE(columns.T, seed=[7, 7, 7])
    for row, theta in enumerate(columns.T.tolist()):
        np.testing.assert_array_equal(x[row], SIMULATE([theta], seed=[7])[0])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # sbi writes logs where it is


def run_recipe(package):
    """Run the page with the blocks that import `package`; return what they define."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages warn of is theirs
        pytest.importorskip(package)
        return doc_pages.run(doc_pages.DOCS / "how-to" / "inference.md", None, package)


def test_recipe_for_scipy_has_candidates_that_diverge_cost_infinite():
    cost = run_recipe("scipy")["cost"]
    columns = np.array([[9, 9], [0, 0], [5, 1e5]])
    good, diverging = cost(columns)
    assert good == 0
    assert diverging == np.inf


def test_recipe_for_sbi():
    found = run_recipe("sbi")
    theta, x = found["theta"].numpy(), found["x"].numpy()
    np.random.seed(1)  # noqa: NPY002 - sbi does so before PyTorch draws theta
    expected = found["simulate"](theta, seed=np.random.randint(2**31))  # noqa: NPY002
    np.testing.assert_array_equal(x, expected.astype(np.float32))


def test_recipe_for_pyabc():
    history = run_recipe("pyabc")["history"]
    parameters, _ = history.get_distribution()
    assert sorted(parameters) == ["K.g", "K.n.speed", "Na.shift"]
    assert history.max_t == 1


def test_recipe_for_bayesflow(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    data = run_recipe("bayesflow")["data"]
    assert data["theta"].shape == data["x"].shape == (1_000, 3)
    assert np.isfinite(data["x"]).all()
