"""The connectivity check of a wave: the evidence of EC2, and attempts if they are possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from site_recovery.reachability import evidence
from site_recovery.reachability.attempts import Target
from site_recovery.reachability.connections import (
    FROM_SERVER,
    SERVER_OUT,
    TO_SERVER,
    Check,
    Connection,
    needed,
)
from site_recovery.reachability.ec2_network import Evidence
from site_recovery.reachability.network import Verdict
from site_recovery.reachability.rows import CONNECTED, FAILED, NOT_TRIED, Row, attempted
from site_recovery.reachability.run_command import Attempts, Connector, Source

_FORBIDDEN = f"{NOT_TRIED}it would fail"
_NO_ADDRESS = f"{NOT_TRIED}no one address stands for Azure"
_NOT_YET = f"{NOT_TRIED}only the evidence was read"


def judge(check: Check, found: Evidence) -> list[Row]:
    """A row for each connection that is needed, by the evidence alone and without any call."""
    return [_row(connection, _verdict(connection, check, found)) for connection in needed(check)]


def _row(connection: Connection, verdict: Verdict) -> Row:
    return Row(
        connection.machine,
        connection.direction,
        connection.port,
        verdict.open,
        verdict.why,
        _NOT_YET if verdict.open else _FORBIDDEN,
    )


def _verdict(connection: Connection, check: Check, found: Evidence) -> Verdict:
    if connection.direction == SERVER_OUT:
        return evidence.to_the_internet(found.network, found.server, connection.port)
    machine = found.machines.get(connection.machine)
    if machine is None:
        declared = check.machines[connection.machine]
        return Verdict(
            False,
            f"{declared.instance_id} has no network interface with {declared.private_ip}",
        )
    if connection.direction == TO_SERVER:
        return evidence.between(found.network, machine, found.server, connection.port)
    return evidence.between(found.network, found.server, machine, connection.port)


def attempt(check: Check, rows: Iterable[Row], connector: Connector) -> list[Row]:
    """Try all connections that the evidence permits at the same time, and record the results.

    A failed attempt is repeated once: a security group that was just attached takes some seconds
    to work. The connection of the server to the internet is not tried: its registration with the
    vault proves more.
    """
    judged = list(rows)
    permitted = [row.connection for row in judged if row.open]
    outcomes = dict.fromkeys((c for c in permitted if c.direction == SERVER_OUT), _NO_ADDRESS)
    trying = [c for c in permitted if c.direction != SERVER_OUT]
    outcomes |= _attempted(trying, check, connector)
    failed = [c for c in trying if outcomes[c] == FAILED]
    again = _attempted(failed, check, connector) if failed else {}
    outcomes |= {c: outcome for c, outcome in again.items() if outcome == CONNECTED}
    return attempted(judged, outcomes)


def _attempted(
    connections: Iterable[Connection], check: Check, connector: Connector
) -> dict[Connection, str]:
    trying = {connection: _tried(connection, check) for connection in connections}
    attempts = connector.attempt(_sources(trying.values(), check))
    return {
        connection: _outcome(instance_id, target, attempts)
        for connection, (instance_id, target) in trying.items()
    }


def _tried(connection: Connection, check: Check) -> tuple[str, Target]:
    """The instance that tries a connection, and its target."""
    machine = check.machines[connection.machine]
    if connection.direction == FROM_SERVER:
        return check.server.instance_id, Target(machine.private_ip, connection.port)
    return machine.instance_id, Target(check.server.private_ip or "", connection.port)


def _sources(tried: Iterable[tuple[str, Target]], check: Check) -> Iterator[Source]:
    platforms = {machine.instance_id: machine.platform for machine in check.machines.values()}
    targets: dict[str, set[Target]] = {}
    for instance_id, target in tried:
        if instance_id and target.host:
            targets.setdefault(instance_id, set()).add(target)
    for instance_id, its in targets.items():
        yield Source(instance_id, platforms.get(instance_id, "windows"), frozenset(its))


def _outcome(instance_id: str, target: Target, attempts: Attempts) -> str:
    found: Mapping[Target, bool] | str = attempts.get(
        instance_id, "the server's instance is not known"
    )
    if isinstance(found, str):
        return f"{NOT_TRIED}{found}"
    connected = found.get(target)
    if connected is None:
        return f"{NOT_TRIED}its command ended before"
    return CONNECTED if connected else FAILED
