"""NeuroML of a neuron: forwards to :mod:`pyhh_fast.neuroml`."""

import os
from typing import Any, Self, cast


class InNeuroML:
    """What a Neuron inherits to be read from files of NeuroML."""

    __slots__ = ()

    @classmethod
    def from_neuroml(
        cls,
        path: str | os.PathLike[str],
        cell_id: str | None = None,
        *,
        temperature: float | None = None,
        root: str | os.PathLike[str] | None = None,
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

    def to_neuroml(
        self, path: str | os.PathLike[str], *, cell_id: str = "cell", Vm: float | None = None
    ) -> None:
        """Write a file of NeuroML 2 with this neuron as a cell of one segment; it needs libNeuroML.

        Rates in forms of :mod:`pyhh_fast.rate_forms` become standard types, with `shift` in their
        midpoints; those in expressions, and steady states of instantaneous gates with alpha and
        beta, become ComponentTypes. Read again, the neuron has the same numbers to the last bit
        or two. A file that exists is replaced.

        Parameters
        ----------
        path : str or path-like
        cell_id : str, default "cell"
            Letters, digits and underscores.
        Vm : float, mV, optional
            Where other simulators start; its rest where it is not given.

        Raises
        ------
        ImportError
            If libNeuroML is missing.
        OSError
            If the file cannot be written.
        TypeError
            If an argument is of the wrong kind.
        ValueError
            If a function of a gate is neither a form nor an expression; if the neuron has two
            pools, several Nernst potentials, or one without `feeds`; if it has no rest, and `Vm`
            is not given; if `cell_id` has other characters.

        Notes
        -----
        A neuron without area becomes a sphere of 1000 µm², one without threshold gets one of 50 mV
        above `Vm`. Speeds become Q10 factors, pools `fixedFactorConcentrationModel`.

        Examples
        --------
        >>> import pyhh_fast as pyhh
        >>> neuron = pyhh.neurons.wang_buzsaki()
        >>> neuron.to_neuroml("interneuron.nml")  # doctest: +SKIP
        >>> pyhh.Neuron.from_neuroml("interneuron.nml").parameters["K.n.speed"]  # doctest: +SKIP
        5.0
        """
        from pyhh_fast.neuroml import writing

        writing.write_neuron(cast(Any, self), path, cell_id, Vm)
