"""The further network interfaces of a target: what an item shows of them, and what it should show.

The first interface is part of the target's own settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from site_recovery.declared.interfaces import InterfaceSpec, SourceInterface, named, same_mac


@dataclass(frozen=True)
class InterfaceSettings:
    """One further interface. None means that no value is wanted, or that none is shown.

    Attributes:
        mac: its MAC address, which is its id in an item.
        source: its private address in the machine; empty if that is not known.
        key: the key under which the config names it; empty if it does not.
        selected: whether a failover makes it.
        private_ip, test_private_ip: empty if Azure chooses the address.
    """

    mac: str
    source: str = ""
    key: str = ""
    selected: bool | None = None
    subnet: str | None = None
    private_ip: str | None = None
    test_subnet: str | None = None
    test_private_ip: str | None = None

    @property
    def is_made(self) -> bool:
        """Whether a failover makes it, which is so unless it was left out."""
        return self.selected is not False

    def over(self, present: InterfaceSettings) -> InterfaceSettings:
        """These values, with those of `present` in place of None."""
        told: dict[str, Any] = {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) is not None
            and (value != "" or each.name in _ADDRESSES)
        }
        return replace(present, **{**told, "mac": present.mac})

    def differences(self, present: InterfaceSettings) -> list[str]:
        """Which of these values differ in `present`, in words."""
        return [
            f"interface {self.key} {words}"
            for name, words in _WORDS.items()
            if _differ(getattr(self, name), getattr(present, name))
        ]


_ADDRESSES = ("private_ip", "test_private_ip")
_WORDS = {
    "selected": "left out or taken along",
    "subnet": "subnet",
    "private_ip": "private address",
    "test_subnet": "test subnet",
    "test_private_ip": "address in the test",
}


def fresh(one: InterfaceSettings) -> InterfaceSettings:
    """An interface as an item shows it right after protection is enabled.

    The request that enables it has no interfaces: all are taken along, with addresses of Azure's
    choice, and their subnets are not told.
    """
    return InterfaceSettings(
        one.mac, selected=True, subnet="", private_ip="", test_subnet="", test_private_ip=""
    )


def wanted(
    specs: Mapping[str, InterfaceSpec], sources: Sequence[SourceInterface]
) -> tuple[InterfaceSettings, ...]:
    """What an item should show of the interfaces that the config names.

    Args:
        specs: what is declared, by the keys of the config.
        sources: the interfaces of the instance. What none of them is meant by is left out.
    """
    return tuple(
        InterfaceSettings(
            source.mac,
            source.address,
            key,
            selected=not spec.leave_out,
            subnet=spec.subnet,
            private_ip=spec.static_ip,
            test_subnet=spec.test_subnet,
            test_private_ip=spec.static_test_ip,
        )
        for key, spec in specs.items()
        if (source := named(key, sources)) is not None
    )


def match(one: InterfaceSettings, among: Sequence[InterfaceSettings]) -> InterfaceSettings | None:
    """The same interface in another list: by its MAC address, else by its address; or None."""
    by_mac = next((each for each in among if same_mac(each.mac, one.mac)), None)
    if by_mac is not None or not one.source:
        return by_mac
    return next((each for each in among if each.source == one.source), None)


def merged(
    wanted: Sequence[InterfaceSettings], present: Sequence[InterfaceSettings]
) -> tuple[InterfaceSettings, ...]:
    """Those of an item, with what is wanted of them."""
    return tuple(
        asked.over(each) if (asked := match(each, wanted)) is not None else each for each in present
    )


def missing(
    wanted: Sequence[InterfaceSettings], present: Sequence[InterfaceSettings]
) -> tuple[InterfaceSettings, ...]:
    """Those that are wanted and that an item does not have."""
    return tuple(each for each in wanted if match(each, present) is None)


def _differ(wanted: str | bool | None, present: str | bool | None) -> bool:
    if wanted is None or isinstance(wanted, bool):
        return wanted is not None and wanted is not present
    # An item that shows no subnet for an interface was given none.
    return wanted.lower() != str(present or "").lower()
