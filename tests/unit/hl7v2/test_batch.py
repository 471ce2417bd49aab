"""Batches and blocks of several messages (HL7 v2.9.1 section 2.9.3)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from adapters.hl7v2 import er7
from adapters.hl7v2.ack import Party
from adapters.hl7v2.batch import answer, is_fragment, is_single, split
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.header import Header, read_header
from tests.unit.hl7v2.messages import MSH, ORU, lines

A = lines(MSH, "PID|1||1")
B = lines(MSH.replace("M1", "M2"), "PID|1||2")
FHS, BHS = rb"FHS|^~\&|APP|FAC|EHR|HOSP|2024||||F1" + b"\r", rb"BHS|^~\&|APP|FAC|EHR|HOSP|2024||||B1" + b"\r"


def test_one_message_is_one_message() -> None:
    assert is_single(ORU)
    assert split(ORU).messages == (ORU,)
    assert not split(ORU).wrapped


def test_a_batch_gives_its_messages_as_they_came() -> None:
    batch = split(FHS + BHS + A + B + b"BTS|2\rFTS|1\r")
    assert batch.messages == (A, B)
    assert batch.wrapped
    assert batch.fault is None
    assert batch.file is not None and batch.batch is not None
    assert (batch.file.value(11), batch.batch.value(11)) == ("F1", "B1")


def test_two_messages_in_one_block_are_two() -> None:
    assert not is_single(A + B)
    assert split(A + B).messages == (A, B)
    assert not split(A + B).wrapped
    assert split((A + B).replace(b"\r", b"\n")).messages == (A.replace(b"\r", b"\n"), B.replace(b"\r", b"\n"))


def test_several_batches_and_an_empty_one_are_allowed() -> None:
    batch = split(FHS + BHS + A + b"BTS|1\r" + BHS + b"BTS|0\r" + BHS + B + b"BTS|1\rFTS|3\r")
    assert (batch.messages, batch.fault) == ((A, B), None)
    empty = split(BHS + b"BTS|0\r")
    assert (empty.messages, empty.fault) == ((), None)


def test_a_block_of_far_too_many_messages_is_not_taken_apart() -> None:
    honest = BHS + A * 15_000 + b"BTS|15000\r"
    assert len(split(honest).messages) == 15_000
    endless = BHS + b"MSH|^~\\&|\r" * 1_000_000
    began = time.process_time()
    batch = split(endless)
    assert time.process_time() - began < 1
    assert batch.messages == (endless,)
    assert batch.wrapped
    assert batch.fault is not None
    assert batch.fault.code == "E120"


@pytest.mark.parametrize(
    ("trailer", "at"),
    [(b"BTS|3\rFTS|1\r", "BTS-1"), (b"BTS|1\rFTS|1\r", "BTS-1"), (b"BTS|2\rFTS|2\r", "FTS-1"), (b"BTS|x\r", "BTS-1")],
)
def test_a_count_that_does_not_agree_is_a_fault(trailer: bytes, at: str) -> None:
    batch = split(FHS + BHS + A + B + trailer)
    assert batch.fault is not None
    assert (batch.fault.code, batch.fault.at) == ("E144", at)
    assert batch.messages == (A, B)


@pytest.mark.parametrize("trailer", [b"", b"BTS\r", b"BTS|\rFTS|\r", b"BTS|2\r"])
def test_a_count_that_is_not_stated_is_no_fault(trailer: bytes) -> None:
    assert split(FHS + BHS + A + B + trailer).fault is None


def test_a_name_in_the_text_is_no_segment() -> None:
    body = lines(MSH, "NTE|1||MSH|x", "OBX|1||BTS", "MSHX|1")
    assert split(body).messages == (body,)


def test_the_answer_is_a_batch_that_names_what_it_answers() -> None:
    batch = split(FHS + BHS + A + B + b"BTS|2\rFTS|1\r")
    acks = [rb"MSH|^~\&|x" + b"\rMSA|AA|M1\r", rb"MSH|^~\&|x" + b"\rMSA|AA|M2\r"]
    found = er7.parse(answer(batch, acks, at=datetime(2024, 1, 1, tzinfo=UTC), own=Party()))
    assert isinstance(found, Er7)
    assert " ".join(segment.name for segment in found.segments) == "FHS BHS MSH MSA MSH MSA BTS FTS"
    fhs, bhs, bts = found.segments[0], found.segments[1], found.segments[-2]
    assert (fhs.value(12), bhs.value(12), bts.value(1), fhs.value(3), fhs.value(5)) == ("F1", "B1", "2", "EHR", "APP")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (ORU, False),
        (lines(MSH, "PID|1", "DSC|next|F"), True),
        (lines(MSH, "PID|1", "DSC|"), False),
        (lines(MSH + "||pointer", "PID|1"), True),
        (lines(MSH, "NTE|1||DSC|x"), False),
    ],
)
def test_a_fragment_is_told_by_dsc_or_msh_14(body: bytes, expected: bool) -> None:
    header = read_header(body)
    assert isinstance(header, Header)
    assert is_fragment(header, body) is expected
