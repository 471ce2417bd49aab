"""A pickle in a checkpoint runs nothing and takes no time, whatever it holds."""

import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from ecgfm_files import MODEL, refused  # noqa: E402

from engine.fault import Fault  # noqa: E402
from inference.ecgfm.checkpoint import load  # noqa: E402
from inference.ecgfm.pickles import Checkpoint, open_checkpoint  # noqa: E402


class Payload:
    """What an attacker would pickle."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, (f"touch {self.marker}",)


def test_a_payload_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    torch.save({"cfg": {"model": MODEL}, "model": {}, "x": Payload(marker)}, path)
    answer = load(path)
    assert isinstance(answer, Fault)
    assert answer.code == "E840"
    assert "system" in answer.text
    assert not marker.exists()


def test_a_plain_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Payload(marker)))
    assert refused(path) == "E840"
    assert not marker.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x02]r\xff\xff\xff\x7f.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"\x80\x02}q\x00.",
        b"(lp0\n.",
    ],
)
def test_a_hostile_pickle_in_a_good_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
    assert refused(path) == "E840"


def doubled(levels: int, between: bytes = b"") -> bytes:
    """A tuple that holds another twice, which holds another twice …: its hash takes two to the levels steps."""
    parts = [b"\x94h" + bytes([n]) + between + b"\x86" for n in range(levels)]
    return b"K\x01\x85" + b"".join(parts)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "key",
    [
        doubled(60),
        doubled(60, b"K\x010"),
        b"\x8c\x0ctorch._utils\x8c\x12_rebuild_parameter\x93" + doubled(60) + b"\x85R",
        b"(" + doubled(60) + b"\x91",
    ],
)
def test_a_key_that_would_be_hashed_for_ever_is_refused(tmp_path: Path, key: bytes) -> None:
    path = tmp_path / "slow.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x04}" + key + b"K\x01s.")
    assert refused(path) == "E840"


def test_a_compressed_zip_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 1_000_000)
    assert refused(path) == "E840"


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=80))
def test_any_bytes_as_a_pickle_are_a_checkpoint_or_a_fault(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pt"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + data)
        assert isinstance(open_checkpoint(path), Checkpoint | Fault)
