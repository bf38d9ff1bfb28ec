"""Whether a network ACL allows packets.

ACLs are stateless: request and answer are checked separately, and traffic inside a subnet is not
checked at all. Source: Amazon VPC, "Control subnet traffic with network access control lists".
"""

from __future__ import annotations

from ipaddress import IPv4Network

from site_recovery.reachability.network import PORTS, AclEntry, Match, NetworkAcl, Verdict, shown

_TCP = ("-1", "6", "tcp")
"""Protocols of entries that apply to TCP; EC2 always answers the number."""


def passes(acl: NetworkAcl, ports: tuple[int, int], end: IPv4Network, *, egress: bool) -> Verdict:
    """Whether TCP packets to all ports of a range are allowed.

    Args:
        acl: the ACL of the subnet.
        ports: the first and the last destination port.
        end: the addresses outside the subnet: the destination if `egress`, else the source.
        egress: whether the packets leave the subnet.

    Returns:
        Closed if any port of the range is denied, because an answer may arrive on each of them.
        An entry that denies only a part of `end` is ignored: the remote address may be in the
        rest.
    """
    words = f"tcp {_range(ports)} {'to' if egress else 'from'} {shown(end)}"
    side = "egress" if egress else "ingress"
    left = [ports]
    partly: AclEntry | None = None
    for entry in sorted(acl.entries, key=lambda each: each.number):
        if entry.egress is not egress or entry.protocol not in _TCP:
            continue
        covered = PORTS if entry.protocol == "-1" else entry.ports
        if not any(_common(part, covered) for part in left):
            continue
        match (entry.peer.match(end), entry.allow):
            case (Match.ALL, True):
                left = [rest for part in left for rest in _without(part, covered)]
                if not left:
                    return Verdict(True, f"{acl.acl_id} {side} rule {entry.shown}")
            case (Match.ALL, False) if partly is None:
                denied = next(both for part in left if (both := _common(part, covered)))
                what = words if denied == ports else f"{words} on {_range(denied)}"
                return Verdict(False, f"{acl.acl_id} {side} rule {entry.shown} denies {what}")
            case (Match.PART, True) if all(_common(part, covered) == part for part in left):
                partly = partly or entry
    if partly is not None:
        return Verdict(
            True,
            f"{acl.acl_id} {side} rule {partly.shown}, which is only for {partly.peer.name}",
        )
    return Verdict(False, f"{acl.acl_id} has no {side} rule for {words}")


def _common(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return (first, last) if first <= last else None


def _without(part: tuple[int, int], gone: tuple[int, int]) -> list[tuple[int, int]]:
    pieces = [(part[0], min(part[1], gone[0] - 1)), (max(part[0], gone[1] + 1), part[1])]
    return [piece for piece in pieces if piece[0] <= piece[1]]


def _range(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"
