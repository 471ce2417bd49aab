"""The rules the documentation shows are rules, and it names every key."""

from __future__ import annotations

import re
from pathlib import Path

from engine.alerts.rule import KEYS, SEVERITIES, read_rule
from fhir.condition import Condition, compile_condition


def test_every_rule_in_the_documentation_can_be_read(root: Path) -> None:
    rules = re.findall(r"```yaml\n(.*?)```", (root / "docs" / "alerts.md").read_text(), re.DOTALL)
    assert len(rules) == 4
    for text in rules:
        found, wrong = read_rule(text, "docs/alerts.md", compile_condition, {})
        assert found is not None, wrong


def test_every_condition_in_the_documentation_can_be_read(root: Path) -> None:
    text = (root / "docs" / "alerts.md").read_text().partition("## Conditions")[2].partition("`value` stands")[0]
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert len(lines) == 3
    assert all(isinstance(compile_condition(line), Condition) for line in lines)


def test_the_documentation_names_every_key_and_severity(root: Path) -> None:
    table = (root / "docs" / "alerts.md").read_text().partition("## Keys")[2].partition("## Conditions")[0]
    assert [key for key in KEYS if f"`{key}`" not in table] == []
    assert all(f"`{severity}`" in table for severity in SEVERITIES)


def test_a_rule_that_is_not_enabled_says_so() -> None:
    text = "alert: x\nif: value > 1\n"
    on, off = (read_rule(text + more, "x.yaml", compile_condition, {})[0] for more in ("", "enabled: false\n"))
    assert on is not None and on.enabled
    assert off is not None and not off.enabled
