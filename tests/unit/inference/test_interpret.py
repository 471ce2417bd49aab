"""The interpreter's rules, on the shipped table and on small ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault
from inference.interpret import Evidence, Finding, Interpretation, interpret
from inference.interpret.read import parse
from inference.interpret.table import GROUPS, SEVERITIES, Table, shipped
from inference.models.labels import TWELVE


def read(probabilities: dict[str, float], **measurements: float) -> Interpretation:
    return interpret(Evidence(probabilities, measurements, {}))


def one(result: Interpretation, name: str) -> Finding:
    return next(finding for finding in result.findings if finding.name == name)


def test_a_normal_ecg_is_normal() -> None:
    result = read({"super:NORM": 0.97, "rhythm:SR": 0.99, "super:MI": 0.01}, heart_rate=72, pr=160, qrs=92, qtc=410)
    assert result.severity == "normal"
    assert result.conclusion == "Sinus rhythm, Normal ECG."
    assert not result.contradictions


def test_every_report_says_it_is_no_diagnosis() -> None:
    assert "not a medical device" in read({}).notice
    assert "not a medical device" in read({}).as_dict()["notice"]


def test_a_calm_rate_lowers_atrial_fibrillation_alone() -> None:
    assert one(read({"rhythm:AFIB": 0.95}, heart_rate=78), "Atrial fibrillation").severity == "borderline"


def test_a_fast_rate_raises_atrial_fibrillation_alone() -> None:
    finding = one(read({"rhythm:AFIB": 0.95}, heart_rate=168), "Atrial fibrillation")
    assert finding.severity == "critical"
    assert "raises it from abnormal to critical" in finding.reason


def test_the_rate_decides_nothing_where_a_finding_is_not_of_the_rhythm() -> None:
    both = {"rhythm:AFIB": 0.95, "sub:CLBBB": 0.95}
    for rate in (78, 168):
        assert one(read(both, heart_rate=rate), "Atrial fibrillation").severity == "abnormal"
        assert one(read(both, heart_rate=rate), "Complete left bundle branch block").severity == "abnormal"


def test_without_a_rate_severities_stay() -> None:
    assert one(read({"rhythm:AFIB": 0.95}), "Atrial fibrillation").severity == "abnormal"


def test_a_model_that_says_bradycardia_at_95_is_contradicted_and_still_shown() -> None:
    result = read({"rhythm:SBRAD": 0.9}, heart_rate=95)
    assert one(result, "Sinus bradycardia").probability == 0.9
    assert result.contradictions == ("the model says sinus bradycardia, the measured rate is not slow (95 beats a minute)",)


def test_two_rhythms_at_once_are_a_contradiction() -> None:
    assert len(read({"rhythm:SR": 0.7, "rhythm:AFIB": 0.8}).contradictions) == 1


def test_measurements_speak_where_the_model_abstains() -> None:
    result = interpret(Evidence({"super:MI": 0.99}, {"qtc": 520}, {}, "the signal cannot be read", {"V1": "flat"}))
    assert [finding.name for finding in result.findings] == ["Very long QTc"]
    assert result.severity == "critical"
    assert result.notes == ("the model was not asked: the signal cannot be read", "lead V1 cannot be read: flat")


def test_an_abstaining_model_with_nothing_measured_concludes_nothing() -> None:
    assert interpret(Evidence({}, {}, {}, "noise")).conclusion.startswith("No automatic interpretation")


@pytest.mark.parametrize(("qtc", "severity"), [(469, "normal"), (470, "abnormal"), (499, "abnormal"), (500, "critical")])
def test_qtc_limits(qtc: float, severity: str) -> None:
    assert read({}, qtc=qtc).severity == severity


@pytest.mark.parametrize(
    ("rate", "severity"), [(39, "critical"), (45, "borderline"), (60, "normal"), (110, "borderline"), (150, "critical")]
)
def test_rate_limits(rate: float, severity: str) -> None:
    assert read({}, heart_rate=rate).severity == severity


def test_the_models_own_operating_point_decides_but_never_below_the_floor() -> None:
    points = {"sub:WPW": 0.02, "super:CD": 0.4}
    names = [one.name for one in interpret(Evidence({"sub:WPW": 0.1, "super:CD": 0.41}, {}, points)).findings]
    assert names == ["Conduction disturbance"]


def test_an_unsure_finding_is_worded_as_possible() -> None:
    assert read({"super:HYP": 0.55}).conclusion == "Possible hypertrophy."


def test_ecg_fm_labels_are_read_by_the_same_table() -> None:
    assert one(read({"Atrial fibrillation": 0.8}, heart_rate=70), "Atrial fibrillation").codes[0][1] == "164889003"


def test_every_label_of_the_table_is_one_a_model_has() -> None:
    from inference.ecgfm.labels import LABELS

    known = {*TWELVE, *LABELS, "NORM", "CD", "STTC"}
    assert {label for rule in shipped().findings for label in rule.labels} <= known


def test_no_finding_is_listed_twice_and_the_gravest_stands_first() -> None:
    names = [rule.finding for rule in (*shipped().findings, *shipped().measured)]
    assert len(names) == len(set(names))
    result = read({"rhythm:SR": 0.9, "super:MI": 0.8, "form:PAC": 0.6})
    ranks = [SEVERITIES.index(finding.severity) for finding in result.findings]
    assert ranks == sorted(ranks, reverse=True)


GOOD = """
rate: {calm: [60, 100], critical: [40, 150]}
findings:
  - {finding: A, labels: ["rhythm:AFIB"], present: "0.5", severity: abnormal, group: Other}
"""


def test_yaml_does_not_turn_no_into_false() -> None:
    table = parse(GOOD.replace("finding: A", "finding: NO"))
    assert isinstance(table, Table)
    assert table.findings[0].finding == "NO"


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_a_fault(text: str) -> None:
    assert isinstance(parse(text), Table | Fault)


@given(
    st.dictionaries(st.sampled_from(TWELVE), st.floats(0, 1), max_size=12),
    st.dictionaries(st.sampled_from(["heart_rate", "pr", "qrs", "qtc", "axis"]), st.floats(-400, 1000), max_size=5),
)
def test_any_evidence_is_read_into_the_five_groups_and_four_severities(
    probabilities: dict[str, float], measurements: dict[str, float]
) -> None:
    result = interpret(Evidence(probabilities, measurements, {}))
    assert result.severity in SEVERITIES
    assert all(finding.group in GROUPS and finding.reason for finding in result.findings)
