"""A small made-up hospital's HL7 traffic: admissions, vital signs, laboratory panels, a merge, a resend and a message with
a fault.

Everyone in it is invented. The same seed gives the same messages, byte for byte.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

START = datetime(2026, 3, 2, 6, 0, 0)
FAMILY = "Almeida Brandt Castellanos Dufour Eriksen Fofanah Grimaldi Hoshino Ivanova Jankowski".split()
GIVEN = "Ana Bruno Chiara Dario Elin Fatu Giulia Haru Irina Jan".split()
WARDS = ("ICU^101^1", "ICU^102^1", "MED^210^2", "SUR^305^1", "MED^211^1")


@dataclass(frozen=True, slots=True)
class Analyte:
    """One quantity that is measured: its code, unit, reference limits and usual spread."""

    code: str
    name: str
    system: str
    unit: str
    low: str
    high: str
    mean: str
    spread: str


VITALS = (
    Analyte("8867-4", "Heart rate", "LN", "/min", "50", "100", "78", "9"),
    Analyte("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "LN", "%", "94", "100", "97", "1"),
    Analyte("8310-5", "Body temperature", "LN", "Cel", "36.0", "38.0", "36.9", "0.3"),
    Analyte("8480-6", "Systolic blood pressure", "LN", "mm[Hg]", "90", "140", "122", "9"),
    Analyte("8462-4", "Diastolic blood pressure", "LN", "mm[Hg]", "60", "90", "76", "6"),
    Analyte("9279-1", "Respiratory rate", "LN", "/min", "12", "20", "15", "2"),
)
PANEL = (
    Analyte("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "LN", "mmol/L", "136", "145", "140", "2"),
    Analyte("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "LN", "mmol/L", "3.5", "5.1", "4.2", "0.3"),
    Analyte("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "LN", "mmol/L", "98", "107", "102", "2"),
    Analyte("2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma", "LN", "mmol/L", "22", "29", "25", "1"),
    Analyte("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "LN", "mg/dL", "7", "20", "13", "3"),
    Analyte("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "LN", "mg/dL", "0.60", "1.20", "0.90", "0.12"),
    Analyte("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "LN", "mg/dL", "70", "99", "88", "8"),
    Analyte("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "LN", "mg/dL", "8.6", "10.3", "9.4", "0.3"),
    Analyte("718-7", "Hemoglobin [Mass/volume] in Blood", "LN", "g/dL", "12.0", "16.0", "13.9", "0.8"),
    Analyte("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "LN", "10*3/uL", "4.0", "11.0", "7.1", "1.4"),
)
ABNORMAL = {"8867-4": "134", "59408-5": "88", "8310-5": "39.2", "2823-3": "6.8", "2345-7": "412", "718-7": "6.1"}


def hospital(patients: int = 6, rounds: int = 4, seed: int = 7) -> Iterator[bytes]:
    """Yields the day's messages in order: (3 + 2 × rounds) a patient, then a discharge, a merge, a resend and a faulty one."""
    chance = random.Random(seed)  # noqa: S311 - made-up numbers, not secrets
    clock = START
    number = 0
    last = b""

    def message(kind: str, sender: str, lines: list[str]) -> bytes:
        nonlocal number, clock, last
        number += 1
        clock += timedelta(seconds=chance.randint(5, 90))
        at = clock.strftime("%Y%m%d%H%M%S+0000")
        head = f"MSH|^~\\&|{sender}|SAINT MADEUP|ISTHMUS|SAINT MADEUP|{at}||{kind}|DEMO{number:05d}|P|2.5.1||||||UNICODE UTF-8"
        last = "\r".join([head, *lines, ""]).encode()
        return last

    for i in range(patients):
        yield message("ADT^A01^ADT_A01", "ADT", [f"EVN|A01|{_at(clock)}", _pid(i), *_visit(i, clock)])
    for _ in range(rounds):
        for i in range(patients):
            yield message(
                "ORU^R01^ORU_R01",
                "MONITOR",
                [_pid(i), _pv1(i), *_results(i, "VIT", "85353-1^Vital signs panel^LN", VITALS, clock, chance)],
            )
            yield message(
                "ORU^R01^ORU_R01",
                "LAB",
                [_pid(i), _pv1(i), *_results(i, "LAB", "24323-8^Comprehensive panel^LN", PANEL, clock, chance)],
            )
    yield last
    yield message("ADT^A08^ADT_A01", "ADT", [f"EVN|A08|{_at(clock)}", _pid(1, phone="555-0199"), _pv1(1)])
    yield message("ADT^A03^ADT_A03", "ADT", [f"EVN|A03|{_at(clock)}", _pid(0), f"{_pv1(0)}{'|' * 26}{_at(clock)}"])
    yield message("ADT^A40^ADT_A39", "ADT", [f"EVN|A40|{_at(clock)}", _pid(2), "MRG|900002^^^SAINT MADEUP^MR"])
    yield message(
        "ORU^R01^ORU_R01", "LAB", ["OBR|1||X1|24323-8^Comprehensive panel^LN", "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|||||F"]
    )


def _at(clock: datetime) -> str:
    return clock.strftime("%Y%m%d%H%M%S+0000")


def _pid(i: int, phone: str = "") -> str:
    born = f"{1938 + 7 * i}{1 + i % 12:02d}{1 + 3 * i % 27:02d}"
    tel = phone or f"555-01{i:02d}"
    return (
        f"PID|1||10000{i}^^^SAINT MADEUP^MR||{FAMILY[i % 10]}^{GIVEN[i % 10]}||{born}|{'FM'[i % 2]}|||"
        f"{i + 1} Invented Street^^Madeup^^0{i}000^XX||{tel}^PRN^PH"
    )


def _pv1(i: int) -> str:
    return f"PV1|1|I|{WARDS[i % 5]}^SAINT MADEUP||||D100^Osler^Wilma^^^Dr||||||||||||V2026{i:03d}^^^SAINT MADEUP^VN"


def _visit(i: int, clock: datetime) -> list[str]:
    admitted = f"{_pv1(i)}{'|' * 25}{_at(clock)}"
    return [
        f"NK1|1|{FAMILY[i % 10]}^Kin|SPO^Spouse^HL70063||555-02{i:02d}",
        admitted,
        f"AL1|1|DA|{70618 + i}^Penicillin^99DRUG|MO|Rash",
    ]


def _results(i: int, prefix: str, panel: str, analytes: tuple[Analyte, ...], clock: datetime, chance: random.Random) -> list[str]:
    order = f"{prefix}{i}{int(clock.timestamp()) % 10**7:07d}"
    rows = [f"OBR|1||{order}^{prefix}|{panel}|||{_at(clock)}|||||||||D100^Osler^Wilma^^^Dr||||||{_at(clock)}|||F"]
    for n, analyte in enumerate(analytes, 1):
        value = _value(analyte, chance)
        if analyte.code in ABNORMAL and chance.random() < 0.08:
            value = ABNORMAL[analyte.code]
        flag = "N"
        if Decimal(value) > Decimal(analyte.high):
            flag = "H"
        elif Decimal(value) < Decimal(analyte.low):
            flag = "L"
        code = f"{analyte.code}^{analyte.name}^{analyte.system}"
        rows.append(f"OBX|{n}|NM|{code}||{value}|{analyte.unit}^^UCUM|{analyte.low}-{analyte.high}|{flag}|||F|||{_at(clock)}")
    return rows


def _value(analyte: Analyte, chance: random.Random) -> str:
    digits = -int(Decimal(analyte.low).as_tuple().exponent)
    drawn = Decimal(repr(chance.gauss(float(analyte.mean), float(analyte.spread))))
    return str(round(min(drawn, Decimal(100)) if analyte.unit == "%" else drawn, digits) if digits else int(drawn))


async def play(address: str, patients: int) -> AsyncIterator[tuple[str, str, int]]:
    """Sends the hospital's messages over one connection, each after the last one's acknowledgement; yields (type, MSA-1,
    how many).
    """
    host, _, port = address.removeprefix("tcp:").rpartition(":")
    messages = list(hospital(patients))
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for message in messages:
            writer.write(b"\x0b" + message + b"\x1c\r")
            await writer.drain()
            answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 30)
            code = answer.partition(b"\rMSA|")[2].partition(b"|")[0].decode("ascii", "replace")
            yield message.split(b"|", 9)[8].decode().rpartition("^")[0].replace("^", " "), code, len(messages)
    finally:
        writer.close()
