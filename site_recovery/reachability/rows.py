"""The result of a check: a row for each machine and port, and the machines that are blocked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from site_recovery.reachability.connections import (
    BLOCKS_ALL,
    FROM_SERVER,
    PROXY_OUT,
    SERVER_TO_PROXY,
    TO_PROXY,
    Connection,
)

CONNECTED = "connected"
FAILED = "failed"
_OF_THE_PROXY = (TO_PROXY, SERVER_TO_PROXY, PROXY_OUT)
_PROXY_WAY_OUT = (
    "source.proxy: let the connection through where a rule, an ACL or a route is named, or correct "
    "source.proxy.url. What does not need the proxy, name in source.proxy.bypass."
)

NOT_TRIED = "not tried: "
"""The beginning of `attempt` in a row without an attempt; the reason follows."""


@dataclass(frozen=True)
class Row:
    """One connection.

    Attributes:
        machine: the machine; the role of the server, or `proxy`, for a connection of theirs.
        direction: `to server`, `from server`, `to internet`, `to proxy`, `server to proxy` or
            `proxy to internet`.
        port: the TCP port at the remote end.
        open: whether both the evidence and the attempt, if there was one, say so.
        evidence: what decides it in EC2.
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
        """The connection of the row."""
        return Connection(self.machine, self.direction, self.port)

    @property
    def reason(self) -> str:
        """Why the connection is not open."""
        if self.attempt != FAILED:
            return self.evidence
        who = "server" if self.direction in (FROM_SERVER, SERVER_TO_PROXY) else "machine"
        if self.direction in (TO_PROXY, SERVER_TO_PROXY):
            whose = "its or the proxy's"
        else:
            whose = "the machine's" if self.direction == FROM_SERVER else "its"
        return (
            f"the rules permit it, a connect attempt from the {who} failed: {whose} own firewall, "
            "or nothing listens"
        )

    def wire(self) -> dict[str, Any]:
        """The row as Pulumi records it."""
        return asdict(self)

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> Row:
        """A row from its record, in which every number is a float."""
        return cls(**{**recorded, "port": int(recorded["port"])})


def blocked(rows: Iterable[Row], machines: Iterable[str], role: str) -> dict[str, str]:
    """Why protection may not begin, by machine; a server without a way out blocks all machines."""
    closed = [row for row in rows if not row.open]
    reasons: dict[str, str] = {}
    for machine in machines:
        own = [
            f"{row.connection.words(role)}: {row.reason}"
            for row in closed
            if row.direction in BLOCKS_ALL
            or (row.machine == machine and row.direction != PROXY_OUT)
        ]
        if own:
            reasons[machine] = "; ".join(own)
    return reasons


def table(rows: Iterable[Row], role: str) -> list[str]:
    """The connections that are not open, one line each, in columns; then what helps with a proxy."""
    closed = [row for row in rows if not row.open]
    lines = [(row.machine, row.connection.words(role), row.reason) for row in closed]
    machine, connection = (max((len(line[i]) for line in lines), default=0) for i in (0, 1))
    shown = [f"{line[0]:<{machine}}  {line[1]:<{connection}}  {line[2]}" for line in lines]
    if any(row.direction in _OF_THE_PROXY for row in closed):
        shown.append(_PROXY_WAY_OUT)
    return shown


def with_attempts_of(rows: Iterable[Row], recorded: Iterable[Row]) -> list[Row]:
    """Rows with new evidence and the recorded attempts, where the evidence permits them."""
    before = {row.connection: row.attempt for row in recorded}
    return [
        row if not row.open else _attempted(row, before.get(row.connection, row.attempt))
        for row in rows
    ]


def _attempted(row: Row, attempt: str) -> Row:
    return Row(row.machine, row.direction, row.port, attempt != FAILED, row.evidence, attempt)


def attempted(rows: Iterable[Row], attempts: Mapping[Connection, str]) -> list[Row]:
    """The rows with the outcomes of new attempts; a row without one stays as it is."""
    return [
        _attempted(row, attempts[row.connection]) if row.connection in attempts else row
        for row in rows
    ]
