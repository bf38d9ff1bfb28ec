"""What a preview says, for the comment of a pull request: `python -m report.plan --stack dev`.

Runs `pulumi preview --json` in the stack's environment and writes `<folder>/<stack>.md` and
`<folder>/<stack>.json`. Options behind `--` go to Pulumi.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from report import stdout
from site_recovery import whole_files
from site_recovery.convergence.review_data import MachineRow, StackReview, WaveReview
from site_recovery.convergence.review_text import (
    IRREVERSIBLE,
    irreversible,
    shared,
    summary,
    terminations,
    totals,
)
from site_recovery.errors import MigrationError
from site_recovery.usual_durations import in_words

_WAVE = TypeAdapter(WaveReview)
_LONGEST = 60_000
"""GitHub takes comments of 65,536 characters."""


@dataclass(frozen=True)
class Plan:
    """One preview.

    Attributes:
        stack: the name of the stack.
        review: what would happen to the machines.
        changes: how many resources would be created, updated and so on.
        errors: what refuses it, each as the program says it.
        warnings: what the program warns of.
    """

    stack: str
    review: StackReview = field(default_factory=StackReview)
    changes: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "stack": self.stack,
            "refused": bool(self.errors),
            "waves": {name: wave.data() for name, wave in self.review.waves.items()},
            "changes": dict(self.changes),
            "errors": list(self.errors),
            "warnings": list(self.warnings),
        }


def read(stack: str, preview: Mapping[str, Any]) -> Plan:
    """The plan in what `pulumi preview --json` printed.

    Args:
        stack: the name of the stack.
        preview: the document, complete or cut short by an error.
    """
    waves = {}
    for step in preview.get("steps") or ():
        inputs = (step.get("newState") or {}).get("inputs") or {}
        if inputs.get("review"):
            wave = _WAVE.validate_python(inputs["review"])
            waves[wave.wave] = wave
    told = [
        (each.get("severity", ""), each.get("message", "").strip())
        for each in preview.get("diagnostics") or ()
    ]
    return Plan(
        stack,
        StackReview(dict(sorted(waves.items()))),
        {name: count for name, count in (preview.get("changeSummary") or {}).items() if count},
        tuple(dict.fromkeys(text for severity, text in told if severity == "error" and text)),
        tuple(dict.fromkeys(text for severity, text in told if severity == "warning" and text)),
    )


def markdown(plan: Plan) -> str:
    """The comment: the line of the stack, and a table for each wave to which anything happens."""
    lines = [f"<!-- plan of {plan.stack} -->", f"### `{plan.stack}`: {_title(plan)}", ""]
    if plan.errors:
        lines += ["**Refused, nothing would be changed:**", ""]
        lines += [line for text in plan.errors for line in ("```", text, "```", "")]
    # What cannot be undone stands once, above the tables.
    lines += [line for sentence in irreversible(plan.review) for line in (f"> {sentence}", "")]
    for wave in plan.review.waves.values():
        if wave.has_something:
            lines += [f"#### `{wave.wave}` → `{wave.phase}`: {summary(wave)}", ""]
            lines += [*(_table(wave.machines) if wave.machines else ()), "", *_notes(wave), ""]
    lines += [f"> {_joined(text)}" for text in plan.warnings]
    changes = ", ".join(
        f"{count} to {name}" for name, count in plan.changes.items() if name != "same"
    )
    lines += ["", f"Resources: {changes or 'no changes'}."]
    text = "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"
    if len(text) <= _LONGEST:
        return text
    return text[:_LONGEST].rpartition("\n")[0] + "\n\nThe rest is too long for a comment.\n"


def main(arguments: list[str] | None = None) -> int:
    """Preview the stack and write both files. Returns the exit code of the preview."""
    stdout.never_fail()
    try:
        return _previewed(_options(arguments))
    except MigrationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _previewed(options: argparse.Namespace) -> int:
    """The exit code of the preview.

    Raises:
        MigrationError: a file cannot be written or removed.
    """
    written, data = (options.output / f"{options.stack}.{kind}" for kind in ("md", "json"))
    for older in (written, data):
        # If this preview fails, nothing may look like what it says.
        whole_files.remove(older)
    command = ["pulumi", "preview", "--stack", options.stack, "--json", "--non-interactive"]
    done = subprocess.run(
        [*command, *options.pulumi], stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    try:
        preview = json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        # It ended before the program ran, such as for a stack that does not exist.
        print(done.stdout, file=sys.stderr)
        return done.returncode or 1
    plan = read(options.stack, preview)
    text = markdown(plan)
    whole_files.write(written, text)
    whole_files.write(data, json.dumps(plan.data(), indent=2) + "\n")
    print(text)
    print(f"As files: {written}, {data}")
    return done.returncode


def _title(plan: Plan) -> str:
    if plan.errors:
        return "refused"
    return totals(plan.review)


def _table(rows: Sequence[MachineRow]) -> Iterator[str]:
    if not rows:
        return
    yield "| machine | now → then | operations | usual | | blocked by |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, row in shared(rows):
        yield f"| {' | '.join(_cell(text) for text in _cells(name, row))} |"


def _cells(name: str, row: MachineRow) -> Iterator[str]:
    yield name
    yield f"{row.now} → {row.then}"
    running = [f"({row.running} is running)"] if row.running else []
    yield ", ".join([*running, *(each.operation for each in row.operations)]) or "wait for it"
    known = [each.seconds for each in row.operations if each.seconds is not None]
    yield in_words(timedelta(seconds=sum(known))) if known else ""
    yield f"**{IRREVERSIBLE}**" if any(each.irreversible for each in row.operations) else ""
    yield ", ".join(f"`{hold.reason}`" for hold in (*row.blocked, *row.waits))


def _notes(wave: WaveReview) -> Iterator[str]:
    texts: dict[str, list[str]] = {}
    for row in wave.machines:
        for each in row.operations:
            if each.detail:
                texts.setdefault(f"{each.operation}: {each.detail}", []).append(row.machine)
        for hold in (*row.waits, *row.blocked):
            texts.setdefault(hold.what, []).append(row.machine)
    for text, machines in texts.items():
        yield f"- {_joined(', '.join(machines))}: {_joined(text)}"
    for note in (*terminations(wave), *wave.notes):
        yield f"- {_joined(note)}"


def _joined(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _joined(text).replace("|", "\\|")


def _options(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m report.plan", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--output", type=Path, default=Path(".local/plan"), help="the folder")
    parser.add_argument("pulumi", nargs="*", help="options of `pulumi preview`, behind --")
    return parser.parse_args(None if arguments is None else list(arguments))


if __name__ == "__main__":
    sys.exit(main())
