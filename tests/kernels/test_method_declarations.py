"""A method's declaration decides where it may be used; the kernels know no other."""

import re
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast import methods
from pyhh_fast.engine.kernels import loops
from pyhh_fast.engine.populations import stepper
from pyhh_fast.methods import METHODS, Method


@pytest.fixture
def pretend(monkeypatch):
    """Declare a method of fixed step that only one cell has, and that no kernel knows."""
    monkeypatch.setitem(METHODS, "pretend", Method(3, 2.0, many_cells=False))
    return "pretend"


def test_methods_of_populations_are_those_declared(monkeypatch):
    assert methods.of_populations() == ["euler", "exponential_euler", "rk4", "adaptive"]
    monkeypatch.setitem(METHODS, "another", Method(3, 2.0))
    assert methods.of_populations()[-1] == "another"


def test_single_cell_method_is_refused_for_populations(pretend):
    message = "method must be one of adaptive, euler, exponential_euler, rk4; got 'pretend'."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        pyhh.Population(2).run(10.0, 0.01, duration=1.0, method=pretend)
    pytest.importorskip("xarray")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        pyhh.sweep(pyhh.HHModel(), {"gNa": [1.0]}, 0, 0.01, duration=1, method=pretend)


@pytest.mark.parametrize("question", [pyhh.fi_curve, pyhh.strength_duration, pyhh.phase_plane])
def test_analysis_runs_cells_one_by_one_where_the_method_is_for_one_cell(
    question, pretend, monkeypatch
):
    made = []

    def run(self, stimulus, dt, **options):
        made.append(options["method"])
        raise pyhh.SimulationError("", step=0, time=0, V=0)

    monkeypatch.setattr(pyhh.Simulation, "run", run)
    monkeypatch.setattr(stepper.PopulationStepper, "__init__", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it diverges
        question(pyhh.HHModel(), 20.0, method=pretend)
    assert set(made) == {"pretend"}


@pytest.mark.parametrize("number", [3, 99])
@pytest.mark.parametrize("custom", [False, True])
def test_unknown_method_number_computes_nothing(number, custom, monkeypatch):
    class Custom(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)

    model = Custom.at_rest() if custom else pyhh.HHModel.at_rest()
    monkeypatch.setattr(loops, "Method", {"euler": number})
    cells = pyhh.Population.from_model(model, 3)
    with pytest.warns(UserWarning, match="^3 of 3 cells diverged"):
        recording = cells.run(10.0, 0.01, duration=1.0, record=["Vm"])
    assert np.isnan(recording.Vm).all()
    with pytest.raises(pyhh.SimulationError, match="diverged at step 0"):
        pyhh.Simulation(model).run(10.0, 0.01, duration=1.0)


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.parametrize("more", [False, True])
def test_switch_that_lacks_a_method_does_not_compile(more, tmp_path):
    for header in (Path(__file__).parents[2] / "src").glob("*.h"):
        text = header.read_text()
        if more:
            text = text.replace("METHOD_RK4 }", "METHOD_RK4, METHOD_PRETEND }")
        (tmp_path / header.name).write_text(text)
    source = tmp_path / "main.c"
    source.write_text('#include "population.h"\nint main(void) { return 0; }\n')
    command = ["cc", "-std=c11", "-Werror=switch", "-fsyntax-only", str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode == 0) != more, done.stderr
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    missed = [line for line in errors if "METHOD_PRETEND" in line]
    # fixed_step_make, fixed_step_crossing, hh_step_with_exact_rates, hh_block_step,
    # cells_step, population_step_cells
    assert len(missed) == 6 * more
