"""Stimuli from files of NeuroML: a forward to :mod:`pyhh_fast.neuroml`."""

import os

from pyhh_fast.stimuli.base import Stimulus


def from_neuroml(
    path: str | os.PathLike[str],
    cell_id: str | None = None,
    *,
    input_id: str | None = None,
    area: float | None = None,
    root: str | os.PathLike[str] | None = None,
) -> Stimulus:
    """Return the stimulus of a file of NeuroML 2, or of LEMS, in µA/cm².

    It is the sum of what the file's network gives to a cell, by ``explicitInput`` or
    ``inputList``; the only generator where there is no network. ``pulseGenerator``,
    ``sineGenerator``, ``rampGenerator`` and ``compoundInput`` are supported.

    Parameters
    ----------
    path : str or path-like
    cell_id : str, optional
        Of the cell that gets it; the only one where it is not given.
    input_id : str, optional
        Of a generator, in place of what the network gives.
    area : float, µm², optional
        Through which the current flows; that of the cell where it is not given.
    root : str or path-like, optional
        As of :meth:`pyhh_fast.Neuron.from_neuroml`.

    Returns
    -------
    Stimulus

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If something of the input does not map, with file, line and element; if there is no such
        cell or input, or several; if cells of the same kind get different inputs, or currents of
        synapses.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pulse.nml")
    >>> _ = path.write_text('''
    ...     <neuroml id="pulse">
    ...         <pulseGenerator id="p" delay="50 ms" duration="0.1 s" amplitude="0.08 nA"/>
    ...     </neuroml>''')
    >>> from pyhh_fast import stimuli
    >>> stimuli.from_neuroml(path, area=1000)
    step(8, 50, 150)
    """
    from pyhh_fast.neuroml import reading

    return reading.read_stimulus(path, cell_id, input_id, area, root)
