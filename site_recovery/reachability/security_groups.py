"""Whether security groups permit a connection.

They are stateful: an answer needs no rule. Source: Amazon VPC, "Security group rules".
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from site_recovery.reachability.network import (
    EVERYWHERE,
    Match,
    Rule,
    SecurityGroup,
    Verdict,
    shown,
)


def leaves(
    groups: Mapping[str, SecurityGroup],
    own: frozenset[str],
    port: int,
    end: IPv4Network,
    its_groups: frozenset[str] | None = frozenset(),
) -> Verdict:
    """Whether the groups `own` permit an outgoing TCP connection to a port of `end`.

    `its_groups` is None for an end outside the VPC, which may be in a group of a peered one.
    """
    return _decide(groups, own, port, end, its_groups, egress=True)


def leaves_at_all(
    groups: Mapping[str, SecurityGroup], own: frozenset[str], port: int, whom: str
) -> Verdict:
    """Whether the groups `own` permit an outgoing TCP connection to a port of anyone.

    `whom` names the end, whose address is not known.
    """
    for group_id in sorted(own & groups.keys()):
        for rule in groups[group_id].egress:
            if rule.covers(port):
                words = f"{_ports(rule)} to {rule.other_side}"
                return Verdict(True, f"{_named(groups[group_id])}: {words}")
    return _nothing(groups, own, f"egress rule for tcp {port} to {whom}")


def enters(
    groups: Mapping[str, SecurityGroup],
    own: frozenset[str],
    port: int,
    end: IPv4Network,
    its_groups: frozenset[str] = frozenset(),
) -> Verdict:
    """Whether the groups `own` permit an incoming TCP connection from `end` to a port."""
    return _decide(groups, own, port, end, its_groups, egress=False)


def _decide(
    groups: Mapping[str, SecurityGroup],
    own: frozenset[str],
    port: int,
    end: IPv4Network,
    its_groups: frozenset[str] | None,
    *,
    egress: bool,
) -> Verdict:
    towards, kind = ("to", "egress") if egress else ("from", "ingress")
    partly: str | None = None
    for group_id in sorted(own & groups.keys()):
        group = groups[group_id]
        for rule in group.egress if egress else group.ingress:
            if not rule.covers(port):
                continue
            words = f"{_named(group)}: {_ports(rule)} {towards} {rule.other_side}"
            match _match(rule, end, its_groups):
                case Match.ALL:
                    return Verdict(True, words)
                case Match.PART if rule.peered:
                    partly = partly or f"{words}, a group of a peered VPC, which is not read"
                case Match.PART:
                    partly = partly or f"{words}, which is only a part of {shown(end)}"
    if partly is not None:
        return Verdict(True, partly)
    return _nothing(groups, own, f"{kind} rule for tcp {port} {towards} {shown(end)}")


def _nothing(groups: Mapping[str, SecurityGroup], own: frozenset[str], rule: str) -> Verdict:
    names = " and ".join(_named(groups[each]) if each in groups else each for each in sorted(own))
    return Verdict(False, f"{names or 'no security group'}: no {rule}")


def _match(rule: Rule, end: IPv4Network, its_groups: frozenset[str] | None) -> Match:
    if rule.group is not None:
        if end == EVERYWHERE:
            return Match.NONE
        if its_groups is None:
            return Match.PART if rule.peered else Match.NONE
        return Match.ALL if rule.group in its_groups else Match.NONE
    return rule.peer.match(end) if rule.peer is not None else Match.NONE


def _named(group: SecurityGroup) -> str:
    return f"{group.group_id} ({group.name})" if group.name else group.group_id


def _ports(rule: Rule) -> str:
    if rule.protocol == "-1":
        return "everything"
    first, last = rule.ports
    return f"tcp {first}" if first == last else f"tcp {first}-{last}"
