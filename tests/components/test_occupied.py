"""What holds machines is not replaced, nor are its addresses changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pulumi
import pytest

from components import occupied, record
from components.occupied import Occupied
from site_recovery.arm_ids import VaultId
from site_recovery.errors import MigrationError
from site_recovery.subnets import Holder, Network, Subnet
from tests.components.harness import deploy

GROUP = "/subscriptions/1/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-test"
INTERFACE = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic-web-01-test"


class World:
    """The stack's record, the machines of its vault, and what is in its test network."""

    def __init__(self) -> None:
        self.recorded = [
            {"urn": "urn::vault", "type": "azure-native:recoveryservices:Vault", "id": VAULT},
            {"urn": "urn::production", "type": "azure-native:network:VirtualNetwork", "id": "/x"},
            {"urn": "urn::test", "type": "azure-native:network:VirtualNetwork", "id": NETWORK},
        ]
        self.machines: list[str] = []
        self.holders: tuple[Holder, ...] = ()
        self.exports = 0

    def resources(self) -> list[dict[str, str]]:
        self.exports += 1
        return self.recorded

    async def machines_in(self, _: object, vault: VaultId) -> list[str]:
        assert str(vault) == VAULT
        return self.machines

    async def read(self, _: object, wanted: Mapping[str, Any]) -> dict[str, Network]:
        assert list(wanted) == [NETWORK]
        return {NETWORK: Network(NETWORK, (Subnet("Servers", ("10.1.0.0/24",), self.holders),))}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(record, "resources", made.resources)
    monkeypatch.setattr(occupied, "machines_in", made.machines_in)
    monkeypatch.setattr("site_recovery.azure.networks.read", made.read)
    return made


@asynccontextmanager
async def connect(subscription: str) -> AsyncIterator[None]:
    assert subscription == "1"
    yield


def call(
    hook: str,
    *,
    vault: str = VAULT,
    network: str = NETWORK,
    experience: Any = "classic",
    offline: bool = False,
    **inputs: Any,
) -> None:
    """What the engine calls before it makes or changes the test network."""
    made = deploy(lambda: Occupied(vault, network, experience, offline, connect).network_hooks)
    found = {**made.hooks}[hook]
    assert found.opts is not None
    assert found.opts.on_dry_run, "a preview says it too"
    called = found(pulumi.ResourceHookArgs("urn", NETWORK, "test", "type", **inputs))
    assert isinstance(called, Coroutine)
    asyncio.run(called)


class TestAVault:
    @pytest.fixture(autouse=True)
    def with_machines(self, world: World) -> None:
        world.machines = ["app-01", "web-01"]

    @pytest.mark.parametrize("experience", ["classic", "modernized"])
    def test_with_machines_in_it_is_not_renamed_or_moved(self, experience: str) -> None:
        said = (
            r"target\.vault: app-01, web-01 replicate in vault rsv of rg, .* makes it other of rg"
        )
        with pytest.raises(MigrationError, match=said):
            call("unoccupied", vault=VAULT.replace("rsv", "other"), experience=experience)

    def test_that_stays_lets_other_things_be_made(self) -> None:
        call("unoccupied", vault=VAULT.replace("resourceGroups/rg", "resourcegroups/RG"))

    def test_that_is_empty_may_go(self, world: World) -> None:
        world.machines = []
        call("unoccupied", vault=VAULT.replace("rsv", "other"))

    def test_of_a_new_stack_is_not_asked_for(self, world: World) -> None:
        world.recorded = []
        call("unoccupied")

    def test_is_looked_at_once_for_all_that_is_made(self, world: World) -> None:
        hooks = deploy(
            lambda: Occupied(VAULT, NETWORK, "modernized", offline=False, connect=connect).hooks
        ).hooks
        args = pulumi.ResourceHookArgs("urn", "", "cache", "type")

        async def all_at_once() -> None:
            await asyncio.gather(*(hooks["unoccupied"](args) for _ in range(3)))  # type: ignore[arg-type]

        asyncio.run(all_at_once())
        assert world.exports == 1


class TestATestNetwork:
    @pytest.fixture(autouse=True)
    def with_tests(self, world: World) -> None:
        world.holders = (Holder(INTERFACE, "10.1.0.4"),)

    def test_with_tests_in_it_is_not_replaced(self) -> None:
        said = r"target\.testNetwork: nic-web-01-test of test failovers are in .* vnet-test of rg"
        with pytest.raises(MigrationError, match=said):
            call("unoccupied", network=f"{NETWORK}-2")

    def test_of_the_modernized_experience_is_left_by_its_wave(self) -> None:
        call("unoccupied", network=f"{NETWORK}-2", experience="modernized")

    @pytest.mark.parametrize(
        "subnets",
        [
            [{"name": "servers", "addressPrefix": "10.9.0.0/24"}],
            [{"name": "other", "addressPrefix": "10.1.0.0/24"}],
            [],
        ],
    )
    def test_keeps_the_addresses_that_are_in_use(self, subnets: list[dict[str, str]]) -> None:
        before = {"subnets": [{"name": "servers", "addressPrefix": "10.1.0.0/24"}]}
        said = r"target\.testNetwork\.subnet: servers \(10\.1\.0\.0/24\) of vnet-test would be"
        with pytest.raises(MigrationError, match=said):
            call("unoccupied-subnets", old_inputs=before, new_inputs={"subnets": subnets})

    def test_may_change_otherwise(self) -> None:
        subnets = {"subnets": [{"name": "servers", "addressPrefix": "10.1.0.0/24"}]}
        call("unoccupied-subnets", old_inputs=subnets, new_inputs={**subnets, "tags": {"a": "b"}})

    def test_that_is_empty_may_change(self, world: World) -> None:
        world.holders = ()
        before = {"subnets": [{"name": "servers", "addressPrefix": "10.1.0.0/24"}]}
        call("unoccupied-subnets", old_inputs=before, new_inputs={"subnets": []})


def test_a_record_that_cannot_be_read_is_told_and_keeps_nothing_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread() -> list[dict[str, str]]:
        raise MigrationError("no such program")

    told: list[str] = []
    monkeypatch.setattr(record, "resources", unread)
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    call("unoccupied", vault=VAULT.replace("rsv", "other"))
    assert told == ["nobody looked whether machines are in what is replaced: no such program"]


def test_an_offline_preview_asks_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    world.machines = ["web-01"]
    call("unoccupied", vault=VAULT.replace("rsv", "other"), offline=True)
    assert world.exports == 0
