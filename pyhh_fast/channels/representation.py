"""How declarations are shown: gates and channels in a line, neurons as a table with units."""

import html
from typing import Any

from pyhh_fast.channels.pool import Nernst
from pyhh_fast.rate_forms import as_typed

HEADER = ("channel", "g (mS/cm²)", "E (mV)", "shift (mV)", "gate", "power", "speed", "rates")
NUMERIC = {"g (mS/cm²)", "E (mV)", "shift (mV)", "power"}


def gate_text(gate: Any) -> str:
    """Return a gate as it could be typed, but for functions without a form."""
    parts = [f"{name}={function_text(one)}" for name, one in gate.functions.items()]
    parts += [f"power={gate.power}"] * (gate.power != 1)
    parts += [f"speed={as_typed(gate.speed)}"] * (gate.speed != 1)
    parts += ["instantaneous=True"] * gate.instantaneous
    parts += [f"of={gate.of!r}"] * (gate.of is not None)
    if gate.times is not None:
        parts.append(f"times=({gate.times[0]!r}, {function_text(gate.times[1])})")
    return f"Gate({', '.join(parts)})"


def channel_text(channel: Any) -> str:
    """Return a channel as it could be typed."""
    parts = [as_typed(channel.g), f"E={_E_text(channel.E)}"]
    parts += [f"shift={as_typed(channel.shift)}"] * (channel.shift != 0)
    parts += [f"feeds={channel.feeds!r}"] * (channel.feeds is not None)
    parts += [f"{name}={gate_text(gate)}" for name, gate in channel.gates.items()]
    return f"Channel({', '.join(parts)})"


def function_text(function: Any) -> str:
    """Return the name of a function, or how a form is typed."""
    return getattr(function, "__name__", None) or repr(function)


def neuron_text(neuron: Any) -> str:
    """Return a neuron as a title and a table of its channels and gates."""
    rows = [HEADER, *_rows(neuron)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_title(neuron)]
    for row in rows:
        cells = [
            cell.rjust(width) if name in NUMERIC else cell.ljust(width)
            for name, cell, width in zip(HEADER, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def neuron_html(neuron: Any) -> str:
    """Return the same as HTML."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in HEADER)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for row in _rows(neuron)
    )
    title = html.escape(_title(neuron))
    return f"<table><caption>{title}</caption><tr>{head}</tr>{body}</table>"


def _title(neuron: Any) -> str:
    parts = [f"Cm {as_typed(neuron.Cm)} µF/cm²"]
    if neuron.area is not None:
        parts.append(f"area {as_typed(neuron.area)} µm²")
    if neuron.threshold is not None:
        parts.append(f"threshold {as_typed(neuron.threshold)} mV")
    for name, pool in neuron.pools.items():
        fed_by = [one for one, channel in neuron.channels.items() if channel.feeds == name]
        parts.append(f"{name} {pool!r}" + f" fed by {' and '.join(fed_by)}" * bool(fed_by))
    return f"Neuron: {', '.join(parts)}"


def _rows(neuron: Any) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, channel in neuron.channels.items():
        shift = as_typed(channel.shift) if channel._has_shift else ""
        of_channel = (name, as_typed(channel.g), _E_text(channel.E), shift)
        for gate_name, gate in channel.gates.items():
            speed = "instantaneous" if gate.instantaneous else as_typed(gate.speed)
            rates = ", ".join(f"{key} {function_text(one)}" for key, one in gate.functions.items())
            rates += f" of {gate.of}" * (gate.of is not None)
            if gate.times is not None:
                rates += f", times {function_text(gate.times[1])} of {gate.times[0]}"
            rows.append((*of_channel, gate_name, str(gate.power), speed, rates))
            of_channel = ("", "", "", "")
        if not channel.gates:
            rows.append((*of_channel, "", "", "", ""))
    return rows


def _E_text(E: Any) -> str:
    return repr(E) if isinstance(E, Nernst) else as_typed(E)
