"""Rules about the addresses that machines shall have in Azure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from settings.draft import Draft
from settings.rules.target import targets
from settings.schema.target import Network
from site_recovery.config_paths import path
from site_recovery.declared import addresses
from site_recovery.problems import Problem


def _of_machines(draft: Draft) -> Iterator[Problem]:
    production, test = (
        (draft.target.network, draft.target.test_network) if draft.target else (None, None)
    )
    named = list(_named_addresses(draft))
    yield from _addresses([each for each in named if not each.in_test], production)
    yield from _addresses([each for each in named if each.in_test], test)


class _Address(NamedTuple):
    """An address in the config: its key, what it belongs to, and its subnet if that is named."""

    key: str
    owner: str
    address: str | None
    subnet: str | None
    in_test: bool


def _named_addresses(draft: Draft) -> Iterator[_Address]:
    for name, target in targets(draft):
        machine = path("machines", name)
        yield _Address("target.privateIp", machine, target.static_ip, target.subnet, in_test=False)
        yield _Address("target.testPrivateIp", machine, target.static_test_ip, None, in_test=True)
        for key, spec in (target.interfaces or {}).items():
            owner = path("machines", name, "target", "interfaces", key)
            subnet = spec.subnet or target.subnet
            yield _Address("privateIp", owner, spec.static_ip, subnet, in_test=False)
            yield _Address(
                "testPrivateIp", owner, spec.static_test_ip, spec.test_subnet, in_test=True
            )


def _addresses(named: Iterable[_Address], network: Network | None) -> Iterator[Problem]:
    """Judge addresses in a network."""
    users: dict[str, str] = {}
    for each in named:
        if not each.address:
            continue
        place = f"{each.owner}.{each.key}"
        other = users.setdefault(each.address, each.owner)
        if other != each.owner:
            yield Problem(
                place,
                f"{each.address} is the address of {other} too",
                f"Give one of them another {each.key}",
            )
        # Only the declared subnet has a known prefix; other subnets belong to an adopted network.
        # One that is not inside its network is reported itself.
        known = network.subnet if network is not None and _fits(network) else None
        if known is None or (each.subnet or known.name).lower() != known.name.lower():
            continue
        if not addresses.usable(each.address, known.address_prefix):
            yield Problem(
                place,
                f"{each.address} is not an address that a machine can have in subnet "
                f"{known.name!r} ({known.address_prefix})",
                "Take one inside it; Azure keeps the first four and the last",
            )


def _fits(network: Network) -> bool:
    return addresses.inside(network.subnet.address_prefix, network.address_space)


RULES = (_of_machines,)
