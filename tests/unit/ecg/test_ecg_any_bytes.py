"""Whatever bytes come: a Recording or a Fault, soon, and never anything else."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from ecg_seeds import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ecg import Recording, Trends, read, read_trends
from adapters.ecg.formats import NAMES
from engine.fault import Fault


def test_every_format_has_a_seed() -> None:
    assert {name.split()[0] for name in SEEDS} == set(NAMES)


@pytest.mark.parametrize("name", SEEDS)
def test_flipped_cut_and_doubled_bytes_give_a_recording_or_a_fault(name: str) -> None:
    seed = SEEDS[name]()
    whole = read(seed)
    assert isinstance(whole, Recording), whole
    assert whole.format == name.split()[0]
    rng = random.Random(name)
    for _ in range(150):
        body = bytearray(seed)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(body))
            how = rng.randrange(5)
            if how == 0:
                body[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                body[at] = rng.choice((0, 255, 127, 128, 48, 57))
            elif how == 2:
                del body[at:]
            elif how == 3:
                del body[at : at + rng.randrange(40)]
            else:
                body[at:at] = body[at : at + rng.randrange(60)]
            if not body:
                break
        began = time.perf_counter()
        found = read(bytes(body))
        assert isinstance(found, Recording | Fault)
        assert time.perf_counter() - began < 2
        if isinstance(found, Recording):
            assert found.samples.shape[0] == len(found.leads)
            assert found.samples.size < 50_000_000
            assert not np.isinf(found.samples).any()


@settings(max_examples=300)
@given(body=st.binary(max_size=400))
def test_any_bytes_give_a_recording_or_a_fault(body: bytes) -> None:
    assert isinstance(read(body), Recording | Fault)


HEADS = [
    b"\xffBIOSEMI",
    b"0       ", b"MSH|^~\\&|", b"<AnnotatedECG>", b"<ECG><CHANNEL ", b"PK\x03\x04", bytes(128) + b"DICM", b"a 1 500\n", b'{"resourceType"',
    bytes(6) + b"\0\0\0\0\x88\0\0\0\x14\x14SCPECG",
]  # fmt: skip


@settings(max_examples=300)
@given(head=st.sampled_from(HEADS), body=st.binary(max_size=400))
def test_any_bytes_behind_a_known_beginning_too(head: bytes, body: bytes) -> None:
    assert isinstance(read(head + body), Recording | Fault)
    assert isinstance(read_trends(head + body), Trends | Fault)
