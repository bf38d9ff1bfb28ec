"""The report as a page: one HTML file that fetches nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from report import words
from report.model import MachineRow, Place, Report
from report.timeline import KINDS, timeline
from site_recovery import whole_files
from site_recovery.convergence.outcome import Status

_TEMPLATES = Path(__file__).parent / "templates"
_PLACE_CLASSES = {
    Place.NOT_BEGUN: "p0",
    Place.REPLICATING: "p1",
    Place.PROTECTED: "p2",
    Place.TESTING: "p3",
    Place.FAILED_OVER: "p4",
    Place.MIGRATED: "p5",
}


def rendered(report: Report) -> str:
    """The page of a report, as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    script = (_TEMPLATES / "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    machines = report.machines
    return environment.get_template("page.html.jinja").render(
        report=report,
        words=words,
        Place=Place,
        Status=Status,
        place_class=_PLACE_CLASSES,
        operation_class=KINDS,
        index={machine.name: index for index, machine in enumerate(machines)},
        timeline=timeline(report),
        checked=[machine for machine in machines if machine.check is not None],
        usage_by_wave=[(wave, _used(wave.machines)) for wave in report.waves],
        # Our own files: the only texts that the template does not escape.
        style=(_TEMPLATES / "page.css").read_text("utf-8"),
        script=script,
        script_digest=digest,
    )


def write(report: Report, path: Path) -> None:
    """Write the page of a report.

    Raises:
        MigrationError: it cannot be written there.
    """
    whole_files.write(path, rendered(report))


def _used(machines: Iterable[MachineRow]) -> tuple[float, float, float, float | None]:
    """Days of replication, hours of test machines, of production machines, and their cost."""
    used = [machine.usage for machine in machines if machine.usage]
    costs = [each.cost for each in used if each.cost is not None]
    return (
        sum(each.replication_days for each in used),
        sum(each.test_hours for each in used),
        sum(each.vm_hours for each in used),
        sum(costs) if costs else None,
    )
