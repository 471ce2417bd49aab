"""How many messages a second go from the socket to readable FHIR, and how long an acknowledgement takes.

    python benchmarks/mllp.py [--count 20000] [--connections 8 32]

Every message is an ORU^R01 of ten results, different from every other. After each run it is checked that every acknowledged
message is stored and processed and that its ten Observations can be read. Beside it, for scale, runs python-hl7's MLLP server,
which acknowledges and stores nothing. Loopback only; bounded by the count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from running import Running, engine

HERE = Path(__file__).parent


def generate(port: int, connections: int, count: int, first: int) -> dict[str, float]:
    """Runs the load generator in its own process."""
    command = [sys.executable, str(HERE / "load.py"), "--port", str(port), "--connections", str(connections)]
    done = subprocess.run([*command, "--count", str(count), "--first", str(first)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))
