"""The labels the networks were trained on: PTB-XL 1.0.3's SCP-ECG statements, in the order of the networks' outputs."""

from __future__ import annotations

SUPER = ("NORM", "MI", "STTC", "CD", "HYP")
SUB = (
    "AMI", "AVB", "CLBBB", "CRBBB", "ILBBB", "IMI", "IRBBB", "ISC", "ISCA", "ISCI", "IVCD", "LAFB/LPFB", "LAO/LAE", "LMI",
    "LVH", "NORM", "NST", "PMI", "RAO/RAE", "RVH", "SEHYP", "STTC", "WPW",
)  # fmt: skip
FORM = (
    "ABQRS", "DIG", "HVOLT", "INVT", "LNGQT", "LOWT", "LPR", "LVOLT", "NDT", "NST", "NT", "PAC", "PRC(S)", "PVC", "QWAVE",
    "STD", "STE", "TAB", "VCLVH",
)  # fmt: skip
RHYTHM = ("AFIB", "AFLT", "BIGU", "PACE", "PSVT", "SARRH", "SBRAD", "SR", "STACH", "SVARR", "SVTAC", "TRIGU")
GROUPS: dict[str, tuple[str, ...]] = {"super": SUPER, "sub": SUB, "form": FORM, "rhythm": RHYTHM}
TWELVE = tuple(f"{group}:{name}" for group, names in GROUPS.items() for name in names)  # the 12-lead networks' outputs
LEAD_ONE = ("NORM", "CD", "STTC")  # the lead-I network's
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
