"""The destination `email`: a plain-text message over SMTP (RFC 5321, 3207, 8314), the same Message-ID on every try."""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from typing import Any, Literal

from adapters.notify.fields import NAMES, fields
from adapters.safe_tls import Tls, client_context
from adapters.template import Template, template
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site

BODY = "{say}\n\nRule: {rule}\nState: {turn}\nRaised: {raised_at}\nAbout: {subject}\nEvidence: {evidence}\n"
MOST = 1024 * 1024  # bytes read of a server, all its answers together
MOST_NOTED = 1000  # messages that some were taken of
_PLACE = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Email:
    """Sends e-mail. What it may name is the engine's own, never a patient's value; the parcel itself is not attached."""

    connect: str  # mail.example.org:587
    sender: str  # isthmus@example.org
    to: tuple[str, ...]  # who gets it
    subject: str = "[{severity}] {title}"  # of the names an alert has, and {channel}, {message}, {type}
    body: str = BODY  # the text, of the same names
    security: Literal["starttls", "tls", "none"] = "starttls"  # none sends in the clear, and no password
    user: str = ""  # where the server asks for one
    password: str = field(default="", repr=False)  # write it as ${NAME}
    timeout: float = 30.0  # seconds for the whole delivery
    tls: Tls | None = None  # ca, and cert and key where the server asks for them

    def check(self) -> Fault | None:
        """What is wrong with the addresses before anything is opened."""
        place = _PLACE.fullmatch(self.connect)
        if place is None or not 0 < int(place["port"]) < 65536:
            return _wrong("this is no address", "connect", "for example mail.example.org:587")
        for name, box in (("sender", self.sender), *(("to", one) for one in self.to)):
            if not _MAILBOX.fullmatch(box):
                return _wrong("this is no e-mail address", name, "for example isthmus@example.org")
        if not self.to:
            return _wrong("nobody would get it", "to", "name one address or more")
        if self.user and self.security == "none":
            return _wrong("a password is not sent in the clear", "security", "use starttls or tls")
        return None

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options; a connection is made for each message."""
        refused, place = self.check(), _PLACE.fullmatch(self.connect)
        if refused is not None or place is None:
            return refused  # type: ignore[return-value]
        subject, body = template(self.subject, NAMES, "subject"), template(self.body, NAMES, "body")
        context = client_context(self.tls or Tls()) if self.security != "none" else None
        for wrong in (subject, body, context):
            if isinstance(wrong, Fault):
                return wrong
        assert isinstance(subject, Template) and isinstance(body, Template) and not isinstance(context, Fault)
        return EmailSender(self, (place["six"] or place["host"], int(place["port"])), subject, body, context, site.now)


class EmailSender:
    """A way to one server."""

    def __init__(
        self,
        options: Email,
        place: tuple[str, int],
        subject: Template,
        body: Template,
        context: ssl.SSLContext | None,
        now: Callable[[], datetime],
    ) -> None:
        self._options, self._place, self._subject, self._body = options, place, subject, body
        self._context, self._now = context, now
        self._answered: dict[
            str, dict[str, int]
        ] = {}  # by Message-ID, who was taken or refused for good while others were not yet

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Delivers one message; how many were refused for good is in the receipt when others were not. Who is not taken now is tried
        again, and those who were taken before are left in peace as far as this process knows of them."""
        message = self.message(parcel)
        id = str(message["Message-ID"])
        answered = self._answered.pop(id, {})
        call = _Call(self._options, self._place, self._context)
        to = [box for box in self._options.to if box not in answered]
        try:
            refused = await asyncio.wait_for(asyncio.to_thread(call.deliver, message, to), self._options.timeout)
        except TimeoutError:
            call.abort()
            self._note(id, answered)
            return self._fault("no answer came in time")
        except smtplib.SMTPRecipientsRefused as error:
            refused = {box: code for box, (code, _) in error.recipients.items()}
            if len(refused) == len(self._options.to):
                return self._told(error)
        except smtplib.SMTPException as error:
            self._note(id, answered)
            return self._told(error)
        except (OSError, ValueError) as error:
            self._note(id, answered)
            return self._fault(f"the connection failed ({type(error).__name__})")
        later = [box for box, code in refused.items() if not 500 <= code < 600]
        answered |= {box: refused.get(box, 0) for box in to if box not in later}
        if later:
            self._note(id, answered)
            return self._fault(
                f"the server does not take {len(later)} of {len(self._options.to)} addresses now ({refused[later[0]]})"
            )
        return {"message_id": id, "refused": sum(code > 0 for code in answered.values())}

    def _note(self, id: str, answered: dict[str, int]) -> None:
        if answered:
            if len(self._answered) >= MOST_NOTED:
                self._answered.pop(next(iter(self._answered)))
            self._answered[id] = answered

    async def close(self) -> None:
        """Nothing is held."""

    def message(self, parcel: Parcel) -> EmailMessage:
        """The message of a parcel."""
        values = fields(parcel)
        made = EmailMessage()
        made["From"], made["To"] = self._options.sender, ", ".join(self._options.to)
        made["Subject"] = " ".join(self._subject.fill(values).split())
        made["Date"] = format_datetime(self._now())
        id = sha256(parcel.idem.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        made["Message-ID"] = f"<{id}@{self._options.sender.rpartition('@')[2]}>"
        made["Auto-Submitted"] = "auto-generated"
        made.set_content(self._body.fill(values), cte="quoted-printable")
        return made

    def _told(self, error: smtplib.SMTPException) -> Fault:
        """A 5xx is an answer for good, anything else may pass (RFC 5321 section 4.2.1)."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in error.recipients.values()]
        else:
            codes = [getattr(error, "smtp_code", 0)]
        if all(500 <= code < 600 for code in codes):
            help = "see the addresses, the user and the server's log"
            return Fault(Kind.INCORRECT, "E734", f"the server refuses it ({codes[0]})", self._options.connect, help)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return Fault(
                Kind.INCORRECT, "E734", "the server does not offer what is asked of it", self._options.connect, "see `security`"
            )
        return self._fault(f"the server does not take it now ({codes[0] or type(error).__name__})")

    def _fault(self, text: str) -> Fault:
        return Fault(Kind.UNAVAILABLE, "E735", text, self._options.connect, "it is tried again by its schedule")


class _Call:
    """One delivery in a thread of its own, which `abort` ends from outside."""

    def __init__(self, options: Email, place: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self._options, self._place, self._context = options, place, context
        self._client = _Bounded(timeout=options.timeout, local_hostname="localhost")

    def deliver(self, message: EmailMessage, to: list[str]) -> dict[str, int]:
        """Connects, says who it is, and sends to these; those who were refused, with the codes."""
        options, client = self._options, self._client
        name = (options.tls.server_name if options.tls else "") or self._place[0]
        client.named(name, self._context if options.security == "tls" else None)
        with client:
            client.connect(*self._place)
            if options.security == "starttls" and self._context is not None:
                client.starttls(context=self._context)
            if options.user:
                client.login(options.user, options.password)
            return {box: code for box, (code, _) in client.send_message(message, to_addrs=to).items()}

    def abort(self) -> None:
        """Ends the connection under the thread."""
        connection = self._client.sock
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Bounded(smtplib.SMTP):
    """smtplib's client that reads so much of a server and no more, and speaks TLS from the first byte where it is told to."""

    left = MOST
    _implicit: ssl.SSLContext | None = None
    _name = ""

    def named(self, name: str, implicit: ssl.SSLContext | None) -> None:
        """The name its certificate must bear, and the context of implicit TLS."""
        self._name, self._implicit = name, implicit

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = socket.create_connection((host, port), timeout)
        self._host = self._name  # what starttls checks the certificate against
        return self._implicit.wrap_socket(made, server_hostname=self._name) if self._implicit is not None else made

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Reader(self.sock.makefile("rb"), self)
        return super().getreply()


class _Reader:
    """A file whose lines are counted."""

    def __init__(self, file: Any, client: _Bounded) -> None:
        self._file, self._client = file, client

    def readline(self, most: int) -> bytes:
        """The next line; an error when there were too many."""
        line: bytes = self._file.readline(most)
        self._client.left -= len(line)
        if self._client.left < 0:
            raise OSError("the server says too much")
        return line

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _wrong(text: str, at: str, help: str) -> Fault:
    return Fault(Kind.INCORRECT, "E728", text, at, help)
