"""What the mapping tests share: a JSON source, the FHIR model, libraries from texts."""

from __future__ import annotations

import pytest

from adapters.json_format import Json
from engine.diagnostic import render
from engine.fault import Fault
from engine.mapping.library import Library, Plugins, build
from engine.types import Put, Scope
from fhir.model import Model

BODY = b"""{"patient": {"id": "77", "sex": "F"}, "default_unit": "mm[Hg]", "readings": [
 {"code": "147842", "name": "HR", "value": 71.10, "unit": "/min", "at": "2026-01-31T08:00:00Z", "remarks": [{"words": "a"}, {"words": "b"}]},
 {"code": "150021", "value": 120, "at": "2026-01-31T08:00:00Z"},
 {"code": "150022", "at": "2026-01-31T08:00:00Z"}]}"""


class Bench:
    """Builds libraries from texts and runs their first mapping."""

    body = BODY

    def library(self, *texts: str) -> Library:
        """Mappings, parts and tables by what they begin with."""
        files = {}
        for text in texts:
            name = text.split(":", 1)[1].split("\n", 1)[0].strip()
            files[f"tables/{name}.yaml" if text.startswith("table:") else f"{name}.yaml"] = text
        return build(files, Plugins({"json": Json()}, {"fhir": Model()}))

    def scope(self, body: bytes = BODY) -> Scope:
        """A parsed document."""
        parsed = Json().parse(body)
        assert not isinstance(parsed, Fault)
        return parsed

    def run(self, *texts: str, body: bytes = BODY) -> list[Put] | tuple[Fault, ...]:
        """What the only mapping makes of a document; its files must be sound."""
        library = self.library(*texts)
        assert not library.diagnostics, "\n".join(render(one) for one in library.diagnostics)
        (mapping,) = library.mappings.values()
        return mapping.run(self.scope(body))

    def codes(self, *texts: str) -> list[str]:
        """The codes of the findings."""
        return [one.code for one in self.library(*texts).diagnostics]


@pytest.fixture
def bench() -> Bench:
    return Bench()
