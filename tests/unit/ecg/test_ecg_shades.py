"""What an answer rests on, shaded behind the tracing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import ecg_made as made
import numpy as np
import pytest
from click.testing import CliRunner

from adapters.ecg.cli import ecg
from adapters.ecg.draw import Options, page, pdf, svg
from adapters.ecg.draw.shapes import Page
from adapters.ecg.formats import read
from adapters.ecg.recording import Recording

ROWS = made.tracing(length=5000)


@pytest.fixture
def recording() -> Recording:
    found = read(made.cardiosoft(ROWS))
    assert isinstance(found, Recording)
    return found


def marks(**leads: list[float]) -> dict[str, Any]:
    return {"label": "super:MI", "step_seconds": 1.0, "leads": leads}


def drawn(recording: Recording, options: Options, told: dict[str, Any]) -> Page:
    found = page(recording, options, None, told)
    assert isinstance(found, Page)
    return found


def test_a_second_is_shaded_where_its_lead_shows_it(recording: Recording) -> None:
    weights = [0.0] * 10
    weights[3] = 1.0
    found = drawn(recording, Options("12x1"), marks(II=weights))
    one = found.shades[0]
    trace = next(one for one in found.traces if one.lead == "II").points
    assert len(found.shades) == 1
    assert one.x == pytest.approx(trace[0, 0] + 3 * 25)
    assert one.width == pytest.approx(25)
    assert one.y < np.median(trace[:, 1]) < one.y + one.height


def test_a_lead_that_begins_later_shows_only_its_own_part(recording: Recording) -> None:
    found = drawn(recording, Options("3x4", rhythm=()), marks(V1=[1.0] * 10))
    starts = [(round(one.x, 3), round(one.width, 3)) for one in found.shades]
    first = next(one for one in found.traces if one.lead == "V1").points[0, 0]  # from 5 s to 7.5 s
    assert starts == [(round(first + at, 3), width) for at, width in ((0, 25), (25, 25), (50, 12.5))]


def test_the_stronger_the_darker_and_nothing_for_what_speaks_against(recording: Recording) -> None:
    found = drawn(recording, Options("12x1"), marks(I=[1.0, 0.5, 0.01, -1.0]))
    light = [sum(int(one.colour[at : at + 2], 16) for at in (1, 3, 5)) for one in found.shades]
    assert len(light) == 2
    assert light[0] < light[1]


def test_both_kinds_of_page_are_shaded_behind_the_grid_and_say_what_it_means(recording: Recording) -> None:
    found = drawn(recording, Options(), marks(I=[1.0, 0.5]))
    text = svg(found).decode()
    assert len(re.findall('class="shade"', text)) == len(found.shades) == 2
    assert text.index('class="shade"') < text.index('class="1 mm"')
    assert "super:MI rests on" in text
    assert len(pdf(found)) > len(pdf(drawn(recording, Options(), marks())))


def test_shades_stay_on_the_grid(recording: Recording) -> None:
    for layout in ("3x4", "6x2", "12x1"):
        found = drawn(recording, Options(layout), marks(**{lead: [1.0] * 10 for lead in recording.leads}))
        x, y, width, height = found.box
        for one in found.shades:
            assert x <= one.x
            assert one.x + one.width <= x + width + 1e-9
            assert y <= one.y
            assert one.y + one.height <= y + height + 1e-9


def test_show_explains_the_gravest_finding_or_the_label_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    file = tmp_path / "one.xml"
    file.write_bytes(made.cardiosoft(ROWS))
    run = CliRunner().invoke
    told = json.loads(run(ecg, ["show", str(file), "--saliency", "super:CD", "--json"]).stdout)[0]["saliency"]
    assert told["label"] == "super:CD"
    weights = np.array(list(told["leads"].values()))
    assert weights.shape == (12, 10)
    assert np.abs(weights).max() == 1
    result = run(ecg, ["show", str(file), "-o", str(tmp_path / "page.svg"), "--saliency"])
    assert result.exit_code == 0, result.output
    assert b'class="shade"' in (tmp_path / "page.svg").read_bytes()
    assert "E835" in run(ecg, ["show", str(file), "--saliency", "nonsense"]).stderr
