"""A neuron as a document of NeuroML, by libNeuroML."""

import dataclasses
import math
import re
from decimal import Decimal
from typing import Any

import numpy as np

from pyhh_fast import validation
from pyhh_fast.channels.channel import Channel
from pyhh_fast.channels.gate import Gate
from pyhh_fast.channels.neuron import Neuron
from pyhh_fast.channels.pool import Nernst
from pyhh_fast.neuroml import written_types
from pyhh_fast.neuroml.concentrations import ION
from pyhh_fast.neuroml.expressions import Function
from pyhh_fast.neuroml.gates import FORMS
from pyhh_fast.neuroml.written_types import Lines, combined, expressed, number_text
from pyhh_fast.rate_forms import RateForm
from pyhh_fast.typing import FloatArray

AREA = 1000.0
"""Of a cell whose neuron has none, µm²."""

_STANDARD = {form: kind for kind, form in FORMS.items()}

_GRIDS = {False: np.linspace(-400, 400, 1601), True: np.geomspace(1e-8, 256, 1601)}
"""Where it is seen whether a time constant is one number, mV; mM where it is of calcium."""

_RATES = {"alpha": "forward_rate", "beta": "reverse_rate"}


def write_neuron(neuron: Neuron, path: Any, cell_id: Any, Vm: Any) -> None:
    """Write a neuron, as :meth:`pyhh_fast.Neuron.to_neuroml` says."""
    try:
        import neuroml as nml
        from neuroml.writers import NeuroMLWriter
    except ImportError as error:
        raise ImportError(
            "to_neuroml needs libNeuroML. Install it with: pip install 'pyhh_fast[neuroml]'"
        ) from error
    path = validation.local_path("path", path)
    validation.instance("cell_id", cell_id, str, "a text", "Pass cell_id='cell'.")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", cell_id):
        raise ValueError(
            "cell_id must be letters, digits and underscores, no digit first; got "
            f"{validation.shown(cell_id)}."
        )
    document = _Writer(nml, neuron, cell_id, Vm).document()
    document.validate(recursive=True)
    with open(path, "w", encoding="utf-8") as file:
        NeuroMLWriter.write(document, file, close=False)


@dataclasses.dataclass
class _Writer:
    """Makes the parts of a document."""

    nml: Any
    neuron: Neuron
    cell_id: str
    Vm: Any

    def __post_init__(self) -> None:
        self.types: list[Any] = []

    def document(self) -> Any:
        """Return libNeuroML's document of the neuron, with its cell; for calcium, a network."""
        nml, neuron = self.nml, self.neuron
        document = nml.NeuroMLDocument(id=self.cell_id)
        for name, channel in neuron.channels.items():
            document.ion_channel_hhs.append(self._ion_channel(name, channel))
        membrane = nml.MembraneProperties(
            spike_threshes=[nml.SpikeThresh(value=f"{number_text(self._threshold())} mV")],
            specific_capacitances=[
                nml.SpecificCapacitance(value=f"{number_text(neuron.Cm)} uF_per_cm2")
            ],
            init_memb_potentials=[nml.InitMembPotential(value=f"{number_text(self._start())} mV")],
        )
        for name, channel in neuron.channels.items():
            self._add_density(membrane, name, channel)
        inside = self._calcium(document)
        biophysics = nml.BiophysicalProperties(
            id="biophysics", membrane_properties=membrane, intracellular_properties=inside
        )
        cell = nml.Cell(
            id=self.cell_id, morphology=self._morphology(), biophysical_properties=biophysics
        )
        document.cells.append(cell)
        document.ComponentType += self.types
        return document

    def _start(self) -> float:
        if self.Vm is not None:
            return validation.real_number("Vm", self.Vm, unit="mV")
        try:
            return self.neuron.rest
        except ValueError as error:
            problem = getattr(error, "problem", error)
            raise ValueError(f"{problem} Pass Vm=, at which the cell starts (mV).") from None

    def _threshold(self) -> float:
        threshold = self.neuron.threshold
        return self._start() + 50 if threshold is None else threshold

    def _morphology(self) -> Any:
        area = AREA if self.neuron.area is None else self.neuron.area
        end = {"x": 0, "y": 0, "z": 0, "diameter": number_text(math.sqrt(area / math.pi))}
        segment = self.nml.Segment(
            id=0,
            name="soma",
            proximal=self.nml.Point3DWithDiam(**end),
            distal=self.nml.Point3DWithDiam(**end),
        )
        return self.nml.Morphology(id="sphere", segments=[segment])

    def _add_density(self, membrane: Any, name: str, channel: Channel) -> None:
        about = {
            "id": f"{name}_all",
            "ion_channel": name,
            "cond_density": f"{number_text(channel.g)} mS_per_cm2",
            "ion": "non_specific" if channel.feeds is None else ION,
        }
        E = channel.E
        if isinstance(E, Nernst):
            if channel.feeds is None:
                raise ValueError(
                    f"{name} must feed {E.pool}, whose concentration its E follows, as a "
                    f"channelDensityNernst does; got feeds=None. Pass feeds={E.pool!r}."
                )
            membrane.channel_density_nernsts.append(self.nml.ChannelDensityNernst(**about))
        else:
            density = self.nml.ChannelDensity(**about, erev=f"{number_text(E)} mV")
            membrane.channel_densities.append(density)

    def _calcium(self, document: Any) -> Any:
        """Return the intracellular properties; add the pool, and a network with its temperature."""
        nml, pools = self.nml, self.neuron.pools
        if not pools:
            return None
        if len(pools) > 1:
            raise ValueError(f"a neuron must have one pool at most; got {', '.join(pools)}.")
        name, pool = next(iter(pools.items()))
        potentials = {
            (channel.E.outside, channel.E.celsius)
            for channel in self.neuron.channels.values()
            if isinstance(channel.E, Nernst)
        }
        if len(potentials) > 1:
            raise ValueError(
                "the Nernst potentials of a neuron must have one outside and one celsius; got "
                f"{' and '.join(map(str, sorted(potentials)))}."
            )
        outside, celsius = next(iter(potentials), (1.0, None))
        rest = f"{number_text(pool.rest)} mM"
        model = nml.FixedFactorConcentrationModel(
            id=f"{name}_model",
            ion=ION,
            resting_conc=rest,
            decay_constant=f"{number_text(pool.tau)} ms",
            # 1 mM/ms per µA/cm² is 1e5 mol/(m A s)
            rho=f"{Decimal(repr(pool.gain)).scaleb(5)}".replace("E+", "E")
            + " mol_per_m_per_A_per_s",
        )
        document.fixed_factor_concentration_models.append(model)
        if celsius is not None:
            population = nml.Population(id="cells", component=self.cell_id, size=1)
            network = nml.Network(
                id="net",
                type="networkWithTemperature",
                temperature=f"{number_text(celsius)} degC",
                populations=[population],
            )
            document.networks.append(network)
        species = nml.Species(
            id=name,
            ion=ION,
            concentration_model=model.id,
            initial_concentration=rest,
            initial_ext_concentration=f"{number_text(outside)} mM",
        )
        return nml.IntracellularProperties(species=[species])

    def _ion_channel(self, name: str, channel: Channel) -> Any:
        found = self.nml.IonChannelHH(id=name, conductance="10 pS")
        for gate_name, gate in channel.gates.items():
            self._add_gate(found, f"{name}.{gate_name}", gate, channel.shift)
        return found

    def _add_gate(self, channel: Any, path: str, gate: Gate, shift: float) -> None:
        nml, functions = self.nml, gate.functions
        about: dict[str, Any] = {"id": path.partition(".")[2], "instances": gate.power}
        if gate.instantaneous:
            steady = self._steady_state(path, gate, shift)
            channel.gate_hh_instantaneouses.append(
                nml.GateHHInstantaneous(**about, steady_state=steady)
            )
            return
        if gate.speed != 1:
            speed = number_text(gate.speed)
            about["q10_settings"] = nml.Q10Settings(type="q10Fixed", fixed_q10=speed)
        if "alpha" in functions:
            for name, part in _RATES.items():
                about[part] = self._rate(path, name, functions[name], shift)
            channel.gate_hh_rates.append(nml.GateHHRates(**about))
            return
        about["steady_state"] = self._steady_state(path, gate, shift)
        about["time_course"] = self._time_course(path, gate, shift)
        channel.gate_hh_tau_infs.append(nml.GateHHTauInf(**about))

    def _rate(self, path: str, name: str, function: Function, shift: float) -> Any:
        if isinstance(function, RateForm):
            return self.nml.HHRate(
                type=f"HH{_STANDARD[function.form]}Rate",
                rate=f"{number_text(function.rate)} per_ms",
                **_midpoint_and_scale(function, shift),
            )
        lines = _lines(path, name, function, shift)
        return self.nml.HHRate(type=self._type(path, name, lines, "r"))

    def _steady_state(self, path: str, gate: Gate, shift: float) -> Any:
        inf = gate.inf
        if gate.times is None and isinstance(inf, RateForm):
            return self.nml.HHVariable(
                type=f"HH{_STANDARD[inf.form]}Variable",
                rate=number_text(inf.rate),
                **_midpoint_and_scale(inf, shift),
            )
        if inf is None:
            parts = [_lines(path, name, gate.functions[name], shift) for name in _RATES]
            lines = combined(parts, "steady", lambda a, b: f"{a} / ({a} + {b})")
        else:
            lines = _lines(path, "inf", inf, shift)
        if gate.times is not None:
            of_calcium = _lines(path, "times", gate.times[1], 0.0)
            lines = combined([lines, of_calcium], "steady", lambda a, b: f"{a} * {b}")
        return self.nml.HHVariable(type=self._type(path, "inf", lines, "x"))

    def _time_course(self, path: str, gate: Gate, shift: float) -> Any:
        tau = gate.functions["tau"]
        value = _only_value(tau, _GRIDS[gate.of is not None])
        if value is not None:
            return self.nml.HHTime(type="fixedTimeCourse", tau=f"{number_text(value)} ms")
        lines = _lines(path, "tau", tau, shift)
        return self.nml.HHTime(type=self._type(path, "tau", lines, "t"))

    def _type(self, path: str, name: str, lines: Lines, exposure: str) -> str:
        """Add a ComponentType, and return its name."""
        type_name = f"{path.replace('.', '_')}_{name}"
        self.types.append(written_types.component_type(self.nml, type_name, lines, exposure))
        return type_name


def _midpoint_and_scale(form: RateForm, shift: float) -> dict[str, str]:
    numbers = {"midpoint": form.midpoint + shift, "scale": form.scale}
    return {name: f"{number_text(number)} mV" for name, number in numbers.items()}


def _lines(path: str, name: str, function: Function, shift: float) -> Lines:
    lines = expressed(function, f"{name}_", shift)
    if lines is None:
        got = getattr(function, "__name__", None) or repr(function)
        raise ValueError(
            f"{path}: {name} must be a form of rate_forms or an expression, which can be written; "
            f"got {got}{' with a shift' if hasattr(function, 'lines') else ''}. State it by "
            "exponential, linoid or sigmoid, or by pyhh_fast.neuroml.expression('...')."
        )
    return lines


def _only_value(function: Function, grid: FloatArray) -> float | None:
    """Return the value of a function, if it is the same on all of a grid."""
    try:
        first = float(function(float(grid[0])))
        return first if all(float(function(x)) == first for x in grid.tolist()) else None
    except Exception:  # whatever a user's formula raises
        return None
