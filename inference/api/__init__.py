"""The APIs of an ECG-FM service (`/clinical`, `/features`, `/both`, `/health`, `/info`, `/status`) and of a classification
service (`POST /diagnosis`, `GET /`).

What computes is imported with the first call that needs it: an engine that is asked for no ECG never loads numpy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from engine import __version__
from engine.fault import Fault, Kind, Refused
from engine.types import Site
from inference.api import examples, labels
from inference.api.recent import Call
from inference.ecgfm.labels import LABELS
from inference.models.labels import LEADS
from inference.notice import NOTICE

if TYPE_CHECKING:
    from inference.api.service import Reader, Service
    from inference.classify import Classification
    from inference.serve.client import Settings

encoder = msgspec.json.Encoder()


def answer_json(value: Any) -> Response:
    """JSON, quickly."""
    return Response(encoder.encode(value), media_type="application/json")


def routes(site: Site, read: Reader | None = None, own: Settings | None = None) -> APIRouter:
    """The router of a site. The inference worker starts with the first call, or with the application."""

    @cache
    def service() -> Service:
        from inference.api.service import build  # noqa: PLC0415

        return build(site, read, own)

    @asynccontextmanager
    async def lifespan(_app: Any) -> Any:
        yield
        if service.cache_info().currsize:
            await service().own.close()
            if (other := service().ecgfm) is not None:
                await other.close()

    router = APIRouter(tags=["inference"], lifespan=lifespan)
    _told(router, service)
    _asked(router, service)
    return router


def _told(router: APIRouter, service: Callable[[], Service]) -> None:
    """What the service says of itself."""

    @router.get("/", summary="Says what this is")
    async def root() -> dict[str, str]:
        return {"message": "Isthmus is alive. POST an ECG file to /diagnosis, or a signal to /clinical.", "notice": NOTICE}

    @router.get("/health", summary="Can ECGs be classified?")
    async def health() -> Response:
        fault = await (service().ecgfm or service().own).start()
        if fault:
            raise Refused(fault)
        return answer_json({"status": "ok", "model_loaded": True, "version": __version__})

    @router.get("/info", summary="Which models answer, with versions and hashes")
    async def info() -> dict[str, Any]:
        from inference.api.service import shipped_models  # noqa: PLC0415

        ecgfm = service().ecgfm
        fault = await ecgfm.start() if ecgfm else None
        return {
            "answers": [row | {"leads": LEADS} for row in ecgfm.models] if ecgfm else [_short(row) for row in shipped_models()],
            "ecg_fm": {"configured": ecgfm is not None, "fault": fault.as_dict() if fault else None},
            "labels": list(LABELS),
            "models": shipped_models(),
            "version": __version__,
            "notice": NOTICE,
        }

    @router.get("/status", summary="What was asked lately, and how quickly it was answered")
    async def status() -> dict[str, Any]:
        return {"worker_starts": service().own.starts, **service().recent.summary()}


def _asked(router: APIRouter, service: Callable[[], Service]) -> None:
    """What is asked of the models."""

    async def timed(path: str, work: Callable[[], Awaitable[Any | Fault]]) -> Response:
        began, code, status = time.perf_counter(), "", 200
        try:
            value = await work()
            if isinstance(value, Fault):
                code, status = value.code, value.kind.answer.http
                raise Refused(value)
            return answer_json(value)
        except Refused:
            raise
        except Exception:
            code, status = "E903", 500
            raise
        finally:
            spent = round(1000 * (time.perf_counter() - began), 2)
            service().recent.add(Call(service().site.now(), path, status, spent, code))

    async def ask(request: Request) -> tuple[Classification, tuple[str, ...]] | Fault:
        from inference.api import body  # noqa: PLC0415

        signal = body.parse(await request.body())
        if isinstance(signal, Fault):
            return signal
        said = await service().ask(signal)
        return said if isinstance(said, Fault) else (said, signal.notes)

    @router.post(
        "/clinical", summary="The 17 labels, raw probabilities",
        openapi_extra=examples.SIGNAL, responses=examples.answer(examples.CLINICAL),
    )  # fmt: skip
    async def clinical(request: Request) -> Response:
        async def work() -> Any:
            asked = await ask(request)
            return asked if isinstance(asked, Fault) else clinical_of(*asked)

        return await timed("/clinical", work)

    @router.post(
        "/features", summary="The embedding",
        openapi_extra=examples.SIGNAL, responses=examples.answer(examples.FEATURES),
    )  # fmt: skip
    async def features(request: Request) -> Response:
        async def work() -> Any:
            asked = await ask(request)
            return asked if isinstance(asked, Fault) else features_of(*asked)

        return await timed("/features", work)

    @router.post(
        "/both", summary="Labels and embedding",
        openapi_extra=examples.SIGNAL, responses=examples.answer(examples.CLINICAL | examples.FEATURES),
    )  # fmt: skip
    async def both(request: Request) -> Response:
        async def work() -> Any:
            asked = await ask(request)
            return asked if isinstance(asked, Fault) else clinical_of(*asked) | features_of(*asked)

        return await timed("/both", work)

    @router.post(
        "/saliency", summary="What the top findings rest on, per lead and second: to draw over the tracing",
        openapi_extra=examples.SIGNAL | examples.LABEL, responses=examples.answer(examples.SALIENCY),
    )  # fmt: skip
    async def saliency(request: Request) -> Response:
        async def work() -> Any:
            from inference.api import body  # noqa: PLC0415
            from inference.api.explain import explain  # noqa: PLC0415

            signal = body.parse(await request.body())
            return (
                signal
                if isinstance(signal, Fault)
                else await explain(service().own, signal, request.query_params.getlist("label"))
            )

        return await timed("/saliency", work)

    @router.post(
        "/diagnosis", summary="A file to a DiagnosticReport: NORM, CD or STTC from lead I",
        openapi_extra=examples.FILE, responses=examples.answer(examples.REPORT),
    )  # fmt: skip
    async def diagnosis(request: Request) -> Response:
        async def work() -> Any:
            return await _diagnosis(service(), request)

        return await timed("/diagnosis", work)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("name", "version", "sha256", "leads")}


def _head(said: Classification, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "model": {"name": said.model, "version": said.version, "sha256": said.digest},
        "quality": {"readable": not said.abstained, "reason": said.abstained or None, "leads": said.leads},
        "windows": said.windows,
        "notes": [*notes, *said.warnings],
        "notice": said.notice,
    }


def clinical_of(said: Classification, notes: tuple[str, ...]) -> dict[str, Any]:
    """The answer of /clinical: every label, null where the model that spoke does not know it or would not speak."""
    rows = labels.rows(said.probabilities)
    named = {row["label"]: row["probability"] for row in rows}
    ours = {name: value for name, value in said.probabilities.items() if name not in named}
    return _head(said, notes) | {"labels": named, "clinical": rows, "statements": ours}


def features_of(said: Classification, notes: tuple[str, ...]) -> dict[str, Any]:
    """The answer of /features."""
    return _head(said, notes) | {"features": {"values": said.embedding, "dimension": len(said.embedding)}}


async def _diagnosis(service: Service, request: Request) -> dict[str, Any] | Fault:
    from inference.api import body  # noqa: PLC0415
    from inference.api.report import diagnostic_report  # noqa: PLC0415

    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return Fault(Kind.INCORRECT, "E833", "the file must come as multipart form data", "content-type", "-F file=@ecg.csv")
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("file")
            if file is None or isinstance(file, str):
                return Fault(Kind.INCORRECT, "E833", "the form has no part `file`", "file", "-F file=@ecg.csv")
            raw, name = await file.read(body.LARGEST + 1), file.filename or ""
    except Exception as error:  # the form reader's own errors are many
        text = f"the form cannot be read, or holds more than one file ({type(error).__name__})"
        return Fault(Kind.INCORRECT, "E833", text, "file", "-F file=@ecg.csv")
    if len(raw) > body.LARGEST:
        return Fault(
            Kind.INCORRECT, "E833", "the file is larger than any ECG this takes", "file", f"at most {body.LARGEST >> 20} MiB"
        )
    signal = await asyncio.to_thread(service.recording, raw, name)
    if isinstance(signal, Fault):
        return signal
    said = await service.own.classify(signal.samples, signal.rate, signal.leads, "lead_one")
    if isinstance(said, Fault):
        return said
    return diagnostic_report(
        str(service.site.new_id()), said, said.probabilities, service.site.now(), (*signal.notes, *said.warnings), signal.taken
    )
