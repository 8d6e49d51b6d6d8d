"""What NeuroML 2 and LEMS name: elements outside any other, and attributes of those that are read.

It is refused what is not named here, nor by a ComponentType of the file: it may be misspelled.
"""

import difflib

from pyhh_fast.neuroml.documents import Document, Element

READ = frozenset(
    (
        *("cell", "pointCellCondBased", "pointCellCondBasedCa", "morphology"),
        *("biophysicalProperties", "ionChannel", "ionChannelHH", "ionChannelPassive"),
        *("ionChannelVShift", "decayingPoolConcentrationModel", "fixedFactorConcentrationModel"),
        *("fixedFactorConcentrationModelTraub", "pulseGenerator", "sineGenerator"),
        *("rampGenerator", "compoundInput", "network", "networkWithTemperature"),
        *("ComponentType", "Simulation", "Target", "Dimension", "Unit", "Constant"),
        *("notes", "annotation", "property", "include", "Include"),
    )
)
"""Elements outside any other that are read, or that say nothing of a cell."""

SKIPPED = frozenset(
    (
        *("baseCell", "cell2CaPools", "adExIaFCell", "fitzHughNagumoCell"),
        *("fitzHughNagumo1969Cell", "hindmarshRose1984Cell", "izhikevichCell"),
        *("izhikevich2007Cell", "iafCell", "iafRefCell", "iafTauCell", "iafTauRefCell"),
        *("pinskyRinzelCA3Cell", "EIF_cond_alpha_isfa_ista", "EIF_cond_exp_isfa_ista"),
        *("HH_cond_exp", "IF_cond_alpha", "IF_cond_exp", "IF_curr_alpha", "IF_curr_exp"),
        *("SpikeSourcePoisson", "alphaCondSynapse", "alphaCurrSynapse", "alphaCurrentSynapse"),
        *("alphaSynapse", "blockingPlasticSynapse", "doubleSynapse", "expCondSynapse"),
        *("expCurrSynapse", "expOneSynapse", "expTwoSynapse", "expThreeSynapse", "gapJunction"),
        *("gradedSynapse", "linearGradedSynapse", "silentSynapse", "nmdaSynapse", "stpSynapse"),
        *("extracellularProperties", "intracellularProperties", "ionChannelKS"),
        *("compoundInputDL", "pulseGeneratorDL", "rampGeneratorDL", "sineGeneratorDL"),
        *("spikeArray", "timedSynapticInput", "poissonFiringSynapse"),
        *("transientPoissonFiringSynapse", "spikeGenerator", "spikeGeneratorPoisson"),
        *("spikeGeneratorRandom", "spikeGeneratorRefPoisson", "voltageClamp"),
        *("voltageClampTriple", "Assertion"),
    )
)
"""Elements outside any other that are not read."""

_SOME = "ionChannel segmentGroup segment ion"
_START = "initialConcentration initialExtConcentration"
_MODEL = f"ion species restingConc {_START}"
_RATE = "rate midpoint scale"
_OF = {
    "cell": "morphology biophysicalProperties",
    "pointCellCondBased pointCellCondBasedCa": "C v0 thresh",
    "morphology biophysicalProperties membraneProperties intracellularProperties segment": "",
    "proximal distal": "x y z diameter",
    "specificCapacitance initMembPotential spikeThresh resistivity": "value segmentGroup",
    "channelPopulation": f"{_SOME} number erev",
    "channelPopulationNernst": f"{_SOME} number",
    "channelDensity": f"{_SOME} condDensity erev",
    "channelDensityVShift": f"{_SOME} condDensity erev vShift",
    "channelDensityNernst": f"{_SOME} condDensity",
    "species": f"concentrationModel ion {_START} segmentGroup",
    "ionChannel ionChannelHH ionChannelPassive": "species conductance",
    "ionChannelVShift": "species conductance vShift",
    "gate gateHHrates gateHHtauInf gateHHInstantaneous gateHHratesInf gateHHratesTau "
    "gateHHratesTauInf": "instances",
    "forwardRate reverseRate steadyState": _RATE,
    "timeCourse": f"{_RATE} tau",
    "q10Settings": "fixedQ10 q10Factor experimentalTemp",
    "q10ConductanceScaling": "q10Factor experimentalTemp",
    "decayingPoolConcentrationModel": f"{_MODEL} decayConstant shellThickness",
    "fixedFactorConcentrationModel": f"{_MODEL} decayConstant rho",
    "fixedFactorConcentrationModelTraub": f"{_MODEL} beta phi",
    "pulseGenerator": "delay duration amplitude weight",
    "sineGenerator": "delay duration amplitude weight phase period",
    "rampGenerator": "delay duration weight startAmplitude finishAmplitude baselineAmplitude",
    "compoundInput": "weight",
    "network networkWithTemperature": "temperature",
    "population": "component size extracellularProperties",
    "explicitInput": "target input destination sourcePort targetPort",
    "inputList": "component population",
    "input": "target destination segmentId fractionAlong",
    "inputW": "target destination segmentId fractionAlong weight",
    "ComponentType": "extends",
    "Constant": "symbol dimension value",
    "Parameter": "dimension",
    "Property": "dimension defaultValue",
    "DerivedParameter": "dimension value select",
    "Fixed": "parameter value",
    "DerivedVariable": "exposure dimension value select reduce required",
    "ConditionalDerivedVariable": "exposure dimension required",
    "Case": "condition value",
    "TimeDerivative": "variable value",
}
_ATTRIBUTES = {tag: names.split() for tags, names in _OF.items() for tag in tags.split()}

_EVERYWHERE = ("id", "name", "type", "metaid", "neuroLexId", "notes", "annotation", "description")


def see_attributes(document: Document, element: Element) -> None:
    """See that NeuroML has the attributes of an element and of what it is in; raise ValueError.

    Those with a prefix are of other namespaces, and no matter.
    """
    if element.tag in _ATTRIBUTES:
        known = [*_ATTRIBUTES[element.tag], *_ATTRIBUTES.get(element.type, ())]
        known += _of_types(document, element)
        for name in element.attributes:
            if name not in (*known, *_EVERYWHERE, "xmlns") and ":" not in name:
                advice = meant(name, [*known, "id", "type"])
                raise element.problem(
                    f"must have no attribute {name}, which NeuroML has not.{advice}"
                )
    for child in element.children:
        if child.tag not in ("notes", "annotation", "property"):
            see_attributes(document, child)


def see_top(document: Document) -> None:
    """See that NeuroML has the elements outside any other; raise ValueError if not."""
    for element in document.elements:
        if element.tag in ("include", "Include"):
            element.text("href" if element.tag == "include" else "file")
        known = READ | SKIPPED
        if element.tag not in known and element.tag not in document.types:
            raise element.problem(
                "must be an element of NeuroML 2, or of a ComponentType in the file or in what it "
                f"includes.{meant(element.tag, sorted(known))}"
            )


def skipped(document: Document) -> list[Element]:
    """Return the elements outside any other that are not read."""
    return [element for element in document.elements if element.tag in SKIPPED]


def meant(name: str, known: list[str]) -> str:
    """Return a sentence that suggests what was meant; empty where nothing is like it."""
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f" Did you mean {by_lower[near[0]]}?" if near else ""


def _of_types(document: Document, element: Element) -> list[str]:
    """Return the attributes that the ComponentTypes of an element declare."""
    names, seen, name = [], set(), element.type
    while name in document.types and name not in seen:
        seen.add(name)
        level = document.types[name]
        tags = ("Parameter", "Property", "Text", "ComponentReference", "Path", "Link")
        names += [one.attributes.get("name", "") for one in level.all(*tags)]
        name = level.attributes.get("extends", "")
        names += _ATTRIBUTES.get(name, [])
    return names
