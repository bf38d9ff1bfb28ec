"""No second server is started beside one that the stack's record lacks."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pulumi
import pytest

import components.only_server
from site_recovery.arm_ids import VaultId
from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG
from site_recovery.errors import MigrationError
from tests.components.harness import deploy
from tests.components.servers import INSTANCE

VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
ADDRESS = "10.0.0.4"
TAGS = {"Name": "asr-appliance", ROLE_TAG: "replication-appliance", VAULT_TAG: VAULT}


class World:
    """The live instances of EC2, and the ids in the stack's record."""

    def __init__(self) -> None:
        self.live: list[str] = []
        self.recorded: list[str] = []
        self.through: list[str] = []
        self.exports = 0
        self.code = 0

    def live_servers(self, role: str, vault_id: str, region: str) -> dict[str, str]:
        assert (role, vault_id, region) == ("replication-appliance", VAULT, "eu-west-1")
        return dict.fromkeys(self.live, ADDRESS)

    async def machines_through(
        self, _: object, vault: VaultId, server_name: str, experience: str
    ) -> list[str]:
        assert (str(vault), server_name, experience) == (VAULT, "asr-appliance", "modernized")
        return self.through

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[:5] == ["pulumi", "stack", "export", "--stack", "organization/p/dev"]
        self.exports += 1
        resources = [{"urn": "u"}, *({"urn": "u", "id": one} for one in self.recorded)]
        told = json.dumps({"deployment": {"resources": resources}})
        return subprocess.CompletedProcess(command, self.code, told, "no passphrase")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(components.only_server, "live_servers", made.live_servers)
    monkeypatch.setattr(components.only_server, "machines_through", made.machines_through)
    monkeypatch.setattr(subprocess, "run", made.run)
    for name, value in (("organization", "organization"), ("project", "p"), ("stack", "dev")):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda value=value: value)
    return made


def create(tags: Any, address: str | None = None) -> None:
    """What the engine calls before it creates the server's instance."""

    @asynccontextmanager
    async def connect(subscription: str) -> AsyncIterator[None]:
        assert subscription == "1"
        yield

    made = deploy(lambda: components.only_server.only_server("eu-west-1", connect))
    hook = made.hooks["only-server"]
    assert hook.opts is not None
    assert hook.opts.on_dry_run, "a preview says it too"
    inputs = {"tags": tags, **({"privateIp": address} if address else {})}
    called = hook(pulumi.ResourceHookArgs("urn", "", "server", INSTANCE, new_inputs=inputs))
    assert isinstance(called, Coroutine)
    asyncio.run(called)


def test_the_first_server_is_started_without_a_look_at_the_record(world: World) -> None:
    create(TAGS)

    assert world.exports == 0


def test_a_server_that_no_record_has_stops_the_run_with_the_way_out(world: World) -> None:
    world.live = ["i-1"]

    with pytest.raises(MigrationError, match=r"asr-appliance: i-1 in EC2 .* `make recover`"):
        create(TAGS)


def test_a_server_of_another_stack_over_the_vault_is_not_to_be_taken_or_terminated(
    world: World,
) -> None:
    world.live = ["i-1"]

    with pytest.raises(
        MigrationError, match=r"If another stack made it, leave it: .*target\.vault"
    ):
        create(TAGS)


def test_a_server_that_is_replaced_is_no_second_one(world: World) -> None:
    world.live = world.recorded = ["i-1"]

    create(TAGS)


def test_a_server_that_machines_replicate_through_is_not_replaced(world: World) -> None:
    world.live = world.recorded = ["i-1"]
    world.through = ["db-01", "web-01"]

    with pytest.raises(MigrationError, match=r"asr-appliance: .* db-01, web-01 replicate through"):
        create(TAGS)


def test_a_server_is_not_replaced_by_one_of_the_same_fixed_address(world: World) -> None:
    world.live = world.recorded = ["i-1"]

    with pytest.raises(
        MigrationError, match=r"asr-appliance: .* i-1 .* 10\.0\.0\.4: .* Terminate i-1"
    ):
        create(TAGS, ADDRESS)
    create(TAGS, "10.0.0.5")


def test_an_orphan_beside_the_server_that_is_replaced_is_named_alone(world: World) -> None:
    world.live, world.recorded = ["i-1", "i-2"], ["i-1"]

    with pytest.raises(MigrationError, match="asr-appliance: i-2 in EC2"):
        create(TAGS)


def test_no_server_can_be_there_before_its_vault_is(world: World) -> None:
    world.live = ["i-1"]

    create({**TAGS, VAULT_TAG: object()})


def test_a_record_that_cannot_be_read_stops_the_run(world: World) -> None:
    world.live, world.code = ["i-1"], 255

    with pytest.raises(MigrationError, match=r"cannot be read \(no passphrase\)"):
        create(TAGS)
