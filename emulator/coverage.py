"""Make COVERAGE.md: every published operation, and whether the emulator answers it.

    python -m emulator.coverage

The published operations are in operations.txt; the answered ones are read from the route table.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from emulator import front
from emulator.kernel.clock import Clock
from emulator.kernel.routes import Route
from emulator.kernel.store import Store

COVERAGE = Path(__file__).with_name("COVERAGE.md")
_OPERATIONS = Path(__file__).with_name("operations.txt")
_VAULT = re.compile(
    r"^/subscriptions/{\w+}/resourceGroups/{\w+}/providers/Microsoft.RecoveryServices/vaults/{\w+}",
    re.IGNORECASE,
)
_HEAD = """\
# Coverage

Made from the route table by `python -m emulator.coverage`, not to be edited by hand. `{vault}`
stands for the path of a vault. What an answered operation does not do is in the
[README](README.md).
"""


@dataclass(frozen=True)
class Published:
    """One operation that the service publishes.

    Attributes:
        service: the heading under which operations.txt has it.
        id: its operation id.
        verb: its HTTP verb.
        path: its path template.
    """

    service: str
    id: str
    verb: str
    path: str


def main() -> int:
    """Write COVERAGE.md. Returns the exit code."""
    COVERAGE.write_text(text(), "utf-8")
    print(f"{COVERAGE} is made.", file=sys.stderr)
    return 0


def published() -> list[Published]:
    """Every published operation, in the order of operations.txt."""
    found, service = [], ""
    for line in _OPERATIONS.read_text("utf-8").splitlines():
        if line.startswith("["):
            service = line.strip("[]")
        elif line and not line.startswith("#"):
            found.append(Published(service, *line.split(" ")))
    return found


def routes() -> list[Route]:
    """Every operation that the emulator answers, except its own (they begin with `_`)."""
    store = Store()
    world = front.create(store, Clock())
    store.close()
    return [route for route in world.routes.all() if not route.operation_id.startswith("_")]


def text() -> str:
    """The text of COVERAGE.md."""
    answered = {(route.operation_id, route.method) for route in routes()}
    known = published()
    parts = [_HEAD]
    for service, group in groupby(known, lambda operation: operation.service):
        operations = list(group)
        done = [operation for operation in operations if (operation.id, operation.verb) in answered]
        parts.append(f"## {service}: {len(done)} of {len(operations)}\n")
        parts.append(
            _table(
                ("operation", "verb", "path", "state"),
                [
                    (
                        operation.id,
                        operation.verb,
                        f"`{_VAULT.sub('{vault}', operation.path)}`",
                        "done" if operation in done else "not done",
                    )
                    for operation in operations
                ],
            )
        )
    ids = {operation.id for operation in known}
    around = [route for route in routes() if route.operation_id not in ids]
    parts.append("## Around them\n\nOf the rest of Azure these operations, and no other:\n")
    parts.append(
        _table(
            ("operation", "verb", "path"),
            [(route.operation_id, route.method, f"`{route.template}`") for route in around],
        )
    )
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
