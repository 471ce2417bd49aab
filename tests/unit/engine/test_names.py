"""`fhir` is ours and the name of a dependency's package too: both import, in a checkout, from a wheel and from an editable install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROBE = "import fhir, fhir.model, fhir.resources.R4B.patient as p; print(len(list(fhir.__path__)), p.Patient.__name__, fhir.model.__file__)"


def probe(folder: Path, *paths: Path) -> str:
    code = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}; {PROBE}"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_import_in_a_checkout(root: Path) -> None:
    assert str(root) in probe(root, root)


def test_both_import_from_the_installed_package(root: Path, tmp_path: Path) -> None:
    assert "Patient" in probe(tmp_path)


@pytest.mark.timeout(300)
def test_both_import_from_a_wheel(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "source"
    subprocess.run(["git", "-C", str(root), "worktree", "list"], capture_output=True, check=False)
    files = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        if name.startswith(("tests/", "benchmarks/")) or not (root / name).is_file():
            continue
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((root / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(copy)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("isthmus-*.whl"))
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(unpacked)
    assert "fhir/__init__.py" in names
    assert not [name for name in names if name.startswith(("fhir/resources", "tests/", "benchmarks/"))]
    assert any(name.startswith("mappings/") and name.endswith(".yaml") for name in names)
    assert any(name.startswith("channels/") and name.endswith(".yaml") for name in names)
    assert str(unpacked) in probe(tmp_path, unpacked)
