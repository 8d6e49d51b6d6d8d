"""Implausible parameters and gates warn, once for each model; plausible ones do not."""

import numpy as np
import pytest
from custom_models import Absolute
from user_warnings import warnings_of

import pyhh_fast as pyhh


def run(model, **options):
    return pyhh.Simulation(model).run(0.0, 0.01, duration=1.0, **options)


ABSOLUTE = {"ENa": 50, "EK": -77, "EKleak": -54.387}


def absolute_potentials_message(ENa, EK, EKleak, converted, whose=""):
    return (
        f"the reversal potentials{whose}, ENa {ENa:g}, EK {EK:g} and EKleak {EKleak:g} mV, are "
        "those of a cell in absolute mV, but voltages of an HHModel with built-in rates are "
        f"relative to rest. For a rest at -65 mV add 65 mV: {converted}; to startingVoltage too."
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ABSOLUTE, absolute_potentials_message(50, -77, -54.387, "ENa=115, EK=-12, EKleak=10.613")),
        (
            {"ENa": 50, "EK": -77},
            absolute_potentials_message(50, -77, 10.6, "ENa=115, EK=-12, EKleak=10.6"),
        ),
        (
            {"ENa": 55, "EKleak": -65},
            absolute_potentials_message(55, -12, -65, "ENa=120, EK=-12, EKleak=0"),
        ),
        (
            {"ENa": 40, "EK": -90},
            absolute_potentials_message(40, -90, 10.6, "ENa=105, EK=-25, EKleak=10.6"),
        ),
    ],
)
def test_absolute_potentials_warn_with_their_conversion(given, message):
    assert warnings_of(lambda: run(pyhh.HHModel(-65, **given))) == [message]
    assert warnings_of(lambda: pyhh.HHModel.at_rest(unstable="steady", **given)) == [message]
    model = pyhh.HHModel()
    for name, value in given.items():
        setattr(model, name, value)
    assert warnings_of(lambda: run(model)) == [message]
    assert warnings_of(lambda: run(model)) == []
    assert warnings_of(lambda: type("Mine", (pyhh.HHModel,), given)()) == [message]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"gNa": 100, "gK": 5, "EK": -35},
        {"ENa": 50},
        {"ENa": 50, "EK": -35},
        {"EK": -77},
        {"ENa": 130, "EK": -77},
        {"EKleak": -50},
        {"ENa": 115, "EK": -60, "EKleak": -60},
        {"ENa": 0, "EKleak": -12},
        {"ENa": -60, "EK": -60, "EKleak": -60},
    ],
)
def test_potentials_relative_to_rest_do_not_warn(given):
    assert warnings_of(lambda: run(pyhh.HHModel(-65, **given))) == []


def test_potentials_of_custom_rates_may_be_absolute():
    class Step(Absolute):
        def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
            super()._UpdateCellVoltage(stimulusCurrent, deltaTms)

    assert warnings_of(lambda: run(Absolute.at_rest())) == []
    assert warnings_of(lambda: run(Step())) == []


NEGATIVE = (
    "{} is {} (mS/cm²). A conductance below 0 drives V away from its reversal potential; it is "
    "computed as it is. Check the sign."
)


def test_negative_conductances_warn():
    assert warnings_of(lambda: run(pyhh.HHModel(gNa=-1))) == [NEGATIVE.format("gNa", "-1")]
    model = pyhh.HHModel()
    model.gK = -0.5
    assert warnings_of(lambda: run(model)) == [NEGATIVE.format("gK", "-0.5")]
    assert warnings_of(lambda: run(pyhh.HHModel(gNa=0, gK=0))) == []


@pytest.mark.parametrize("state", [5, -0.2])
def test_gates_outside_0_to_1_warn(state):
    model = pyhh.HHModel()
    model.m.state = state
    assert warnings_of(lambda: run(model)) == [
        f"m.state is {state}. The open fraction of a gate is between 0 and 1; it is computed as it "
        "is. Set it, or start from at_rest() or steady(V)."
    ]
    model.h.state = 1 + 1e-12
    assert warnings_of(lambda: run(model)) == []


def test_warnings_of_populations_name_the_cell():
    conductance_message = NEGATIVE.format("gNa of cell 1", "-2")
    assert warnings_of(lambda: pyhh.Population(2, gNa=[-1, -2])) == [conductance_message]
    population = pyhh.Population(3)
    population.gK[2] = -1
    population.StateM = [0, 5, 1]
    messages = [
        NEGATIVE.format("gK of cell 2", "-1"),
        "StateM of cell 1 is 5. The open fraction of a gate is between 0 and 1; it is computed as "
        "it is. Set it, or start from at_rest() or steady(V).",
    ]
    assert warnings_of(lambda: population.run(0, 0.01, duration=1)) == messages
    assert warnings_of(lambda: population.run(0, 0.01, duration=1)) == []
    whose = " of cell 0 and the others"
    message = absolute_potentials_message(50, -77, 10.6, "ENa=115, EK=-12, EKleak=10.6", whose)
    assert warnings_of(lambda: pyhh.Population(3, ENa=[50, 55, 60], EK=-77)) == [message]
    assert warnings_of(lambda: pyhh.Population(3, ENa=[50, 55, 90], EK=-77)) == []
    assert warnings_of(lambda: pyhh.Population(0)) == []


def test_model_and_its_population_warn_once():
    model = pyhh.HHModel()
    model.gNa, model.ENa, model.EK = -1, 50, -77
    model.m.state = 3

    def use():
        pyhh.Population.from_model(model, 2).run(0, 0.01, duration=0.1)

    assert len(warnings_of(use)) == 3


def test_sweeps_warn_of_their_grid_once():
    model = pyhh.HHModel.at_rest()
    message = NEGATIVE.format("gNa", "-3 at a point of the grid")
    grid = {"gNa": np.linspace(-3, 100, 200), "current": np.arange(100)}
    assert warnings_of(lambda: pyhh.sweep(model, grid, 0, 0.01, duration=0.1)) == [message]
    message = absolute_potentials_message(
        60, -77, 10.6, "ENa=125, EK=-12, EKleak=10.6", " of the grid"
    )
    grid = {"ENa": [50, 60], "EK": [-77, -90]}
    assert warnings_of(lambda: pyhh.sweep(model, grid, 0, 0.01, duration=0.1)) == [message]
    assert warnings_of(lambda: pyhh.sweep(model, {"ENa": [50, 60]}, 0, 0.01, duration=0.1)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ENa", "50", "--EK", "-77"], "add 65 mV: --ENa 115, --EK -12, --EKleak 10.6;"),
        (["--gNa", "-1"], "gNa is -1 (mS/cm²)."),
    ],
)
def test_command_line_warns_once(arguments, message, capsys):
    from pyhh_fast.cli.main import main

    assert main(["simulate", "--duration", "1", "--voltage", "0", *arguments]) == 0
    warnings_of = capsys.readouterr().err
    assert warnings_of.startswith("pyhh-fast simulate: warning: ")
    assert message in warnings_of
    assert warnings_of.count("warning") == 1
