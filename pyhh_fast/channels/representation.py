"""How declarations are shown: gates and channels in a line, neurons as a table with units."""

import html
from typing import Any

from pyhh_fast.rate_forms import as_typed

HEADER = ("channel", "g (mS/cm²)", "E (mV)", "shift (mV)", "gate", "power", "speed", "rates")
NUMERIC = {"g (mS/cm²)", "E (mV)", "shift (mV)", "power"}


def gate_text(gate: Any) -> str:
    """Return a gate as it could be typed, but for functions without a form."""
    parts = [f"{name}={function_text(one)}" for name, one in gate.functions.items()]
    parts += [f"power={gate.power}"] * (gate.power != 1)
    parts += [f"speed={as_typed(gate.speed)}"] * (gate.speed != 1)
    parts += ["instantaneous=True"] * gate.instantaneous
    return f"Gate({', '.join(parts)})"


def channel_text(channel: Any) -> str:
    """Return a channel as it could be typed."""
    parts = [as_typed(channel.g), f"E={as_typed(channel.E)}"]
    parts += [f"shift={as_typed(channel.shift)}"] * (channel.shift != 0)
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
    return f"Neuron: {', '.join(parts)}"


def _rows(neuron: Any) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, channel in neuron.channels.items():
        shift = as_typed(channel.shift) if channel.gates else ""
        of_channel = (name, as_typed(channel.g), as_typed(channel.E), shift)
        for gate_name, gate in channel.gates.items():
            speed = "instantaneous" if gate.instantaneous else as_typed(gate.speed)
            rates = ", ".join(f"{key} {function_text(one)}" for key, one in gate.functions.items())
            rows.append((*of_channel, gate_name, str(gate.power), speed, rates))
            of_channel = ("", "", "", "")
        if not channel.gates:
            rows.append((*of_channel, "", "", "", ""))
    return rows
