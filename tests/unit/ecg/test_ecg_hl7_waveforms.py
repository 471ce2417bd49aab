"""Waveforms in HL7 v2 messages: as chapter 7 has them, and in IHE's form."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
from ecg_read_back import ROWS, good

HEAD = "MSH|^~\\&|MON|ICU|E|H|20240102||ORU^W01^ORU_W01|1|P|2.6\rPID|1||H-1^^^AUTH||Test^Wave||19700101|M\rOBR|1|||W|||20240102030405+0100\r"


def test_hl7_channel_definitions_and_numeric_arrays_are_read() -> None:
    body = HEAD
    for n, lead in enumerate(("I", "II")):
        body += f"OBX|{2 * n + 1}|CD|CHN||{n + 1}&{lead}^^0.5&uV^1&0&0^500^-2048&2047||||||F\r"
        body += f"OBX|{2 * n + 2}|NA|WAV||{'^'.join(map(str, ROWS[n]))}||||||F\r"
    one = good(body.encode())
    assert (one.leads, one.rate, one.patient.id) == (("I", "II"), 500.0, "H-1")
    assert np.array_equal(one.samples, (ROWS[:2] * 0.5).astype(np.float32))
    multiplexed = HEAD + "OBX|1|CD|CHN||1&I^^0.5&uV^1^500~2&II^^0.5&uV^1^500||||||F\r"
    multiplexed += "OBX|2|MA|WAV||" + "~".join(f"{a}^{b}" for a, b in ROWS[:2].T) + "||||||F\r"
    assert np.array_equal(good(multiplexed.encode()).samples, one.samples)


def test_hl7_waveforms_in_the_ihe_form_are_read() -> None:
    body = HEAD
    for n, (code, _) in enumerate(((131329, "I"), (131330, "II")), 1):
        body += f"OBX|1|NA|{code}^MDC_ECG_ELEC_POTL^MDC|1.1.1.{n}|{'^'.join(map(str, ROWS[n - 1]))}||||||F\r"
        body += f"OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.{n}.1|250|264608^MDC_DIM_PER_SEC^MDC|||||F\r"
        body += f"OBX|3|NM|0^MDC_ATTR_NU_MSMT_RES^MDC|1.1.1.{n}.2|0.005|266418^MDC_DIM_MILLI_VOLT^MDC|||||F\r"
    one = good(body.encode())
    assert (one.leads, one.rate) == (("I", "II"), 250.0)
    assert np.array_equal(one.samples, (ROWS[:2] * 5.0).astype(np.float32))
    assert one.start == datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
