"""WFDB signals coded as FLAC, written by libsndfile beside headers made by hand, and read as the reference library reads them."""

from __future__ import annotations

import io
import random
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import good

from adapters.ecg import Recording, read
from engine.fault import Fault

SUBTYPES = {508: ("PCM_S8", 24), 516: ("PCM_16", 16), 524: ("PCM_24", 8)}
ROWS = made.tracing(3, 900, 100)


def flac(rows: np.ndarray, number: int) -> bytes:
    """Rows [channels, n] of whole steps; libsndfile takes them in the upper bits of 32."""
    soundfile = pytest.importorskip("soundfile")
    subtype, shift = SUBTYPES[number]
    out = io.BytesIO()
    soundfile.write(out, np.ascontiguousarray((rows.T << shift).astype(np.int32)), 500, format="FLAC", subtype=subtype)
    return out.getvalue()


def line(file: str, form: str, row: np.ndarray, lead: str) -> str:
    checksum = (int(row.sum()) + 32768) % 65536 - 32768
    return f"{file} {form} 200(10)/mV 16 0 {row[0]} {checksum} 0 {lead}\n"


def record(number: int, rows: np.ndarray = ROWS) -> dict[str, bytes]:
    head = f"made {len(rows)} 500 {rows.shape[1]}\n" + "".join(
        line("made.dat", str(number), row, lead) for row, lead in zip(rows, made.STANDARD, strict=False)
    )
    return {"made.hea": head.encode(), "made.dat": flac(rows, number)}


def refused(files: dict[str, bytes], code: str) -> Fault:
    found = read(files["made.hea"], beside=files)
    assert isinstance(found, Fault), found
    assert found.code == code
    assert found.help
    return found


def reference(files: dict[str, bytes], folder: Path) -> np.ndarray:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return pytest.importorskip("wfdb").rdrecord(str(folder / "made"), smooth_frames=False).e_p_signal


@pytest.mark.parametrize("number", SUBTYPES)
def test_flac_signals_read_as_they_were_written_and_as_the_reference_library_reads_them(number: int, tmp_path: Path) -> None:
    files = record(number)
    one = good(files["made.hea"], beside=files)
    assert (one.leads, one.rate, one.warnings) == (made.STANDARD[:3], 500.0, ())
    assert np.array_equal(one.samples, ((ROWS - 10) * 5.0).astype(np.float32))
    assert np.abs(np.array(reference(files, tmp_path)) * 1000 - one.samples).max() < 0.001


def test_a_narrower_stream_than_its_format_allows_is_read_and_a_wider_one_is_not() -> None:
    files = record(516)
    narrow = files | {"made.dat": flac(ROWS, 508)}
    assert np.array_equal(good(files["made.hea"], beside=narrow).samples, ((ROWS - 10) * 5.0).astype(np.float32))
    refused(files | {"made.dat": flac(ROWS, 524)}, "E157")


def test_samples_a_frame_an_offset_in_samples_and_marks_of_missing_ones(tmp_path: Path) -> None:
    rows = ROWS[:2].copy()
    rows[1, 50] = -32768
    before = np.full((2, 4), 7)
    head = "made 2 250 450\n" + line("made.dat", "516x2+4", rows[0], "I") + line("made.dat", "516x2+4", rows[1], "II")
    files = {"made.hea": head.encode(), "made.dat": flac(np.hstack([before, rows]), 516)}
    one = good(files["made.hea"], beside=files)
    assert (one.rate, one.samples.shape) == (500.0, (2, 900))
    assert np.isnan(one.samples[1, 50])
    assert np.isnan(one.samples).sum() == 1
    assert np.array_equal(one.samples[0], ((rows[0] - 10) * 5.0).astype(np.float32))
    oracle = np.array(reference(files, tmp_path)) * 1000
    assert np.nanmax(np.abs(oracle - one.samples)) < 0.001


def test_a_record_of_flac_and_plain_files_is_one_in_an_archive_too() -> None:
    plain = made.tracing(1, 900, 100, seed=2)
    head = (
        "made 3 500 900\n"
        + line("b.dat", "16", plain[0], "V1")
        + line("a.dat", "508", ROWS[0], "I")
        + line("a.dat", "508", ROWS[1], "II")
    )
    files = {"made.hea": head.encode(), "a.dat": flac(ROWS[:2], 508), "b.dat": plain.astype("<i2").tobytes()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"folder/{name}", data)
    for one in (good(files["made.hea"], beside=files), good(packed.getvalue())):
        assert (one.leads, one.warnings) == (("V1", "I", "II"), ())
        assert np.array_equal(one.samples, ((np.vstack([plain, ROWS[:2]]) - 10) * 5.0).astype(np.float32))


@pytest.mark.parametrize("cut", [4, 30, 60, 500, -1])
def test_a_flac_file_cut_short_is_refused(cut: int) -> None:
    files = record(516)
    refused(files | {"made.dat": files["made.dat"][:cut]}, "E157")


def test_what_is_no_flac_or_has_other_channels_or_rates_is_refused() -> None:
    files = record(516)
    refused(files | {"made.dat": b"RIFF" + files["made.dat"][4:]}, "E157")
    refused(files | {"made.dat": flac(ROWS[:2], 516)}, "E157")
    unlike = files["made.hea"].replace(b"made.dat 516 ", b"made.dat 516x2 ", 1)
    refused(files | {"made.hea": unlike}, "E157")


def test_a_header_that_declares_fewer_samples_is_told_and_followed() -> None:
    files = record(516)
    one = good(files["made.hea"].replace(b" 500 900\n", b" 500 700\n"), beside=files)
    assert one.samples.shape == (3, 700)
    assert "the header states another number of samples than the file holds" in one.warnings


def silence(millions: int) -> bytes:
    """So many million zeros, in half a hundredth of as many bytes."""
    soundfile = pytest.importorskip("soundfile")
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 500, 1, format="FLAC", subtype="PCM_16", compression_level=1.0) as file:
        for _ in range(millions):
            file.write(np.zeros(1_000_000, np.int16))
    return out.getvalue()


def test_a_flac_bomb_is_refused_before_it_is_decoded() -> None:
    files = {"made.hea": b"made 1 500\nmade.dat 516 200/mV 16 0 0 0 0 I\n", "made.dat": silence(20)}
    assert len(files["made.dat"]) < 100_000
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    refused(files, "E153")
    assert time.process_time() - began < 0.1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    declared = files | {"made.hea": files["made.hea"].replace(b"500\n", b"500 999999999\n", 1)}
    refused(declared, "E153")


def test_a_flac_header_that_promises_more_than_there_is_costs_nothing() -> None:
    files = record(516)
    body = bytearray(files["made.dat"])
    body[21] |= 0x0F  # the upper four of 36 bits that count the samples
    refused(files | {"made.dat": bytes(body)}, "E157")  # the 901st sample is not there
    head = files["made.hea"].replace(b" 500 900\n", b" 500\n")
    refused({"made.hea": head, "made.dat": bytes(body)}, "E153")


def test_flipped_cut_and_doubled_bytes_of_flac_give_a_recording_or_a_fault() -> None:
    files = record(516, made.tracing(2, 3000))
    whole, rng = files["made.dat"], random.Random(7)
    for _ in range(400):
        body = bytearray(whole)
        at = rng.randrange(rng.choice((120, len(body))))
        how = rng.randrange(4)
        if how == 0:
            body[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            body[at] = rng.choice((0, 255, 127, 128))
        elif how == 2:
            del body[at : at + rng.randrange(40)]
        else:
            body[at:at] = body[at : at + rng.randrange(60)]
        assert isinstance(read(files["made.hea"], beside=files | {"made.dat": bytes(body)}), Recording | Fault)


def test_without_the_library_the_fault_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    files = record(516)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert "FLAC" in refused(files, "E157").text


def test_the_library_is_not_loaded_until_a_flac_file_comes() -> None:
    code = "import sys, adapters.ecg.formats; print('soundfile' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
