"""Names and ranges that preview lets through the emulator accepts, and those it refuses too."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import strategies as st

from emulator import front
from emulator.estate.static import StaticEstate
from emulator.guests import computer_names
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.recovery_services.replication import azure_machines
from tests.emulator.agreement.effort import accepted, both_ways
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm
from tests.settings import configs

_WHERE = {"location": "westeurope"}
_LETTERS = string.ascii_letters + string.digits + "-_.()"
_TEST = "-test"
"""What Site Recovery adds to the name of the virtual machine of a test."""


@dataclass(frozen=True)
class Kind:
    """A kind of name.

    Attributes:
        at: its key in the config.
        judge: whether the emulator takes a name.
        known: names on both sides of its rule.
        good: the characters of names that are taken.
        longest: of such names.
    """

    at: tuple[str, ...]
    judge: Callable[[Arm, str], bool]
    known: tuple[str, ...]
    good: str = string.ascii_lowercase + string.digits
    longest: int = 24


def _of_group(arm: Arm, name: str) -> bool:
    path = f"{SUBSCRIPTION}/resourceGroups/{quote(name, safe='')}"
    return accepted(arm.call("PUT", path, _WHERE).status)


def _in_group(provider: str, **body: Any) -> Callable[[Arm, str], bool]:
    def judge(arm: Arm, name: str) -> bool:
        path = f"{GROUP}/providers/{provider}/{quote(name, safe='')}"
        return accepted(arm.call("PUT", path, {**_WHERE, **body}).status)

    return judge


def _subnet(arm: Arm, name: str) -> bool:
    subnet = {"name": name, "properties": {"addressPrefix": "10.0.1.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    path = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-subnets"
    return accepted(arm.call("PUT", path, {**_WHERE, "properties": space}).status)


def _server(_: Arm, name: str) -> bool:
    return computer_names.after_renaming(name, "EC2AMAZ-0000000") == name


def _machine(_: Arm, name: str) -> bool:
    return azure_machines.name_problem(name) is None and len(f"{name}{_TEST}") <= 64


KINDS = {
    "server": Kind(
        ("source", "replicationAppliance", "name"),
        _server,
        ("asr", "12345", "asr-", "-asr", "asr.corp", "asr_1", "a" * 15, "a" * 16, "ASR-01", "ä"),
        string.ascii_letters,
        15,
    ),
    "resource group": Kind(
        ("target", "resourceGroup"),
        _of_group,
        ("rg.", "rg", "(rg)", "rg_ü", "größe", "日本", "группа", "rg·1", "rg²", "r g", "rg/1"[:2]),
        "abcäßéλж日本_-()1",
        90,
    ),
    "storage account": Kind(
        ("target", "cacheStorageAccount"),
        _in_group("Microsoft.Storage/storageAccounts", sku={"name": "Standard_LRS"}, kind="StorageV2"),
        ("stabc", "STABC", "st-1", "a1", "xbox", "stwindows", "login0", "mylogin", "microsoft1", "azure"),
    ),
    "vault": Kind(
        ("target", "vault"),
        _in_group("Microsoft.RecoveryServices/vaults", sku={"name": "Standard"}, properties={}),
        ("rsv", "1rsv", "r", "rsv_1", "rsv-", "azure", "windows-rsv"),
        string.ascii_letters,
        50,
    ),
    "network": Kind(
        ("target", "network", "name"),
        _in_group(
            "Microsoft.Network/virtualNetworks",
            properties={"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
        ),
        ("vnet.", "vnet_", "v", "vnet-1", "vnet-"),
        string.ascii_letters + "_",
        64,
    ),
    "virtual machine": Kind(
        ("machines", "web-01", "target", "vmName"),
        _machine,
        ("web-01", "web_01", "WEB", "office", "officer", "xbox", "a-windows", "0", "login", "catalogin"),
        string.ascii_letters + string.digits,
        59,
    ),
}  # fmt: skip


@st.composite
def names(draw: st.DrawFn) -> tuple[str, str]:
    """A kind, and a name: a good one, one that is nearly right, or one of any characters."""
    which = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[which]
    good = st.text(kind.good, min_size=3, max_size=kind.longest)
    near = st.text(_LETTERS, min_size=1, max_size=30)
    edge = st.sampled_from([-1, 0, 1]).map(lambda more: "n" * (kind.longest + more))
    odd = st.text(min_size=1, max_size=6).filter(lambda text: "/" not in text)
    shared = st.sampled_from(
        ["login1", "windows1", "amicrosoft", "größe", "日本", "a b", "-a", "a-"]
    )
    name = draw(good | good | near | edge | odd | shared | st.sampled_from(kind.known))
    return which, name


@pytest.fixture(scope="module")
def cloud() -> Iterator[Arm]:
    store = Store()
    arm = Arm(front.create(store, Clock(), seed=7, estate=StaticEstate()))
    arm.put(GROUP, _WHERE)
    yield arm
    store.close()


def preview(*location: str, value: Any) -> bool:
    """Whether preview lets a value through; what does not concern its place does not count."""
    config = configs.put(configs.modernized(), *location, value=value)
    place = ".".join(location)
    return not any(at.startswith(place) for at in configs.report(config))


def test_names(cloud: Arm) -> None:
    def answers(case: tuple[str, str]) -> tuple[bool, bool]:
        kind = KINDS[case[0]]
        return preview(*kind.at, value=case[1]), kind.judge(cloud, case[1])

    both_ways(names(), answers)


_octet = st.sampled_from([0, 1, 10, 20, 127, 168, 169, 172, 192, 223, 224, 254, 255])
_prefixes = st.builds(
    lambda a, b, length, bits: f"{a}.{b}.{bits}.0/{length}",
    st.integers(0, 255) | _octet,
    st.sampled_from([0, 16, 63, 64, 168, 254]),
    st.sampled_from([0, 1, 2, 4, 7, 8, 9, 12, 16, 16, 20, 24, 24, 29, 30, 32]),
    st.sampled_from([0, 0, 0, 0, 0, 1, 129]),
) | st.sampled_from(
    ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/016", "10.0.0/8", "::/64", "168.63.129.16/29"]
)


def test_ranges_of_networks(cloud: Arm) -> None:
    def answers(prefix: str) -> tuple[bool, bool]:
        path = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-ranges"
        body = {
            **_WHERE,
            "properties": {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": []},
        }
        ours = configs.put(configs.modernized(), "target", "network", "addressSpace", value=prefix)
        refused = any(at == "target.network.addressSpace" for at in configs.report(ours))
        return not refused, accepted(cloud.call("PUT", path, body).status)

    both_ways(_prefixes, answers)
