"""Chinese, Japanese and Korean names on the PDF page, in the predefined encodings that every reader has fonts for or asks for them."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import ecg_made as made
import pytest
from ecg_read_back import good

from adapters.ecg.draw import page, pdf
from adapters.ecg.draw.letters import width
from adapters.ecg.draw.shapes import Page
from adapters.ecg.recording import Patient

NAMES = [
    ("王小明", "GB1"), ("张伟", "GB1"), ("陳志豪", "CNS1"), ("山田さくら", "Japan1"), ("ヤマダ", "Japan1"), ("ﾔﾏﾀﾞ", "Japan1"), ("김철수", "Korea1"),
    ("金哲洙 김", "Korea1"), ("髙橋", "Japan1"),
]  # fmt: skip


def drawn(name: str) -> bytes:
    found = page(replace(good(made.cardiosoft(made.tracing())), patient=Patient(name=name)))
    assert isinstance(found, Page)
    return pdf(found)


def content(body: bytes) -> str:
    packed = body[body.index(b"stream\n") + 7 : body.index(b"\nendstream")]
    return zlib.decompress(packed).decode("latin-1")


def shown(body: bytes) -> list[tuple[str, str]]:
    """(collection, words) of each piece of text that is no Western one, by the fonts of the file; UTF-16 as the encodings' names say."""
    fonts = {}
    for name, number in re.findall(
        rb"/(\w+) (\d+) 0 R", body[body.index(b"/Font<<") : body.index(b">>", body.index(b"/Font<<"))]
    ):
        one = body[body.index(b"\n%s 0 obj" % number) :]
        fonts[name.decode()] = one[: one.index(b"endobj")]
    out = []
    for font, codes in re.findall(r"/(\w+) \d+ Tf (?:1 0 0 -1 \S+ \S+ Tm )?<([0-9a-f]+)> Tj", content(body)):
        assert re.search(rb"/Encoding/Uni\w+-UTF16-H", fonts[font])
        heir = re.search(rb"DescendantFonts\[(\d+) 0 R\]", fonts[font])
        assert heir
        described = body[body.index(b"\n%s 0 obj" % heir.group(1)) :]
        collection = re.search(rb"/Ordering\((\w+)\)", described)
        assert collection
        out.append((collection.group(1).decode(), bytes.fromhex(codes).decode("utf-16-be")))
    return out


@pytest.mark.parametrize(("name", "collection"), NAMES)
def test_a_name_is_written_in_the_letters_it_has(name: str, collection: str) -> None:
    pieces = shown(drawn(name))
    assert {one for one, _ in pieces} == {collection}
    assert "".join(words for _, words in pieces) == name.replace(" ", "")


def test_western_letters_beside_them_stay_in_the_standard_font() -> None:
    body = drawn("王 Müller 小明")
    assert shown(body) == [("GB1", "王"), ("GB1", "小明")]
    assert re.search(r"<738b> Tj /F2 \d+ Tf \( M\xfcller \) Tj", content(body))


def test_letters_that_no_encoding_has_stay_question_marks_and_are_never_left_out() -> None:
    body = drawn("王😀\U00030000")
    assert shown(body) == [("GB1", "王")]
    assert "(??) Tj" in content(body)
    for name in ("كمال", "דוד", "สมชาย"):
        assert f"({'?' * len(name)}) Tj" in content(drawn(name))


def test_a_page_without_such_letters_is_what_it_was() -> None:
    body = drawn("Müller")
    assert body.startswith(b"%PDF-1.4")
    assert b"CIDFont" not in body
    assert drawn("王").startswith(b"%PDF-1.5")


def test_a_half_wide_letter_is_half_as_wide_as_a_whole_one() -> None:
    assert (width("ﾔ"), width("ヤ")) == (0.5, 1.0)
    assert b"/W[231 632 500]" in drawn("ﾔ")


@pytest.mark.skipif(
    not Path("/usr/share/poppler/cMap").is_dir() or not shutil.which("pdftotext"), reason="needs poppler and its encodings"
)
@pytest.mark.parametrize(("name", "collection"), NAMES)
def test_a_reader_finds_the_name(name: str, collection: str, tmp_path: Path) -> None:
    (tmp_path / "page.pdf").write_bytes(drawn(name))
    found = subprocess.run(["pdftotext", "page.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
    assert found.stderr == b""
    assert name.replace(" ", "") in re.sub(r"\s", "", found.stdout.decode())
