"""What classification costs: the models alone and in batches, both engines, and `/clinical` over HTTP; ECG-FM's size at random.

python benchmarks/ecg_inference.py [--seconds 5] [--ecgfm] [--torch]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine.fault import Fault
from engine.types import Site
from engine.uuid7 import uuid7
from inference.models import manifest, runtime

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def ecg(rate: int = 500) -> Any:
    """A made-up tracing, µV [12, 10 s]."""
    time_ = np.arange(10 * rate) / rate
    beat = np.exp(-((((time_ % 0.8) - 0.3) / 0.012) ** 2)) * 1000
    noise = np.random.default_rng(0).normal(0, 8, (12, time_.size))
    return (np.linspace(-0.5, 1.2, 12)[:, None] * beat + noise).astype(np.float32)


def timed(work: Callable[[], Any], seconds: float) -> list[float]:
    """Milliseconds of each call."""
    work()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return times


def quantiles(times: list[float]) -> str:
    ordered = sorted(times)
    return f"p50 {statistics.median(ordered):.1f} ms, p99 {ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]:.1f} ms"


def alone(seconds: float) -> None:
    """ONNX Runtime, one and two threads."""
    for name in ("twelve", "lead_one"):
        for threads in (1, 2):
            stored = manifest.find(name)
            model = stored if isinstance(stored, Fault) else runtime.load(stored, threads)
            if isinstance(model, Fault):
                raise SystemExit(str(model))
            leads = len(model.stored.entry.leads)
            for batch in (1, 32):
                x = np.random.default_rng(1).normal(0, 0.3, (batch, leads, 1000)).astype(np.float32)
                times = timed(lambda x=x, model=model: model.logits(x), seconds / 4)
                print(f"onnxruntime {name}, {threads} threads, batch {batch}: {statistics.median(times) / batch:.2f} ms an ECG")


def engine_costs() -> None:
    """Start and memory of each engine in a process of its own."""
    torch_code = (
        "from pathlib import Path; import torch; from inference.models import manifest;"
        "from inference.models.ensemble import Ensemble, restore; from inference.models.network import Settings;"
        "from inference.models.weights import read_arrays; s=manifest.find('twelve'); torch.set_num_threads(2);"
        "m=restore(Ensemble([Settings(**{k:tuple(v) if isinstance(v,list) else v for k,v in r.items()}) for r in s.entry.settings]),"
        "{k:torch.from_numpy(v.copy()) for k,v in read_arrays(s.folder/s.entry.weights.name).items()}); m(torch.zeros(1,12,1000))\n"
        "import time; x=torch.zeros(32,12,1000)\nwith torch.inference_mode():\n m(x); t=time.perf_counter(); m(x);"
        " b=time.perf_counter()-t; t=time.perf_counter(); m(x[:1]); o=time.perf_counter()-t\n"
    )
    onnx_code = (
        "from inference.models import manifest, runtime; m=runtime.load(manifest.find('twelve'), 2); import numpy as np;"
        "m.logits(np.zeros((1,12,1000),'f4'))\n"
        "import time; x=np.zeros((32,12,1000),'f4'); m.logits(x); t=time.perf_counter(); m.logits(x); b=time.perf_counter()-t;"
        " t=time.perf_counter(); m.logits(x[:1]); o=time.perf_counter()-t\n"
    )
    tail = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024, round(1000*o,1), round(1000*b/32,2))"
    for name, code in (("onnxruntime", onnx_code), ("torch", torch_code)):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False)
        spent = time.perf_counter() - began
        if done.returncode:
            print(f"{name}: not measured ({done.stderr.strip().splitlines()[-1:]})")
            continue
        memory, one, many = done.stdout.split()
        package = {"onnxruntime": "onnxruntime", "torch": "torch"}[name]
        print(
            f"{name}: {spent:.1f} s whole process, {memory} MiB at most, {one} ms alone, {many} ms in 32, {installed(package)} MB installed"
        )


def installed(package: str) -> int:
    """The size on disk of an installed package."""
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return 0
    folder = Path(next(iter(spec.submodule_search_locations)))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000


def serve(port: int) -> None:
    """Runs the routes alone on a port, for the benchmark's own use."""
    import uvicorn
    from fastapi import FastAPI

    from inference.api import routes

    app = FastAPI()
    app.include_router(routes(Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)))
    uvicorn.run(app, port=port, log_level="error", access_log=False)


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def load(port: int, body: bytes, clients: int, seconds: float) -> list[float]:
    """Closed loop: each client sends its next request when the last is answered."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    head = f"POST /clinical HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if b" 200 " not in answer[:20]:
                raise SystemExit(answer[:200])
            times.append(1000 * (time.perf_counter() - began))
        writer.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return times


def over_http(seconds: float) -> None:
    """p50 and p99 of /clinical at one and sixteen clients, as base64 and as nested lists."""
    port = free_port()
    server = subprocess.Popen([sys.executable, __file__, "--serve", str(port)])
    try:
        import urllib.request

        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60).read()
                break
            except OSError:
                time.sleep(0.1)
        signal = ecg()
        text = base64.b64encode(signal.tobytes()).decode()
        bodies = {
            "base64, 500 Hz": json.dumps({"signal": text, "shape": list(signal.shape), "fs": 500, "unit": "uV"}).encode(),
            "nested lists, 500 Hz": json.dumps({"signal": np.round(signal / 1000, 3).tolist(), "fs": 500}).encode(),
            "nested lists, 100 Hz": json.dumps({"signal": np.round(ecg(100) / 1000, 3).tolist(), "fs": 100}).encode(),
        }
        for name, body in bodies.items():
            asyncio.run(load(port, body, 1, 1.0))
            for clients in (1, 16):
                times = asyncio.run(load(port, body, clients, seconds))
                print(f"/clinical {name}, {clients} clients: {quantiles(times)}, {len(times) / seconds:.0f} ECGs/s")
    finally:
        server.terminate()
        server.wait()


def ecgfm(seconds: float) -> None:
    """ECG-FM with random weights, one segment."""
    import torch

    from inference.ecgfm.network import Finetuned

    torch.set_num_threads(os.cpu_count() or 1)
    model, x = Finetuned().eval(), torch.randn(1, 12, 2500)
    with torch.inference_mode():
        print("ECG-FM, one 5 s segment:", quantiles(timed(lambda: model(x), seconds)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--ecgfm", action="store_true")
    parser.add_argument("--torch", action="store_true", help="compare the engines")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    alone(chosen.seconds)
    if chosen.torch:
        engine_costs()
    over_http(chosen.seconds)
    if chosen.ecgfm:
        ecgfm(chosen.seconds)
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most")


if __name__ == "__main__":
    main()
