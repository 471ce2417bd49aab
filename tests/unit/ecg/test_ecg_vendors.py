"""What recorders and their exports write otherwise: spellings of leads and units, padding, decimal commas, names with folders."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import good
from ecg_seeds import written

from adapters.ecg import read
from adapters.ecg.leads import canonical, familiar
from engine.fault import Fault

ROWS = made.tracing(12, 1000)
EIGHT = made.tracing(8, 1000)


@pytest.mark.parametrize(
    ("name", "lead"),
    [
        ("EKG I", "I"), ("Ableitung II", "II"), ("Abl. III", "III"), ("Derivación aVR", "aVR"), ("Dérivation V1", "V1"), ("derivazione V2", "V2"),
        ("Derivação V3", "V3"), ("отведение V4", "V4"), ("Lead-V5", "V5"), ("lead:V6", "V6"), ("V 1", "V1"), ("V-2", "V2"),
        ("v_3", "V3"), ("V4.", "V4"), ("a VF", "aVF"), ("aV-L", "aVL"), ("V3 R", "V3R"), ("DII", "II"),
        ("DIII", "III"), ("D I", "I"), ("-aVR", "-aVR"), ("I-II", "I-II"), ("C3", "C3"), ("Lead 1", "1"),
        ("Channel 1", "Channel 1"), ("Direct", "Direct"), ("V", "V"),
    ],
)  # fmt: skip
def test_a_lead_is_known_in_other_spellings_and_languages(name: str, lead: str) -> None:
    assert canonical(name) == lead


@pytest.mark.parametrize(
    ("names", "leads"),
    [
        (
            ("I", "II", "C1", "C2", "C3", "C4", "C5", "C6"),
            ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"),
        ),  # IEC 60601-2-25's electrodes
        (("D1", "D2", "D3", "aVR"), ("I", "II", "III", "aVR")),
        (("D1", "D2", "D3", "VR", "VL", "VF"), ("I", "II", "III", "aVR", "aVL", "aVF")),
        (("L1", "L2", "L3", "V1"), ("I", "II", "III", "V1")),
        (("C3", "C4", "O1"), ("C3", "C4", "O1")),  # of a brain
        (("C1", "C2", "C3", "C4", "C5", "C6"), ("C1", "C2", "C3", "C4", "C5", "C6")),
        (("1", "2", "3", "V1"), ("1", "2", "3", "V1")),  # places of leads without a name
        (("D1", "D2", "D3"), ("D1", "D2", "D3")),
        (("I", "D1"), ("I", "D1")),
        (("I", "II", "VR", "aVR"), ("I", "II", "VR", "aVR")),
    ],
)
def test_names_that_only_their_company_explains(names: tuple[str, ...], leads: tuple[str, ...]) -> None:
    assert familiar(names) == leads


def test_a_tracing_whose_chest_leads_have_their_electrodes_names_is_the_usual_twelve() -> None:
    body = made.muse(EIGHT, EIGHT[:, :300])
    for n in range(1, 7):
        body = body.replace(b"<LeadID>V%d<" % n, b"<LeadID>C%d<" % n)
    one = good(body)
    assert one.leads == made.STANDARD
    assert one.median is not None
    assert set(one.median.leads) == set(made.STANDARD)
    assert np.array_equal(one.samples, good(made.muse(EIGHT, EIGHT[:, :300])).samples)


@pytest.mark.parametrize(
    ("body", "said", "spelt"),
    [
        (lambda: made.muse(EIGHT, EIGHT[:, :300]), "MICROVOLTS", ("microvolts", "Microvolts", "MICROVOLT", "uV")),
        (lambda: written("aecg"), 'unit="uV"', ('unit="microvolt"', 'unit="uVolt"', 'unit="[uV]"', 'unit="u[V]"', 'unit="µv"')),
        (lambda: made.cardiosoft(ROWS), "uVperLsb", ("uVPerLSB", "uV/LSB", "UVPERLSB", "uVperBit", "uV")),
        (lambda: made.schiller(ROWS), "<units>uV", ("<units>MicroVolt",)),
        (lambda: made.schiller(ROWS), "ECG_RHYTHMS", ("ECG_RHYTHM",)),
    ],
)
def test_units_and_kinds_in_other_spellings(body: Callable[[], bytes], said: str, spelt: tuple[str, ...]) -> None:
    whole = body()
    charset = "latin-1" if b"ISO-8859-1" in whole[:60] else "utf-8"
    assert said.encode() in whole
    for other in spelt:
        one = good(whole.replace(said.encode(), other.encode(charset)))
        assert np.array_equal(one.samples, good(whole).samples), other


@pytest.mark.parametrize("body", [lambda: made.schiller(ROWS), lambda: made.cardiosoft(ROWS)])
def test_samples_with_semicolons_between_them(body: Callable[[], bytes]) -> None:
    assert np.array_equal(good(body().replace(b",", b";")).samples, good(body()).samples)


@pytest.mark.parametrize("end", [b"\0\0\0", b"\x1a", b"\r\n\0"])
def test_xml_that_was_filled_up_behind_its_end(end: bytes) -> None:
    for body in (made.mortara(ROWS), made.sierra(ROWS), made.sierra(ROWS, charset="utf-8")):
        filled = body + (end if body[:2] != b"\xff\xfe" else b"\0\0" * len(end))
        assert np.array_equal(good(filled).samples, good(body).samples)


def test_a_byte_order_mark_is_believed_before_the_declaration() -> None:
    body = made.muse(EIGHT, EIGHT[:, :300])
    assert b'encoding="ISO-8859-1"' in body
    assert good(body).patient.family == "Jäger"
    assert good(b"\xef\xbb\xbf" + body.decode("latin-1").encode()).patient.family == "Jäger"


def patched(body: bytes, at: int, *fields: bytes, width: int = 8) -> bytes:
    for n, field in enumerate(fields):
        body = body[: at + width * n] + field.ljust(width) + body[at + width * (n + 1) :]
    return body


EDF = made.edf(ROWS[:3], plus=False)
UNIT, LOW = 256 + 96 * 3, 256 + 104 * 3  # where the units and the physical minima of three signals stand


def test_an_edf_header_with_decimal_commas_zeros_or_nuls_is_read() -> None:
    plain = good(EDF)
    for body in (
        patched(EDF, LOW, b"-8192,0", b"-8192,0", b"-8192,0"),
        patched(EDF, 244, b"1,0"),
        patched(EDF, 184, b"00001024"),
        patched(EDF, 184, b"1024\0\0\0\0"),
        b"0\0\0\0\0\0\0\0" + EDF[8:],
    ):
        one = good(body)
        assert np.array_equal(one.samples, plain.samples)
        assert one.rate == 500.0
    for unit in (b"\xb5v", b"uVolts", b"\xc2\xb5V"):
        assert np.array_equal(good(patched(EDF, UNIT, unit, unit, unit)).samples, plain.samples)


@pytest.mark.parametrize("day", [b"25.12.24", b"25/12/24", b"25-12-24"])
@pytest.mark.parametrize("clock", [b"01.02.03", b"01:02:03", b"1.2.3"])
def test_an_edf_start_with_other_marks(day: bytes, clock: bytes) -> None:
    body = patched(patched(patched(EDF, 168, day), 176, clock), 88, b"", width=80)
    assert str(good(body).start) == "2024-12-25 01:02:03"


def test_ecg_labels_with_a_number_or_a_reference_are_not_left_out() -> None:
    one = good(patched(EDF, 256, b"ECG1", b"II-REF", b"ECG III-Ref", width=16))
    assert one.leads == ("ECG1", "II", "III")
    assert one.warnings == ()


FILES = made.wfdb_files(ROWS[:3], "16")
HEAD = FILES["made.hea"]


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"made.dat", b"./sub/made.dat"),
        HEAD.replace(b"made.dat", b"sub\\made.dat"),
        HEAD.replace(b"200.0(0)/mV", b"0.2(0)/\xb5V"),
        HEAD.replace(b"(0)/mV", b"(0.0)/mV"),
    ],
)
def test_a_wfdb_header_as_others_write_it(head: bytes) -> None:
    assert head != HEAD
    assert np.array_equal(good(head, beside=FILES).samples, good(HEAD, beside=FILES).samples)


def test_a_wfdb_signal_that_is_in_no_file_is_left_out() -> None:
    head = HEAD.replace(b"made 3", b"made 4") + b"~ 0 200 12 0 0 0 0 V1\n"
    one = good(head, beside=FILES)
    assert one.leads == ("I", "II", "III")
    assert one.warnings == ("signals that are in no file are left out",)


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


COLUMNS = b"time [ms],I [mV]\n" + b"".join(b"%d,0.%d\n" % (2 * n, n % 7) for n in range(100))


@pytest.mark.parametrize("body", [lambda: COLUMNS, lambda: written("fhir"), lambda: made.edf(ROWS[:2])])
def test_the_only_ecg_of_an_archive_is_read_beside_what_is_none(body: Callable[[], bytes]) -> None:
    beside = {"read me.txt": b"exported by the recorder", "page.pdf": b"%PDF-1.4\n1 0 obj", "page.jpg": b"\xff\xd8\xff\xe0"}
    one = good(zipped(beside | {"tracing": body()}))
    assert np.array_equal(one.samples, good(body()).samples)
    assert one.warnings == good(body()).warnings


def test_of_two_tables_in_an_archive_none_is_taken_for_the_tracing() -> None:
    found = read(zipped({"beats.csv": COLUMNS, "tracing.csv": COLUMNS}))
    assert isinstance(found, Fault)
    assert found.code == "E160"


def test_a_file_in_gzip_is_read_and_one_that_swells_beyond_bounds_is_not() -> None:
    body = made.mortara(ROWS)
    assert np.array_equal(good(gzip.compress(body)).samples, good(body).samples)
    for bad in (
        gzip.compress(bytes(100_000_000)),
        gzip.compress(body)[:-400],
        b"\x1f\x8b\x08\0" + bytes(40),
        gzip.compress(zipped({"a": body})),
    ):
        found = read(bad)
        assert isinstance(found, Fault)
        assert found.code == "E160"


def test_a_time_as_iso_8601_writes_it_is_read_where_hl7s_own_form_is_usual() -> None:
    body = made.mortara(ROWS).replace(b'ACQUISITION_TIME="20220102030405"', b'ACQUISITION_TIME="2022-01-02T03:04:05+01:00"')
    assert str(good(body).start) == "2022-01-02 03:04:05+01:00"


def test_a_lead_is_known_by_its_number_in_mdc() -> None:
    assert (canonical("131329"), canonical("131073"), canonical("131389")) == ("I", "I", "III")  # 131072 + 61
    assert canonical("131328") == "131328"
