"""What a check found: a row for each machine and port, and which machines are blocked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from site_recovery.reachability.connections import FROM_SERVER, SERVER_OUT, Connection

CONNECTED = "connected"
FAILED = "failed"
NOT_TRIED = "not tried: "
"""What the attempt of a row begins with where there was none; the reason follows."""


@dataclass(frozen=True)
class Row:
    """One connection.

    Attributes:
        machine: the machine; the server's role where it is about the server's way out.
        direction: `to server`, `from server` or `to internet`.
        port: of TCP, at the far end.
        open: whether neither the evidence nor an attempt stands against it.
        evidence: what in EC2 decides it.
        attempt: `connected`, `failed`, or `not tried: ` and why.
    """

    machine: str
    direction: str
    port: int
    open: bool
    evidence: str
    attempt: str

    @property
    def connection(self) -> Connection:
        """Which connection the row is about."""
        return Connection(self.machine, self.direction, self.port)

    @property
    def reason(self) -> str:
        """What stands in the way of a connection that is not open."""
        if self.attempt != FAILED:
            return self.evidence
        if self.direction == FROM_SERVER:
            who, whose = "server", "the machine's"
        else:
            who, whose = "machine", "its"
        return (
            f"the rules permit it, a connect attempt from the {who} failed: {whose} own firewall, "
            "or nothing listens"
        )

    def wire(self) -> dict[str, Any]:
        """The row as it is recorded."""
        return asdict(self)

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> Row:
        """A row that was recorded; over the wire every number is a float."""
        return cls(**{**recorded, "port": int(recorded["port"])})


def blocked(rows: Iterable[Row], machines: Iterable[str], role: str) -> dict[str, str]:
    """Why protection may not begin, by machine; a server without its way out blocks them all."""
    closed = [row for row in rows if not row.open]
    reasons: dict[str, str] = {}
    for machine in machines:
        own = [
            f"{row.connection.words(role)}: {row.reason}"
            for row in closed
            if row.machine == machine or row.direction == SERVER_OUT
        ]
        if own:
            reasons[machine] = "; ".join(own)
    return reasons


def table(rows: Iterable[Row], role: str) -> list[str]:
    """The connections that are not open, a line each, in columns."""
    lines = [(row.machine, row.connection.words(role), row.reason) for row in rows if not row.open]
    machine, connection = (max((len(line[i]) for line in lines), default=0) for i in (0, 1))
    return [f"{line[0]:<{machine}}  {line[1]:<{connection}}  {line[2]}" for line in lines]


def with_attempts_of(rows: Iterable[Row], recorded: Iterable[Row]) -> list[Row]:
    """Evidence read now, and the attempts that were made before for what it permits."""
    before = {row.connection: row.attempt for row in recorded}
    return [
        row if not row.open else _attempted(row, before.get(row.connection, row.attempt))
        for row in rows
    ]


def _attempted(row: Row, attempt: str) -> Row:
    return Row(row.machine, row.direction, row.port, attempt != FAILED, row.evidence, attempt)


def attempted(rows: Iterable[Row], attempts: Mapping[Connection, str]) -> list[Row]:
    """The rows with the attempts that were made now; a row without one stays as it is."""
    return [
        _attempted(row, attempts[row.connection]) if row.connection in attempts else row
        for row in rows
    ]
