"""isthmus ecg: look at, convert and measure ECG files of any format that is read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from adapters.ecg import describe
from adapters.ecg.analyses import analysis, explained
from adapters.ecg.folder import expand, read_path, trends_path
from adapters.ecg.output import draw_to, print_rows, save, say
from adapters.ecg.recording import Recording, measurable
from engine.fault import Fault, Kind

FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
AS_JSON = click.option("--json", "json_", is_flag=True, help="Print a JSON array, one object a file.")


class Verbs(click.Group):
    """Verbs of this file, and those other packages add by the entry point `isthmus.ecg`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(point.name for point in entry_points(group="isthmus.ecg"))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for point in entry_points(group="isthmus.ecg", name=cmd_name):
            found: click.Command = point.load()
            return found
        return super().get_command(ctx, cmd_name)


@click.group(cls=Verbs)
def ecg() -> None:
    """Show, convert, measure and classify ECG files; the format is told by the content.

    A FILE may be a WFDB record (its header, its signal file or its bare name), a zip of one, or a folder of files.

    \b
    Examples:
      isthmus ecg show recording.xml -o page.pdf
      isthmus ecg convert recording.xml recording.dcm
      isthmus ecg measure mitdb/100 --beats --json
      isthmus ecg classify recording.xml
      isthmus ecg formats
    """


@ecg.command()
@FILES
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Draw the 12-lead page: .svg, .pdf or .png.")
@click.option(
    "--layout", type=click.Choice(["3x4", "6x2", "12x1"]), default="3x4", show_default=True, help="Rows by columns of leads."
)
@click.option("--speed", type=click.Choice(["25", "50"]), default="25", show_default=True, help="mm/s")
@click.option("--gain", type=click.Choice(["5", "10", "20"]), default="10", show_default=True, help="mm/mV")
@click.option("--rhythm", default="II", show_default=True, help="Leads of the rhythm strips, by comma.")
@click.option("--from", "begin", type=float, default=0.0, help="Second at which the page begins.")
@click.option("--measure", "measured", is_flag=True, help="Measure, and show that instead of the recorder's values.")
@click.option(
    "--saliency",
    is_flag=False,
    flag_value="",
    metavar="[LABEL]",
    help="Shade what the model's gravest finding, or LABEL, rests on.",
)
@AS_JSON
def show(
    files: tuple[Path, ...], output: Path | None, layout: str, speed: str, gain: str, rhythm: str, begin: float, measured: bool,
    saliency: str | None, json_: bool,
) -> None:  # fmt: skip
    """Say what is in FILES, and draw the page with -o.

    \b
    Examples:
      isthmus ecg show recording.scp
      isthmus ecg show recording.dcm -o page.svg --layout 6x2 --speed 50
      isthmus ecg show ludb/1 -o page.png --measure
      isthmus ecg show recording.xml -o page.pdf --saliency
      isthmus ecg show recording.xml --saliency super:MI --json
    """
    from adapters.ecg.draw import Options  # noqa: PLC0415
    from adapters.ecg.leads import STANDARD  # noqa: PLC0415

    found = list(_read(files))
    if output is not None and len(found) != 1:
        raise click.UsageError("-o draws one recording; name one file")
    options = Options(layout, float(speed), float(gain), tuple(lead.strip() for lead in rhythm.split(",")), begin)
    rows: list[dict[str, Any]] = []
    for path, one in found:
        if isinstance(one, Fault) and one.at == "HOLTER_STATISTICS" and not isinstance(trends := trends_path(path), Fault):
            rows.append({"file": str(path)} | describe.trends(trends))
            continue
        if isinstance(one, Recording):
            rows.append({"file": str(path)} | describe.summary(one))
            marks = explained(one, saliency) if saliency is not None else {}
            fault = marks if isinstance(marks, Fault) else None
            if marks and not isinstance(marks, Fault):
                rows[-1]["saliency"] = marks
            missing = [lead for lead in options.rhythm if lead not in (*one.leads, *STANDARD)]
            if output is not None and missing:
                fault = Fault(
                    Kind.INCORRECT, "E162", f"there is no lead {missing[0]}", "--rhythm", f"it has {', '.join(one.leads)}"
                )
            elif output is not None and not isinstance(marks, Fault):
                told = analysis()(measurable(one), one.rate, one.leads) if measured else None
                fault = draw_to(one, output, options, told, marks or None)
            one = fault or one  # noqa: PLW2901
        if isinstance(one, Fault):
            rows.append({"file": str(path), "fault": one.as_dict()})
    print_rows(rows, json_, lambda row: describe.trends_text(row) if "series" in row else describe.summary_text(row))


@ecg.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--to", "format", help="aecg, dicom, scp, wfdb, csv or fhir; without it, by the target's ending.")
@click.option("--json", "json_", is_flag=True, help="Print JSON for programs: the files written, and warnings.")
def convert(source: Path, target: Path, format: str | None, json_: bool) -> None:
    """Write SOURCE as TARGET: .xml aECG, .dcm DICOM, .scp SCP-ECG, .hea or .zip WFDB, .csv, .json FHIR.

    \b
    Examples:
      isthmus ecg convert muse.xml recording.dcm
      isthmus ecg convert recording.scp recording.hea
      isthmus ecg convert recording.dcm out.xml --to aecg
    """
    from adapters.ecg.write import SUFFIXES, write  # noqa: PLC0415

    kind = format or SUFFIXES.get(target.suffix.lower())
    if kind is None:
        raise click.UsageError(f"which format is {target.suffix or target.name}? Say it with --to")
    one = read_path(source)
    written = write(one, kind, target.stem) if isinstance(one, Recording) else one
    if isinstance(written, Fault):
        if json_:
            click.echo(json.dumps({"fault": written.as_dict()}, indent=2))
        else:
            say(written)
        raise SystemExit(1)
    warnings = [str(each) for each in (*(one.warnings if isinstance(one, Recording) else ()), *written.warnings)]
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if target.suffix.lower() == ".zip":
        saved = {target: describe.zipped(written.files)}
    elif len(written.files) == 1:
        saved = {target: written.body}
    else:
        saved = {target.with_name(name): data for name, data in written.files.items()}
    for path, data in saved.items():
        save(path, data)
    if json_:
        click.echo(json.dumps({"written": [str(path) for path in saved], "format": kind, "warnings": warnings}, indent=2))


@ecg.command()
@FILES
@click.option("--beats", is_flag=True, help="Every beat: sample, time in s, class.")
@click.option("--boundaries", is_flag=True, help="Every P, QRS and T of each lead: onset, peak, offset in samples.")
@AS_JSON
def measure(files: tuple[Path, ...], beats: bool, boundaries: bool, json_: bool) -> None:
    """Measure FILES: rate, intervals, axes, amplitudes, beats and wave boundaries.

    Samples count from 0 at the recording's own rate. `sure` is 0 to 1; what the signal does not carry is not there.

    \b
    Examples:
      isthmus ecg measure recording.xml
      isthmus ecg measure mitdb/100 mitdb/101 --beats --json
      isthmus ecg measure ludb --boundaries --json
    """
    analyse = analysis()
    rows: list[dict[str, Any]] = []
    for path, one in _read(files):
        if isinstance(one, Fault):
            rows.append({"file": str(path), "fault": one.as_dict()})
            continue
        result = dict(analyse(measurable(one), one.rate, one.leads))
        kept = {"waves": boundaries, "beats": beats, "median": False}
        body = {key: value for key, value in result.items() if kept.get(key, True)}
        rows.append({"file": str(path), "format": one.format, "read_warnings": list(one.warnings)} | body)
    print_rows(rows, json_, describe.measured_text)


@ecg.command()
@AS_JSON
def formats(json_: bool) -> None:
    """List the formats that are read, and those that are written.

    \b
    Examples:
      isthmus ecg formats
    """
    from adapters.ecg.formats import NAMES  # noqa: PLC0415
    from adapters.ecg.write import WRITERS  # noqa: PLC0415

    rows = [{"name": name, "title": title, "written": name in WRITERS} for name, title in NAMES.items()]
    print_rows(rows, json_, lambda row: f"{row['name']:<12}{'read, written' if row['written'] else 'read':<16}{row['title']}")


def _read(files: tuple[Path, ...]) -> Iterable[tuple[Path, Recording | Fault]]:
    for path in expand(files):
        yield path, read_path(path)
