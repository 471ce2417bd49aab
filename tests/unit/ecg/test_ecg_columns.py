"""CSV as the classification service's users send it: any separator, German heads, a watch's export, data behind the row of units."""

import numpy as np
import pytest

from adapters.ecg import csv_file, read
from adapters.ecg.recording import Recording
from engine.fault import Fault

VALUES = [round(100 * np.sin(n / 7), 1) for n in range(60)]


def recording(text: str) -> Recording:
    found = read(text.encode())
    assert isinstance(found, Recording), found
    assert found.samples[0].tolist() == pytest.approx(VALUES, abs=0.06)
    return found


def column(*head: str) -> str:
    return "\n".join([*head, *(f"{value:.1f}" for value in VALUES)])


@pytest.mark.parametrize("mark", ["\t", ";", ",", " "])
@pytest.mark.parametrize("name", ["sample rate", "fs", "Abtastrate", "Frequenz", "Sampling Frequency"])
def test_the_rate_stands_in_the_cell_after_its_name_whatever_divides_cells(mark: str, name: str) -> None:
    found = recording(column(f"{name}{mark}250", f"lead{mark}I", f"unit{mark}µV"))
    assert (found.rate, found.leads, found.warnings) == (250, ("I",), ())


@pytest.mark.parametrize("mark", ["\t", ";", ","])
@pytest.mark.parametrize("lead", [["lead", "Lead I"], ["Ableitung", "I"]])
def test_a_row_of_units_names_no_lead_and_the_times_before_the_values_are_none(mark: str, lead: list[str]) -> None:
    rows = [["fs", "250"], lead, ["Zeit", "µV"], *([str(n / 250), f"{value:.1f}"] for n, value in enumerate(VALUES))]
    found = recording("\n".join(mark.join(row) for row in rows))
    assert (found.rate, found.leads) == (250, ("I",))


def test_values_may_stand_in_the_second_column_with_nothing_before_them() -> None:
    rows = [["", "µV"], *(["", f"{value:.1f}"] for value in VALUES)]
    found = recording("\n".join(";".join(row) for row in rows))
    assert (found.rate, found.leads) == (512, ("I",))
    assert len(found.warnings) == 2


@pytest.mark.parametrize(
    "head",
    [
        ["Name,Anna Muster", "Recorded Date,2020-01-02", "Classification,Sinus Rhythm", "Symptoms,", "Software Version,1.90",
         "Device,Watch4,2", "Sample Rate,512 hertz", "", "", "Lead,Lead I", "Unit,µV", ""],
        ["Name,X", "Sample Rate,512.4 hertz", "", "Lead,Lead I", "Unit,µV", ""],
        ["Name;V", "Abtastrate;512 Hertz", "Ableitung;Ableitung I", "Einheit;µV", ""],
    ],
)  # fmt: skip
def test_a_watchs_export_is_read_whoever_it_is_of(head: list[str]) -> None:
    found = recording(column(*head))
    assert found.leads == ("I",)
    assert found.rate in {512.0, 512.4}
    assert found.warnings == ()


@pytest.mark.parametrize("rate", ["-500", "fast", "0"])
def test_a_stated_rate_that_is_none_is_refused_and_not_replaced(rate: str) -> None:
    found = read(column(f"sample rate,{rate}", "lead,I", "unit,µV").encode())
    assert isinstance(found, Fault)
    assert (found.code, found.at) == ("E155", "line 1")
    assert found.help


def test_a_row_that_is_no_numbers_is_told_by_its_line() -> None:
    for bad in ("abc", "1,2"):
        text = column("fs,250", "unit,µV") + f"\n{bad}\n1.0\n"
        found = read(text.encode())
        assert isinstance(found, Fault)
        assert found.at == "line 63"
        assert found.help


def test_columns_of_other_names_stay_what_they_are() -> None:
    found = csv_file.read(b"fs,250\nunit,mV\nI,II\n" + b"0.1,0.2\n" * 20)
    assert isinstance(found, Recording)
    assert found.leads == ("I", "II")
    assert float(found.samples[1, 0]) == pytest.approx(200)
