"""For every attack: no patient's value reaches a log."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.acceptance.mllp_attacks.attacking import CANARY


@pytest.fixture(autouse=True)
def _no_patient_in_logs(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.records:
        assert CANARY not in f"{record.getMessage()} {record.__dict__}"
