"""The connectivity check of a wave: the evidence of EC2, and attempts if they are possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from site_recovery.reachability import evidence
from site_recovery.reachability.attempts import Target
from site_recovery.reachability.connections import (
    FROM_SERVER,
    PROXY_OUT,
    SERVER_OUT,
    SERVER_TO_PROXY,
    TO_PROXY,
    TO_SERVER,
    Check,
    Connection,
    needed,
)
from site_recovery.reachability.ec2_network import Evidence
from site_recovery.reachability.network import Endpoint, Verdict
from site_recovery.reachability.rows import CONNECTED, FAILED, NOT_TRIED, Row, attempted
from site_recovery.reachability.run_command import Attempts, Connector, Source

_FORBIDDEN = f"{NOT_TRIED}it would fail"
_NO_ADDRESS = f"{NOT_TRIED}no one address stands for Azure"
_NOT_YET = f"{NOT_TRIED}only the evidence was read"


def judge(check: Check, found: Evidence) -> list[Row]:
    """A row for each connection that is needed, by the evidence alone and without any call."""
    connections = needed(check, proxy_here=bool(found.proxy.ways_out))
    return [_row(connection, _verdict(connection, check, found)) for connection in connections]


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
    if connection.direction == PROXY_OUT:
        return _by_one(found, connection.port)
    if connection.direction == SERVER_TO_PROXY:
        return _to_the_proxy(found.server, check, found)
    machine = found.machines.get(connection.machine)
    if machine is None:
        declared = check.machines[connection.machine]
        return Verdict(
            False,
            f"{declared.instance_id} has no network interface with {declared.private_ip}",
        )
    if connection.direction == TO_PROXY:
        return _to_the_proxy(machine, check, found)
    if connection.direction == TO_SERVER:
        return evidence.between(found.network, machine, found.server, connection.port)
    return evidence.between(found.network, found.server, machine, connection.port)


def _to_the_proxy(source: Endpoint, check: Check, found: Evidence) -> Verdict:
    proxy = check.proxy
    assert proxy is not None, "no connection to a proxy is needed without one"
    if found.proxy.endpoint is not None:
        return evidence.between(found.network, source, found.proxy.endpoint, proxy.port)
    if proxy.address is None:
        return evidence.to_a_name(found.network, source, proxy.host, proxy.port)
    if found.proxy.missing:
        return Verdict(False, f"no network interface of {check.vpc_id} has {proxy.host}")
    return evidence.to_an_address(found.network, source, proxy.address, proxy.port)


def _by_one(found: Evidence, port: int) -> Verdict:
    """Whether one of the proxy's interfaces, or addresses, has a way to the internet."""
    ways = [evidence.to_the_internet(found.network, each, port) for each in found.proxy.ways_out]
    closed = "; ".join(dict.fromkeys(each.why for each in ways))
    return next((each for each in ways if each.open), Verdict(False, closed))


def attempt(check: Check, rows: Iterable[Row], connector: Connector) -> list[Row]:
    """Try all connections that the evidence permits at the same time, and record the results.

    A failed attempt is repeated once: a security group that was just attached takes some seconds
    to work. The connections to the internet are not tried: the registration of the server with the
    vault proves more.
    """
    judged = list(rows)
    permitted = [row.connection for row in judged if row.open]
    out = {c: _NO_ADDRESS for c in permitted if c.direction in (SERVER_OUT, PROXY_OUT)}
    trying = [c for c in permitted if c not in out]
    outcomes = dict(out)
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
    proxy = Target(check.proxy.host if check.proxy is not None else "", connection.port)
    if connection.direction == SERVER_TO_PROXY:
        return check.server.instance_id, proxy
    machine = check.machines[connection.machine]
    if connection.direction == TO_PROXY:
        return machine.instance_id, proxy
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
