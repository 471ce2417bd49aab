"""Made-up messages the tests share."""

from __future__ import annotations


def lines(*segments: str) -> bytes:
    """Segments joined as a message is."""
    return "".join(segment + "\r" for segment in segments).encode()


MSH = r"MSH|^~\&|LAB|HOSP|EHR|HOSP|20240102030405||ORU^R01^ORU_R01|M1|P|2.5.1"
ORU = lines(
    MSH,
    "PID|1||123^^^HOSP&1.2.3&ISO^MR~999^^^SSA^SS||Doe^John^Q",
    "PV1|1|I|W^101^A",
    "ORC|RE|P1|F1",
    "OBR|1|P1|F1|CMP^Panel^L|||20240102",
    "NTE|1||about the order",
    "OBX|1|NM|2345-7^Glucose^LN||7.10|mmol/L^^UCUM|3.5-5.1|H|||F",
    "NTE|1||about glucose",
    "OBX|2|NM|2823-3^Potassium^LN||4.1|mmol/L^^UCUM|||||F",
    "ZLB|1|local",
    "OBR|2|P2|F2|HB^Haemoglobin^L|||20240103",
    "OBX|1|ST|718-7^Hb^LN||high & dry|||||||F",
    "SPM|1|S1||BLD^Blood^HL70487",
)
