"""Temperatures of published neurons, and by how much they speed up rates."""

from pyhh_fast import validation

HIGHEST = 50
"""In °C; kelvins are above it."""


def checked(temperature: float) -> float:
    """Return a temperature in °C.

    Raises
    ------
    TypeError, ValueError
        If it is no finite number, or not from 0 to 50 °C.
    """
    temperature = validation.real_number("temperature", temperature, unit="°C")
    if not 0 <= temperature <= HIGHEST:
        rule = f"from 0 to {HIGHEST}"
        raise ValueError(validation.message("temperature", rule, f"{temperature:g}", unit="°C"))
    return temperature
