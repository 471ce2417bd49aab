"""Converters between HL7 v2 data types and FHIR R4 data types, in pairs, looked up by the two type names.

Sources: the HL7 v2-to-FHIR guide's data type maps. Every converter is a pure function; what cannot be read is a Fault in
the range E450–E499, what says nothing is None. `zoned` ones take a second argument, the zone of times sent without one.
"""

import os

from fhir.convert.registry import Converter, Converters, converter, pairs

CONVERTERS = Converters(zone=os.environ.get("ISTHMUS_ZONE", ""))  # the entry point's object

__all__ = ["CONVERTERS", "Converter", "Converters", "converter", "pairs"]
