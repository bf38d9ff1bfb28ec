"""Names and ranges that preview lets through the emulator accepts, and those it refuses too."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import front
from emulator.estate.static import StaticEstate
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.recovery_services.replication import azure_machines
from tests.emulator.agreement.effort import accepted, agreement
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm
from tests.settings import configs

_WHERE = {"location": "westeurope"}
_LETTERS = string.ascii_letters + string.digits + "-_.()"


def names(*known: str) -> st.SearchStrategy[str]:
    """Names of all kinds: plain ones, ones that are nearly right, and ones of any characters."""
    plain = st.text(_LETTERS, min_size=1, max_size=30)
    long = st.sampled_from([2, 3, 24, 25, 49, 50, 51, 63, 64, 65, 79, 80, 81, 89, 90, 91])
    odd = st.text(min_size=1, max_size=6).filter(lambda text: "/" not in text)
    words = st.sampled_from(
        ["login1", "mylogin", "xbox", "windows1", "amicrosoft", "größe", "日本", "a b", "-a", "a-"]
    )
    return plain | long.map(lambda length: "n" * length) | odd | words | st.sampled_from(known)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Arm]:
    store = Store()
    arm = Arm(front.create(store, Clock(), seed=7, estate=StaticEstate()))
    arm.put(GROUP, _WHERE)
    yield arm
    store.close()


def preview(*location: str, value: Any) -> bool:
    """Whether preview lets a value through; what does not concern its place does not count."""
    config = configs.put(configs.modernized(), "target", *location, value=value)
    place = ".".join(("target", *location))
    return not any(at.startswith(place) for at in configs.report(config))


@agreement
@given(name=names("rg.", "rg", "(rg)", "rg_ü"))
def test_names_of_resource_groups(cloud: Arm, name: str) -> None:
    path = f"{SUBSCRIPTION}/resourceGroups/{quote(name, safe='')}"
    assert preview("resourceGroup", value=name) == accepted(cloud.call("PUT", path, _WHERE).status)


@agreement
@given(name=names("stabc", "STABC", "st-1", "a1", "xbox", "stwindows", "login0"))
def test_names_of_storage_accounts(cloud: Arm, name: str) -> None:
    path = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{quote(name, safe='')}"
    body = {**_WHERE, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    assert preview("cacheStorageAccount", value=name) == accepted(
        cloud.call("PUT", path, body).status
    )


@agreement
@given(name=names("rsv", "1rsv", "r", "rsv_1", "rsv-"))
def test_names_of_vaults(cloud: Arm, name: str) -> None:
    path = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/{quote(name, safe='')}"
    body = {**_WHERE, "sku": {"name": "Standard"}, "properties": {}}
    assert preview("vault", value=name) == accepted(cloud.call("PUT", path, body).status)


@agreement
@given(name=names("vnet.", "vnet_", "v", "vnet-1"))
def test_names_of_networks(cloud: Arm, name: str) -> None:
    path = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/{quote(name, safe='')}"
    body = {**_WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    assert preview("network", "name", value=name) == accepted(cloud.call("PUT", path, body).status)


@agreement
@given(name=names("web-01", "web_01", "WEB", "office", "officer"))
def test_names_of_machines(name: str) -> None:
    config = configs.put(configs.modernized(), "machines", "web-01", "target", "vmName", value=name)
    refused = azure_machines.name_problem(name) is not None or len(f"{name}-test") > 64
    assert (configs.report(config) != {}) == refused


_octet = st.sampled_from([0, 1, 10, 20, 127, 168, 169, 172, 192, 223, 224, 254, 255])
_prefixes = st.builds(
    lambda a, b, length, bits: f"{a}.{b}.{bits}.0/{length}",
    _octet,
    st.sampled_from([0, 16, 63, 64, 168, 254]),
    st.sampled_from([0, 1, 2, 4, 7, 8, 9, 12, 16, 24, 29, 30, 32]),
    st.sampled_from([0, 0, 0, 1, 129]),
) | st.sampled_from(
    ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/016", "10.0.0/8", "::/64", "168.63.129.16/29"]
)


@agreement
@given(prefix=_prefixes)
def test_ranges_of_networks(cloud: Arm, prefix: str) -> None:
    path = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-ranges"
    body = {**_WHERE, "properties": {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": []}}
    ours = configs.put(configs.modernized(), "target", "network", "addressSpace", value=prefix)
    refused = any(at == "target.network.addressSpace" for at in configs.report(ours))
    assert refused != accepted(cloud.call("PUT", path, body).status)
