"""The page is what it says: millimetres, seconds and millivolts to a tenth of a millimetre, in SVG and in PDF."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ecg_made as made
import numpy as np
import pytest
from lxml import etree

from adapters.ecg import Recording, read
from adapters.ecg.draw import Options, page, pdf, svg
from adapters.ecg.draw.shapes import Page, thinned
from adapters.ecg.recording import Device, Filters, Measurement, Patient, Statement, physical
from engine.fault import Fault

NS = "{http://www.w3.org/2000/svg}"
SECOND, MILLIVOLT = (13.5 + 10, 25.0), 10.0  # where 0 s is at 25 mm/s, and mm a second


def recording(rows: np.ndarray | None = None, **rest: Any) -> Recording:
    steps = made.tracing(length=5000) if rows is None else rows
    names = rest.pop("leads", made.STANDARD[: len(steps)])
    return Recording("made", names, np.array([physical(row, Decimal(5)) for row in steps]), 500.0, **rest)


def drawn(one: Recording, **options: Any) -> Page:
    found = page(one, Options(**options))
    assert isinstance(found, Page), found
    return found


def paths(document: bytes) -> dict[str, list[np.ndarray]]:
    """Lead (or `calibration`) → polylines in mm, read back from the SVG."""
    out: dict[str, list[np.ndarray]] = {}
    for path in etree.fromstring(document).iter(f"{NS}path"):
        name = path.get("data-lead") or path.get("class")
        numbers = re.fullmatch(r"M([-\d.]+) ([-\d.]+)l([-\d. ]+)", path.get("d"))
        if numbers and name:
            steps = np.array(numbers[3].split(), dtype=float).reshape(-1, 2)
            first = np.array([[float(numbers[1]), float(numbers[2])]])
            out.setdefault(name, []).append(np.concatenate([first, first + np.cumsum(steps, axis=0)]))
    return out


def strokes(document: bytes, name: str) -> np.ndarray:
    path = next(path for path in etree.fromstring(document).iter(f"{NS}path") if path.get("class") == name)
    found = re.findall(r"M([\d.]+) ([\d.]+)([hv])([-\d.]+)", path.get("d"))
    return np.array([(float(x), float(y), kind == "h", float(size)) for x, y, kind, size in found])


def test_user_units_are_millimetres_of_a_landscape_a4_page() -> None:
    root = etree.fromstring(svg(drawn(recording())))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("297mm", "210mm", "0 0 297 210")


def test_the_grid_has_a_line_every_millimetre_and_a_strong_one_every_five() -> None:
    document = svg(drawn(recording()))
    fine, strong = strokes(document, "1 mm"), strokes(document, "5 mm")
    for axis, horizontal in ((1, 1), (0, 0)):
        thin = sorted(fine[fine[:, 2] == horizontal][:, axis])
        thick = sorted(strong[strong[:, 2] == horizontal][:, axis])
        assert np.allclose(np.diff(thick), 5, atol=0.001)
        assert np.allclose(np.diff(sorted([*thin, *thick])), 1, atol=0.001)


@pytest.mark.parametrize("speed", [25.0, 50.0])
@pytest.mark.parametrize("gain", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("layout", ["3x4", "6x2", "12x1"])
def test_every_sample_lies_within_a_tenth_of_a_millimetre_of_its_place(layout: str, speed: float, gain: float) -> None:
    one = recording()
    found = paths(svg(drawn(one, layout=layout, speed=speed, gain=gain)))
    pulses = found.pop("calibration")
    rows, across = {"3x4": (4, 4), "6x2": (7, 2), "12x1": (12, 1)}[layout]
    assert len(pulses) == rows
    start = 13.5 + 5 + 0.2 * speed
    seconds = 10.0 if speed == 25 else 5.0
    assert set(found) == set(made.STANDARD)
    shown = 0
    for lead, lines in found.items():
        column = 0 if layout == "12x1" else made.STANDARD.index(lead) // (3 if layout == "3x4" else 6)
        for line in lines:
            whole = lead == "II" and line[-1, 0] - line[0, 0] > seconds * speed * 0.99
            begin = 0.0 if whole else column * seconds / across
            zero = min((pulse[0, 1] for pulse in pulses), key=lambda y: abs(y - np.median(line[:, 1])))
            first = round(begin * one.rate)
            count = round((seconds if whole else seconds / across) * one.rate) + 1
            samples = one.samples[made.STANDARD.index(lead)][first : first + count]
            x = start + begin * speed + np.arange(len(samples)) / one.rate * speed
            assert line[0, 0] == pytest.approx(x[0], abs=0.1)
            assert line[-1, 0] == pytest.approx(x[-1], abs=0.1)
            assert np.abs(np.interp(x, line[:, 0], line[:, 1]) - (zero - samples / 1000 * gain)).max() < 0.1
            shown += len(samples)
    assert shown >= 12 * seconds / across * one.rate


@pytest.mark.parametrize(("speed", "gain"), [(25.0, 10.0), (50.0, 20.0), (25.0, 5.0)])
def test_the_calibration_pulse_is_one_millivolt_for_a_fifth_of_a_second(speed: float, gain: float) -> None:
    for pulse in paths(svg(drawn(recording(), speed=speed, gain=gain)))["calibration"]:
        assert pulse[:, 1].max() - pulse[:, 1].min() == pytest.approx(gain, abs=0.1)
        high = pulse[pulse[:, 1] < pulse[:, 1].min() + 0.01]
        assert high[-1, 0] - high[0, 0] == pytest.approx(0.2 * speed, abs=0.1)


def test_thinning_never_moves_the_line_by_more_than_its_tolerance() -> None:
    rng = np.random.default_rng(3)
    kinds = (
        rng.normal(0, 0.05, 4000),
        np.cumsum(rng.normal(0, 0.03, 3999)),
        rng.normal(0, 9, 2),
        np.sin(np.arange(4001) / 40) * 8,
    )
    lines = [np.column_stack([np.arange(len(kind)) * 0.05, kind]) for kind in kinds]
    for points, few in zip(lines, thinned(lines), strict=True):
        assert (few[0] == points[0]).all() and (few[-1] == points[-1]).all()
        assert np.abs(np.interp(points[:, 0], few[:, 0], few[:, 1]) - points[:, 1]).max() <= 0.05 + 1e-9
        assert len(few) < len(points) or len(points) == 2


def test_the_pdf_draws_the_same_lines_in_millimetres() -> None:
    one = drawn(recording(made.tracing(length=5000)))
    document = pdf(one)
    assert document.startswith(b"%PDF-1.4")
    packed = re.search(rb"stream\n(.*)\nendstream", document, re.DOTALL)
    assert packed
    content = zlib.decompress(packed[1]).decode("latin-1")
    transform = re.match(r"q ([\d.]+) 0 0 -([\d.]+) 0 ([\d.]+) cm", content)
    assert transform
    assert 100 * float(transform[1]) == pytest.approx(72 / 25.4, abs=1e-5)
    assert float(transform[3]) == pytest.approx(210 * 72 / 25.4, abs=0.01)
    lines = [
        np.array([pair.split()[:2] for pair in re.findall(r"[\d.]+ [\d.]+ [ml]", block)], dtype=float)
        for block in re.findall(r"\b25 w\n(.*?)\nS", content, re.DOTALL)
    ]
    assert len(lines) == len(one.traces)
    for line, trace in zip(lines, one.traces, strict=True):
        assert np.abs(line / 100 - trace.points).max() <= 0.0051
    table = int(document.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert document[table : table + 4] == b"xref"


def test_ten_seconds_of_twelve_leads_stay_below_sixty_kilobytes(shared_data: Path) -> None:
    for name in ("hl7_aecg/hl7_Example_aECG.xml", "sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml", "sierra/129DYPRG.XML"):
        one = read((shared_data / "ecg_formats" / name).read_bytes())
        assert isinstance(one, Recording)
        for layout in ("3x4", "6x2", "12x1"):
            assert len(gzip.compress(svg(drawn(one, layout=layout)))) < 60_000


def words(document: bytes) -> list[str]:
    return [text.text or "" for text in etree.fromstring(document).iter(f"{NS}text")]


def test_the_page_says_who_when_what_and_how() -> None:
    one = recording(
        patient=Patient(id="4711", family="Müller <&>", given="Ada", birth_date="1950-12-31", sex="female"),
        start=datetime(2024, 2, 29, 12, 0, 1), device=Device("Maker", "M1"), filters=Filters(0.05, 150.0, 50.0),
        measurements=(Measurement("pr", Decimal(161), "ms"), Measurement("qrs_axis", Decimal(-30), "deg")),
        statements=(Statement("Sinus rhythm"),),
    )  # fmt: skip
    found = words(svg(drawn(one)))
    for text in (
        "Müller <&>, Ada",
        "ID 4711",
        "born 1950-12-31, Female",
        "2024-02-29 12:00:01 (zone not stated)",
        "161 ms",
        "– -30° –",
        "Sinus rhythm",
    ):
        assert text in found
    assert "25 mm/s · 10 mm/mV · 0.05–150 Hz, notch 50 Hz · 500 Hz · 0–10 s of 10.0 s" in found
    assert [text for text in found if text in made.STANDARD] == [
        "I",
        "aVR",
        "V1",
        "V4",
        "II",
        "aVL",
        "V2",
        "V5",
        "III",
        "aVF",
        "V3",
        "V6",
        "II",
    ]


def test_our_own_measurements_are_shown_when_there_are_any() -> None:
    found = page(recording(), measured={"measurements": [{"name": "QTc_Fridericia", "value": 431.6, "unit": "ms", "lead": ""}]})
    assert isinstance(found, Page)
    assert "432 ms" in words(svg(found))
    assert "Measured by Isthmus" in words(svg(found))


def test_gaps_are_left_open_and_offsets_are_told() -> None:
    one = recording(made.tracing(12, 5000))
    one.samples[0, 300:700] = np.nan
    one.samples[6] += 2000
    found = drawn(one)
    assert len(paths(svg(found))["I"]) == 2
    assert any("offset taken off V1" in text for text in words(svg(found)))


def test_other_leads_stand_one_below_the_other() -> None:
    found = paths(svg(drawn(recording(made.tracing(2, 5000), leads=("MLII", "V5")))))
    assert len(found["MLII"]) == len(found["V5"]) == 1
    assert len(found["calibration"]) == 2


@pytest.mark.parametrize(("count", "rows"), [(1, 3), (2, 3), (5, 1)])
def test_what_few_leads_have_beyond_the_width_of_the_page_goes_on_below(count: int, rows: int) -> None:
    one = recording(made.tracing(count, 15_000), leads=("MLII", "V5", "V1", "V2", "V3")[:count])
    document = svg(drawn(one))
    found = paths(document)
    assert [len(found[lead]) for lead in one.leads] == [rows] * count
    pulses = found["calibration"]
    for n, line in enumerate(found["MLII"]):
        samples = one.samples[0, 5000 * n : 5000 * n + 5001]
        x = 23.5 + np.arange(len(samples)) / 20
        assert np.abs(np.interp(x, line[:, 0], line[:, 1]) - (pulses[count * n][0, 1] - samples / 100)).max() < 0.1
    said = words(document)
    assert [text for text in said if re.fullmatch(r"\d+ s", text)] == ["10 s"] * count * (rows > 1) + ["20 s"] * count * (
        rows > 1
    )
    assert any(f"0–{10 * rows} s of 30.0 s" in text for text in said)


MORE = (*made.STANDARD, "V7", "V8")


@pytest.mark.parametrize(
    ("layout", "leads", "count", "said"),
    [("3x4", MORE, 14, ""), ("12x1", MORE, 12, "not drawn: V7, V8"),
     ("3x4", tuple(f"E{n}" for n in range(20)), 12, "not drawn: E12, E13, E14, E15 and 4 more")],
)  # fmt: skip
def test_leads_for_which_there_is_no_room_are_told(layout: str, leads: tuple[str, ...], count: int, said: str) -> None:
    document = svg(drawn(recording(made.tracing(len(leads), 5000), leads=leads), layout=layout))
    assert set(paths(document)) - {"calibration"} == set(leads[:count])
    assert re.findall("not drawn: [^·]*", " ".join(words(document)).partition(" Isthmus")[0]) == ([said] if said else [])


@pytest.mark.parametrize("layout", ["3x4", "6x2", "12x1"])
def test_the_calibration_pulse_of_the_first_row_stays_on_the_grid(layout: str) -> None:
    for pulse in paths(svg(drawn(recording(), layout=layout, gain=20.0)))["calibration"]:
        assert pulse[:, 1].min() >= 37
        assert pulse[:, 1].max() <= 37 + 165


def test_texts_that_are_too_long_end_where_the_next_column_begins() -> None:
    one = recording(
        patient=Patient(id="W" * 300, family="W" * 300), order="山" * 300, statements=tuple(Statement("WM" * 200) for _ in range(9)),
        measurements=(Measurement("pr", Decimal(161), "ms"),), leads=("W" * 99, *made.STANDARD[1:]),
    )  # fmt: skip
    for text in drawn(one).texts:
        if text.anchor == "start":
            wide = {"W": 0.944, "M": 0.833, "山": 1.0}  # of their size, by the font's own metrics
            end = text.x + sum(wide.get(letter, 0.25) for letter in text.words) * text.size
            assert end <= (107.5 if text.x == 13.5 and text.y < 36 else 283.5), text.words


@pytest.mark.parametrize(
    ("name", "written"),
    [("Łukasz Čapek", "Lukasz Capek"), ("Иванов ЩУКИН Щедрин", "Ivanov SHCHUKIN Shchedrin"), ("Διονύσιος", "Dionysios"), ("Jäger", "Jäger"),
     ("דוד", "???")],
)  # fmt: skip
def test_the_pdf_writes_names_in_western_letters(name: str, written: str) -> None:
    packed = re.search(rb"stream\n(.*)\nendstream", pdf(drawn(recording(patient=Patient(family=name)))), re.DOTALL)
    assert packed
    assert f"({written}) Tj" in zlib.decompress(packed[1]).decode("cp1252")


def test_hostile_names_stay_words(tmp_path: Path) -> None:
    name = '<script>alert(1)</script>)Tj ET (\\ \x00\x1b "&\ud800 ł 漢'
    one = recording(patient=Patient(id=name, family=name), statements=(Statement(name),))
    document = svg(drawn(one))
    root = etree.fromstring(document)
    assert not list(root.iter(f"{NS}script"))
    assert any("<script>" in text for text in words(document))
    packed = re.search(rb"stream\n(.*)\nendstream", pdf(drawn(one)), re.DOTALL)
    assert packed
    assert r"\)Tj ET \(" in zlib.decompress(packed[1]).decode("latin-1")


@pytest.mark.parametrize("options", [{"layout": "4x4"}, {"speed": 30.0}, {"gain": 0.0}, {"begin": 99.0}, {"begin": -1.0}])
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any]) -> None:
    found = page(recording(), Options(**options))
    assert isinstance(found, Fault)
    assert found.code == "E162"


def test_limb_leads_that_a_file_leaves_out_are_computed_for_the_page_which_says_so() -> None:
    eight = ("I", "II", *made.STANDARD[6:])
    whole = recording()
    i, ii = whole.samples[0].astype(np.float64), whole.samples[1].astype(np.float64)
    rows = [whole.samples[whole.leads.index(lead)] for lead in eight]
    found = drawn(replace(whole, leads=eight, samples=np.array(rows), scale=(), origin=()))
    assert {trace.lead for trace in found.traces if trace.lead} == set(made.STANDARD)
    assert any("III, aVR, aVL, aVF from I and II" in text.words for text in found.texts)
    twelve = {"III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2}  # Einthoven, Goldberger
    same = [twelve.get(lead, whole.samples[n]) for n, lead in enumerate(whole.leads)]
    expected = drawn(replace(whole, samples=np.array(same, np.float32), scale=(), origin=()))
    for one, other in zip(found.traces, expected.traces, strict=True):
        assert one.lead == other.lead
        assert np.abs(one.points[[0, -1]] - other.points[[0, -1]]).max() < 0.01
    assert not any("from I and II" in text.words for text in expected.texts)
    few = drawn(replace(whole, leads=("I", "II", "V5"), samples=whole.samples[:3], scale=(), origin=()))
    assert {trace.lead for trace in few.traces if trace.lead} == {"I", "II", "V5"}
