"""Reads a torch checkpoint without running anything it says: a zip of raw storages and one pickle that may only build data.

The pickle is scanned before it is read (opcodes, memo indexes), may name tensors, plain containers and, as inert stand-ins,
the configuration classes of the training framework; any other name is refused. Source: the zip layout of torch.save.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.fault import Fault, Kind
from inference.ecgfm.weigh import Weights

MAX_PICKLE = 64 * 1024 * 1024
MAX_ENTRIES = 20_000
DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
INERT = frozenset({"omegaconf", "fairseq", "fairseq_signals", "argparse", "numpy", "typing", "enum", "pathlib", "_codecs"})


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage the pickle names: its entry in the zip and its type. Nothing is read yet."""

    key: str
    dtype: torch.dtype
    count: int


@dataclass(frozen=True, slots=True)
class Lazy:
    """A tensor the pickle describes: a window into a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dtype:
    """Stands for torch.FloatStorage and its like."""

    dtype: torch.dtype


class NotAllowed(pickle.UnpicklingError):
    """The pickle names something that is not data."""


def refused(text: str, at: str = "") -> Fault:
    """E840: what is not a checkpoint we read."""
    return Fault(Kind.INCORRECT, "E840", text, at, "only checkpoints as torch.save writes them, from a source you trust")


def scan(data: bytes) -> str:
    """What is wrong with a pickle before it is run, or nothing: memo indexes must not exceed what was stored."""
    stored, weights = 0, Weights()
    try:
        for number, (opcode, argument, _position) in enumerate(pickletools.genops(data)):
            if opcode.name in {"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "PERSID"}:
                return f"the pickle uses the opcode {opcode.name}"
            if opcode.name in {"PUT", "BINPUT", "LONG_BINPUT"}:
                stored += 1
                if not isinstance(argument, int) or argument > stored + number:
                    return "the pickle's memo indexes are not in order"
            if not weights.step(opcode, argument):
                return "the pickle holds tuples of tuples without measure"
    except (ValueError, LookupError, EOFError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        return f"the pickle is broken ({type(error).__name__})"
    return ""


def _window(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Lazy:
    good = isinstance(storage, Storage) and all(
        isinstance(part, tuple) and all(isinstance(n, int) and 0 <= n < 2**40 for n in part) for part in (shape, stride)
    )
    if not good or not isinstance(offset, int) or offset < 0 or len(shape) != len(stride) or len(shape) > 8:
        raise NotAllowed("a tensor is described in a way torch does not write")
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True)) if 0 not in shape else offset - 1
    if last >= storage.count:
        raise NotAllowed("a tensor reaches beyond its storage")
    return Lazy(storage, offset, shape, stride)


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _inert(name: str) -> type:
    class Inert:
        """Holds whatever it is given; runs nothing."""

        def __init__(self, *args: Any, **_kwargs: Any) -> None:
            self.args = args

        def __setstate__(self, state: Any) -> None:
            self.state = state

    Inert.__qualname__ = name
    return Inert


class Reader(pickle.Unpickler):
    """An unpickler that knows a dozen names."""

    def __init__(self, data: bytes, sizes: dict[str, int]) -> None:
        super().__init__(io.BytesIO(data))
        self.sizes = sizes
        self.known: dict[tuple[str, str], Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a global the pickle names."""
        key = (module, name)
        if key not in self.known:
            self.known[key] = self._stand_in(module, name)
        return self.known[key]

    def _stand_in(self, module: str, name: str) -> Any:
        plain: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("builtins", "set"): set,
            ("builtins", "dict"): dict,
            ("builtins", "list"): list,
            ("torch._utils", "_rebuild_tensor_v2"): _window,
            ("torch._utils", "_rebuild_parameter"): _parameter,
        }
        if (module, name) in plain:
            return plain[module, name]
        if module in {"torch", "torch.storage"} and name in DTYPES:
            return Dtype(DTYPES[name])
        if module.split(".", maxsplit=1)[0] in INERT:
            return _inert(f"{module}.{name}")
        raise NotAllowed(f"the pickle names {module}.{name}, which is not data"[:200])

    def persistent_load(self, pid: Any) -> Storage:
        """A storage by its key in the zip."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage" and isinstance(pid[1], Dtype)):
            raise NotAllowed("a storage is named in a way torch does not write")
        key, count = str(pid[2]), pid[4]
        size = self.sizes.get(key, -1)
        if not isinstance(count, int) or count < 0 or size != count * pid[1].dtype.itemsize:
            raise NotAllowed("a storage's size is not what the pickle says")
        return Storage(key, pid[1].dtype, count)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint's contents, tensors as Lazy, and the zip they are read from."""

    path: Path
    root: str
    contents: dict[str, Any]

    def tensor(self, lazy: Lazy) -> torch.Tensor:
        """Reads one tensor from the file."""
        with zipfile.ZipFile(self.path) as archive:
            raw = bytearray(archive.read(f"{self.root}/data/{lazy.storage.key}"))
        if not raw:
            return torch.empty(lazy.shape, dtype=lazy.storage.dtype)
        flat = torch.frombuffer(raw, dtype=lazy.storage.dtype)
        return flat.as_strided(lazy.shape, lazy.stride, lazy.offset).clone()


def open_checkpoint(path: Path) -> Checkpoint | Fault:
    """Reads the pickle of a torch zip checkpoint; refuses what is compressed, too large or not data."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                return refused("the zip holds compressed or too many entries")
            roots = [entry.filename[: -len("/data.pkl")] for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(roots) != 1 or sum(entry.file_size for entry in entries) > path.stat().st_size:
                return refused("the zip is not laid out as torch.save does")
            if archive.getinfo(f"{roots[0]}/data.pkl").file_size > MAX_PICKLE:
                return refused("the checkpoint's description is larger than any real one")
            data = archive.read(f"{roots[0]}/data.pkl")
            head = f"{roots[0]}/data/"
            sizes = {entry.filename[len(head) :]: entry.file_size for entry in entries if entry.filename.startswith(head)}
            if f"{roots[0]}/byteorder" in archive.namelist() and archive.read(f"{roots[0]}/byteorder") != b"little":
                return refused("the checkpoint was written on a big-endian machine")
    except FileNotFoundError:
        return Fault(Kind.NOT_FOUND, "E841", "there is no checkpoint at this path", help="check the setting that names it")
    except (OSError, zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        return refused(f"the file is not a torch zip checkpoint ({type(error).__name__})")
    wrong = scan(data)
    if wrong:
        return refused(wrong)
    try:
        contents = Reader(data, sizes).load()
    except NotAllowed as error:
        return refused(str(error))
    except Exception as error:  # a hostile pickle may make the unpickler raise anything
        return refused(f"the pickle is broken ({type(error).__name__})")
    if not isinstance(contents, dict):
        return refused("the checkpoint is not a dictionary")
    return Checkpoint(path, roots[0], contents)
