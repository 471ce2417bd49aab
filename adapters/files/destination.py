"""The destination `file`: each parcel a file of its own, whole or not there, under a name that is the same on every try."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adapters.files.folder import opened, plain
from adapters.template import Template, template
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site

NAMES = ("id", "message", "channel", "destination", "type")
_ENDING = re.compile(r"(\.[A-Za-z0-9_-]{1,20}){1,3}")
ENDINGS = {"application/hl7-v2": ".hl7", "application/fhir+json": ".json", "application/json": ".json", "application/xml": ".xml",
           "text/csv": ".csv"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """Writes files into a folder: first under a hidden name, synced to disk, then renamed."""

    folder: str  # must be there
    name: str = "{message}-{id}"  # of {id} (must be in it), {message}, {channel}, {destination}, {type}
    ending: str = ""  # .hl7, .json …; by the content when not stated
    mode: str = "0640"  # who may read it

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options."""
        made = template(self.name, NAMES, "name")
        if isinstance(made, Fault):
            return made
        if "id" not in made.names:
            return Fault(
                Kind.INCORRECT, "E728", "without {id} two parcels could get one name", "name", "for example {message}-{id}"
            )
        try:
            mode = int(self.mode, 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= 0o777:
            return Fault(Kind.INCORRECT, "E728", "this is no file mode", "mode", "for example 0640")
        if self.ending and not _ENDING.fullmatch(self.ending):
            return Fault(Kind.INCORRECT, "E728", "this is no ending of a file name", "ending", "for example .hl7")
        return FileSender(Path(self.folder).expanduser(), made, self.ending, mode)


class FileSender:
    """An open folder."""

    def __init__(self, folder: Path, name: Template, ending: str, mode: int) -> None:
        self._folder, self._name, self._ending, self._mode = folder, name, ending, mode

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Writes the file; the same parcel again replaces it by the same."""
        name = self.name(parcel)
        try:
            await asyncio.to_thread(self._write, name, parcel.body)
        except OSError as error:
            text = f"the file cannot be written: {error.strerror or type(error).__name__}"
            return Fault(Kind.UNAVAILABLE, "E732", text, str(self._folder), "see that the folder is there and has room")
        return {"file": name, "size": len(parcel.body)}

    async def close(self) -> None:
        """Nothing is held."""

    def name(self, parcel: Parcel) -> str:
        """The file's name: letters, digits and `._ -` only."""
        id = sha256(parcel.idem.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        values = {name: plain(parcel.meta.get(name, ""))[:60] for name in ("message", "channel", "type") if parcel.meta.get(name)}
        made = self._name.fill({**values, "id": id, "destination": plain(parcel.destination)[:60]})
        return plain(made)[:200] + (self._ending or ENDINGS.get(parcel.content_type, ".bin"))

    def _write(self, name: str, body: bytes) -> None:
        hidden = f".{name}.part"
        with opened(self._folder) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(hidden, flags, 0o600, dir_fd=folder), "wb") as stream:
                stream.write(body)
                stream.flush()
                os.fchmod(stream.fileno(), self._mode)
                os.fsync(stream.fileno())
            os.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
