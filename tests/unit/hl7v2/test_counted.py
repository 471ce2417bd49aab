"""Answers are counted by their code, also those of a batch; a certificate's end is read from its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client import REGISTRY

from adapters.hl7v2.counted import answered, expires
from adapters.safe_tls import not_after
from tests.acceptance.certificates import Authority

EXPIRY = "engine_tls_certificate_expiry_timestamp_seconds"


def acks(code: str) -> float:
    return REGISTRY.get_sample_value("engine_acks_total", {"channel": "counted", "code": code}) or 0.0


def test_every_acknowledgement_of_a_block_is_counted() -> None:
    answered("counted", b"MSH|^~\\&|A\rMSA|AA|1\r")
    answered("counted", b"BHS|^~\\&\rMSH|^~\\&|A\rMSA|AA|2\rMSH|^~\\&|A\rMSA|AE|3|MSA|AR\rBTS|2\r")
    answered("counted", b"BHS|^~\\&\rBTS|0\r")
    assert (acks("AA"), acks("AE"), acks("AR")) == (2.0, 1.0, 0.0)


@pytest.mark.parametrize("days", [1, 20_000])  # before 2050 and after: a time of either kind
def test_the_end_of_a_certificate_is_what_another_reader_says(tmp_path: Path, days: int) -> None:
    file, _ = Authority(tmp_path, "ca").issue("127.0.0.1", days=days)
    text = Path(file).read_text()
    assert not_after(text) == x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc.timestamp()


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----"]
)
def test_what_is_no_certificate_has_no_end(text: str) -> None:
    assert not_after(text) == 0.0


def test_a_listener_that_is_gone_tells_of_no_certificate() -> None:
    expires("counted", 5.0)
    assert REGISTRY.get_sample_value(EXPIRY, {"channel": "counted"}) == 5.0
    expires("counted", None)
    expires("counted", None)
    assert REGISTRY.get_sample_value(EXPIRY, {"channel": "counted"}) is None
