"""The network interfaces of a replicated machine, and where those of its virtual machine go.

The first one is the machine's primary interface, whose place is part of the item's target. That the
others begin in the same subnets is [inferred]. Sources: "Set up disaster recovery to Azure for
on-premises physical servers" (azure-docs: all adapters connect to the same network, and their
number is at most that of the size), and azure-powershell for the two selection types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.replication import references

NOT_SELECTED = "NotSelected"
"""The `selectionType` of an interface that a failover leaves out (azure-powershell)."""

_PLACE = ("subnet", "address", "testSubnet", "testAddress")
_TAKEN_BACK = ("address", "testAddress")


@dataclass(frozen=True)
class Interface:
    """An interface of a replicated machine.

    Attributes:
        mac: its hardware address, which is its id in the item (recorded).
        source: its private address in the machine.
        primary: whether it is the one by which the machine is reached.
        selected: whether a failover makes it.
        subnet, test_subnet: where; the second one may be None or empty.
        address, test_address: its static addresses; None takes the lowest free one.
    """

    mac: str
    source: str
    primary: bool
    selected: bool
    subnet: str
    address: str | None
    test_subnet: str | None
    test_address: str | None


def found(world: World, instance_id: str) -> list[Document]:
    """The interfaces that the agent finds: `mac` and `address`, the primary one first."""
    return [
        {"mac": one.mac.upper(), "address": one.address}
        for one in world.estate.network().interfaces_of(instance_id)
    ]


def of(item: Document) -> list[Interface]:
    """The interfaces of an item."""
    target, known = item[PRIVATE]["target"], item[PRIVATE]["machine"]["interfaces"]
    others = target.get("others", {})
    shown = []
    for place, one in enumerate(known):
        own = target if place == 0 else others.get(one["mac"]) or _beginning(target)
        shown.append(
            Interface(
                one["mac"],
                one["address"],
                primary=place == 0,
                selected=bool(own.get("selected", True)),
                subnet=own["subnet"],
                address=own.get("address"),
                test_subnet=own.get("testSubnet"),
                test_address=own.get("testAddress"),
            )
        )
    return shown


def change(
    item: Document, target: Document, nic_id: str | None, given: Mapping[str, Any], at: str
) -> None:
    """Apply to a target what an update says of an interface.

    Args:
        item: the item.
        target: the target so far; it is changed.
        nic_id: the interface.
        given: `subnet`, `address`, `testSubnet`, `testAddress` and `selected`; None for what the
            update does not say.
        at: the place of the interface in the body.

    Raises:
        ArmError: 400.
    """
    if nic_id is None:
        raise references.missing("nicId", at=at)
    macs = [one["mac"] for one in item[PRIVATE]["machine"]["interfaces"]]
    mac = next((each for each in macs if each.lower() == nic_id.lower()), None)
    if mac is None:
        raise references.invalid("nicId", f"The machine has no interface '{nic_id}'.", at=at)
    selected = given.get("selected")
    if mac == macs[0] and selected is False:
        raise _primary_left_out(nic_id, at)
    beginning = _beginning(item[PRIVATE]["target"])
    others = {each: target.get("others", {}).get(each, beginning) for each in macs[1:]}
    if mac == macs[0]:
        target |= _said(given)
    else:
        told = {} if selected is None else {"selected": selected}
        others[mac] = {**others[mac], **_said(given), **told}
    target["others"] = others


def address(value: str | None, name: str, at: str) -> str | None:
    """A static address of an update in its canonical form; an empty one takes one back.

    Raises:
        ArmError: 400.
    """
    return value and references.address(value, name, at)


def _said(given: Mapping[str, Any]) -> Document:
    """What changes. An empty address takes one back; that of a subnet says nothing [inferred]."""
    return {
        name: given[name] or None
        for name in _PLACE
        if given.get(name) or (given.get(name) is not None and name in _TAKEN_BACK)
    }


def _beginning(target: Document) -> Document:
    return {"subnet": target["subnet"], "testSubnet": target.get("testSubnet")}


def _primary_left_out(nic_id: str, at: str) -> ArmError:
    # [inferred]: a virtual machine cannot be without its primary interface.
    return references.invalid(
        "nicId", f"The primary interface '{nic_id}' has to be selected for failover.", at=at
    )
