"""NeuroML of a neuron: forwards to :mod:`pyhh_fast.neuroml`."""

from typing import Any, Self, cast


class InNeuroML:
    """What a Neuron inherits to be read from files of NeuroML."""

    __slots__ = ()

    @classmethod
    def from_neuroml(
        cls,
        path: Any,
        cell_id: str | None = None,
        *,
        temperature: float | None = None,
        root: Any = None,
    ) -> Self:
        """Return the neuron of a file of NeuroML 2, or of LEMS.

        Channels have the names of their ``ionChannel``, or of their ``channelDensity`` where two
        are of one. Standard rates become forms of :mod:`pyhh_fast.rate_forms`; other expressions
        become functions that are data. Units are converted. A cell of points, which has no area,
        gets that of 1 µF/cm².

        Parameters
        ----------
        path : str or path-like
        cell_id : str, optional
            Which cell; the only one of the file and what it includes where it is not given.
        temperature : float, °C, optional
            That of the file's network where it is not given. Only cells with Q10 factors or Nernst
            potentials need one.
        root : str or path-like, optional
            Folder that included files must lie in; the file's own where it is not given. Files of
            others should not be trusted with more than they need.

        Returns
        -------
        Neuron

        Raises
        ------
        OSError
            If the file cannot be read.
        TypeError
            If an argument is of the wrong kind.
        ValueError
            If something of the cell does not map, with file, line and element: it is no NeuroML,
            is not supported, has a wrong unit, refers to what is not there, or to what is in two
            places; if an include leads out of `root`; if there is no such cell, or several.

        Warns
        -----
        UserWarning
            If a rate has a kink, with its error, as any neuron does.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "passive.nml")
        >>> _ = path.write_text('''
        ...     <neuroml id="passive">
        ...         <ionChannelHH id="leak" conductance="10 pS"/>
        ...         <pointCellCondBased id="cell" C="10 pF" v0="-70 mV" thresh="0 mV">
        ...             <channelPopulation id="p" ionChannel="leak" number="300" erev="-65 mV"/>
        ...         </pointCellCondBased>
        ...     </neuroml>''')
        >>> from pyhh_fast import Neuron
        >>> neuron = Neuron.from_neuroml(path)
        >>> neuron.channels["leak"], neuron.area
        (Channel(0.3, E=-65), 1000.0)
        """
        from pyhh_fast.neuroml import reading

        return cast(Self, reading.read_neuron(path, cell_id, temperature, root))
