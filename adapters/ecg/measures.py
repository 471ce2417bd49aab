"""The measurements an ECG report carries: our name, unit (UCUM), MDC code, LOINC code, and how each format calls it.

Sources: IEEE 11073-10101 and 10102, LOINC, EN 1064 section 7, DICOM CID 3687. LOINC's axes as an EHR's published ECG results name
them: 8626-4 frontal axis P, 8632-2 frontal axis mean QRS, 8638-9 frontal axis T; the OMOP conventions name 8632-2 the QRS axis too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.ecg.recording import Measurement


@dataclass(frozen=True, slots=True)
class Measure:
    """One kind of measurement; `mdc` is (code, reference id), `loinc` and `aecg` are empty where there is none."""

    name: str
    title: str
    unit: str
    mdc: tuple[int, str] | None = None
    loinc: str = ""
    aecg: str = ""


MEASURES = (
    Measure("heart_rate", "Heart rate", "/min", (147842, "MDC_ECG_HEART_RATE"), "8867-4", "MDC_ECG_HEART_RATE"),
    Measure("atrial_rate", "Atrial rate", "/min"),
    Measure("rr", "RR interval", "ms", None, "", "MDC_ECG_TIME_PD_RR"),
    Measure("p_duration", "P duration", "ms", (137728, "MDC_ECG_TIME_PD_P"), "", "MDC_ECG_TIME_PD_P"),
    Measure("pr", "PR interval", "ms", (138240, "MDC_ECG_TIME_PD_PR"), "8625-6", "MDC_ECG_TIME_PD_PR"),
    Measure("qrs", "QRS duration", "ms", (139008, "MDC_ECG_TIME_PD_QRS"), "8633-0", "MDC_ECG_TIME_PD_QRS"),
    Measure("qt", "QT interval", "ms", (139264, "MDC_ECG_TIME_PD_QT"), "8634-8", "MDC_ECG_TIME_PD_QT"),
    Measure("qtc", "QTc interval", "ms", (139520, "MDC_ECG_TIME_PD_QT_CORR"), "8636-3", "MDC_ECG_TIME_PD_QTc"),
    Measure("qtc_bazett", "QTc (Bazett)", "ms", (146952, "MDC_ECG_TIME_PD_QTC_BAZETT"), "8636-3", "MDC_ECG_TIME_PD_QTcB"),
    Measure(
        "qtc_framingham", "QTc (Framingham)", "ms", (146956, "MDC_ECG_TIME_PD_QTC_FRAMINGHAM"), "8636-3",
        "MDC_ECG_TIME_PD_QTcFR",
    ),
    Measure("qtc_hodges", "QTc (Hodges)", "ms", (146960, "MDC_ECG_TIME_PD_QTC_HODGES"), "8636-3", "MDC_ECG_TIME_PD_QTcH"),
    Measure(
        "qtc_fridericia", "QTc (Fridericia)", "ms", (146964, "MDC_ECG_TIME_PD_QTC_FREDERICA"), "8636-3",
        "MDC_ECG_TIME_PD_QTcF",
    ),
    Measure("p_axis", "P axis", "deg", None, "8626-4", "MDC_ECG_ANGLE_P_FRONT"),
    Measure("qrs_axis", "QRS axis", "deg", None, "8632-2", "MDC_ECG_ANGLE_QRS_FRONT"),
    Measure("t_axis", "T axis", "deg", None, "8638-9", "MDC_ECG_ANGLE_T_FRONT"),
)  # fmt: skip
BY_NAME = {measure.name: measure for measure in MEASURES}
BY_AECG = {measure.aecg.upper(): measure for measure in MEASURES if measure.aecg} | {
    "MDC_ECG_TIME_PD_QT_CORR": BY_NAME["qtc"],
    "MDC_ECG_TIME_PD_QTC_BAZETT": BY_NAME["qtc_bazett"],
    "MDC_ECG_TIME_PD_QTC_FREDERICA": BY_NAME["qtc_fridericia"],
}


def measurement(name: str, value: Decimal | None, lead: str = "") -> tuple[Measurement, ...]:
    """One measurement in its own unit, none when there is no value."""
    return (Measurement(name, value, BY_NAME[name].unit, lead),) if value is not None else ()
