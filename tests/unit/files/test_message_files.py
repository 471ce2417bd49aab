"""What the verbs that read message files are given: folders, pipes, nothing at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.hl7v2 import cli as sending
from engine.cli import check, map

MESSAGE = b"MSH|^~\\&|A|B|C|D|20260131||ORU^R01|M1|P|2.5.1\rPID|1||7^^^H^MR\rOBR|1|P|F|A^A^L\rOBX|1|NM|A^A^L||5||||||F\r"


@pytest.mark.parametrize("command", [map.command, check.command, sending.command])
def test_a_folder_without_messages_is_told_and_nothing_else_is_read(command: object, tmp_path: Path) -> None:
    made = CliRunner().invoke(command, [str(tmp_path)], input=MESSAGE)  # type: ignore[arg-type]
    assert made.exit_code == 2
    assert "holds no files" in made.output


@pytest.mark.parametrize("command", [map.command, check.command])
def test_a_pipe_is_read_like_a_file(command: object, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(MESSAGE,), daemon=True)
    writer.start()
    made = CliRunner().invoke(command, [str(pipe)])  # type: ignore[arg-type]
    writer.join(10)
    assert (made.exit_code, writer.is_alive()) == (0, False)
    assert "Observation" in made.output


def test_what_is_no_message_is_not_sent_and_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "noise.hl7").write_bytes(bytes(range(200)))
    (tmp_path / "nothing.hl7").write_bytes(b"")
    for name, code in (("noise.hl7", "E111"), ("nothing.hl7", "E110")):
        made = CliRunner().invoke(sending.command, [str(tmp_path / name), "--to", "127.0.0.1:9"])
        assert (made.exit_code, code in made.output) == (1, True), made.output


def test_messages_go_where_the_engine_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_bytes(MESSAGE)
    monkeypatch.setenv("ISTHMUS_MLLP", "127.0.0.1:9")
    made = CliRunner().invoke(sending.command, [str(tmp_path / "one.hl7")])
    assert (made.exit_code, "('127.0.0.1', 9)" in made.output) == (3, True), made.output
