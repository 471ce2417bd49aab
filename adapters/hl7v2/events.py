"""Which structure an event has (HL7 table 0354, v2.5.1 and v2.8.2), for messages that leave MSH-9.3 empty or invent one."""

from __future__ import annotations

_SHARED = """
ADT_A01 A01 A04 A08 A13
ADT_A05 A05 A14 A28 A31
ADT_A06 A06 A07
ADT_A09 A09 A10 A11
ADT_A12 A12
ADT_A16 A16
ADT_A21 A21 A22 A23 A25 A26 A27 A29 A32 A33
ADT_A30 A30 A34 A35 A36 A46 A47 A48 A49
ADT_A39 A39 A40 A41 A42
ADT_A43 A43
ADT_A44 A44
ADT_A50 A50 A51
ADT_A52 A52 A53 A55
ADT_A61 A61 A62
BAR_P05 P05
CRM_C01 C01 C02 C03 C04 C05 C06 C07 C08
CSU_C09 C09 C10 C11 C12
MDM_T01 T01 T03 T05 T07 T09 T11
MDM_T02 T02 T04 T06 T08 T10
MFK_M01 M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14 M15 M16 M17
MFN_M01 M01
ORU_R01 R01 R03 R30 R31 R32 R40 W01
PEX_P07 P07 P08
PGL_PC6 PC6 PC7 PC8
PMU_B01 B01 B02
PMU_B04 B04 B05 B06
PPG_PCG PCG PCH PCJ
PPP_PCB PCB PCC PCD
PPR_PC1 PC1 PC2 PC3
QBP_Q21 Q21 Q22 Q23 Q24 Q25 Q32
RDE_O11 O11 O25
REF_I12 I12 I13 I14 I15
RPA_I08 I08 I09 I10 I11
RPI_I01 I01 I02 I03
RQA_I08 I08 I09 I10 I11
RQC_I05 I05 I06
RQI_I01 I01 I02 I03
RRI_I12 I12 I13 I14 I15
RSP_K23 K23 K24
SIU_S12 S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27
SRM_S01 S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11
SRR_S01 S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11
"""
EVENTS = {
    (structure.split("_")[0], event): structure
    for structure, *events in map(str.split, _SHARED.strip().splitlines())
    for event in events
}
# Of these two patients stand in one message: their segments are told apart by the event's own structure, whatever MSH-9.3 says.
PAIRED = frozenset({"A17", "A18", "A34", "A35", "A36", "A39", "A40", "A41", "A42", "A43", "A44", "A46", "A47", "A48", "A49"})
USUAL = {  # by message code alone, for v2.1 and v2.2 and for local events
    "ACK": "ACK",
    "ADT": "ADT_A01",
    "BAR": "BAR_P01",
    "DFT": "DFT_P03",
    "MCF": "ACK",
    "MDM": "MDM_T02",
    "OML": "OML_O21",
    "ORM": "ORM_O01",
    "ORR": "ORR_O02",
    "ORU": "ORU_R01",
    "OUL": "OUL_R21",
    "RDE": "RDE_O11",
    "RDS": "RDS_O13",
    "SIU": "SIU_S12",
    "VXU": "VXU_V04",
}


def canonical(structure: str) -> str:
    """The structure that stands for a name made from an event: ADT_A08 is ADT_A01, SIU_S15 is SIU_S12."""
    code, _, event = structure.partition("_")
    return EVENTS.get((code, event), structure)
