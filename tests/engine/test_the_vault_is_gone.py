"""A deleted vault: what went with it leaves the state, and migrated machines stay recorded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.harness import GROUP, MACHINES_GROUP, VAULT, Stack

pytestmark = pytest.mark.engine

VAULTS = f"resourceGroups/{GROUP}/providers/Microsoft.RecoveryServices/vaults"
SERVER = "**:Instance::server"


@pytest.fixture(scope="module", autouse=True)
def before(stack: Stack) -> dict[str, object]:
    """AWS before the stack exists."""
    return stack.clouds.aws()


@pytest.fixture(scope="module")
def fleet(stack: Stack) -> None:
    """One migrated machine, and one that replicates."""
    stack.declare(pilot=("migrated", ["web-01"]), rest=("protected", ["web-02"]))
    stack.waves["pilot"]["requireTestFailover"] = False
    up = stack.up()
    assert up.code == 0, up.text


def empty_the_vault(stack: Stack) -> None:
    """Remove replication, policy association and server, as a person does it in the portal."""
    client = stack.clouds.site_recovery()
    nothing: dict[str, Any] = {"properties": {}}
    now: dict[str, Any] = {"polling_interval": 0.1}
    for item in client.replication_protected_items.list(GROUP, VAULT):
        fabric, container, name = str(item.id).split("/")[-5::2]
        items = client.replication_protected_items
        items.begin_delete(GROUP, VAULT, fabric, container, name, nothing, **now).result()
    mappings = client.replication_protection_container_mappings
    for mapping in mappings.list(GROUP, VAULT):
        fabric, container, name = str(mapping.id).split("/")[-5::2]
        mappings.begin_delete(GROUP, VAULT, fabric, container, name, nothing, **now).result()
    for server in client.replication_fabrics.list(GROUP, VAULT):
        client.replication_fabrics.begin_delete(GROUP, VAULT, str(server.name), **now).result()


@pytest.mark.usefixtures("fleet")
def test_up_changes_nothing_and_says_what_to_do(stack: Stack) -> None:
    empty_the_vault(stack)
    stack.clouds.delete(f"{VAULTS}/{VAULT}", "2024-10-01")
    before = stack.clouds.audit()

    up = stack.up()

    assert up.code != 0
    assert f"the vault {VAULT} of resource group {GROUP} is gone" in up.text
    assert "Run pulumi refresh" in up.text
    assert "Traceback" not in up.text
    assert stack.clouds.audit() == before


def test_refresh_forgets_what_went_with_it_and_keeps_what_is_migrated(stack: Stack) -> None:
    refresh = stack.refresh()

    assert refresh.code == 0, refresh.text
    left = {resource["type"].rpartition(":")[2] for resource in stack.resources()}
    assert left.isdisjoint({"Registration", "Mapping", "Clearance"})
    assert stack.recorded("web-02") is None
    assert (stack.recorded("web-01") or {})["observed_phase"] == "migrated"
    assert "the record of the migrated machines is kept: web-01" in refresh.line("pilot")


def test_up_makes_it_anew_and_migrates_nothing_twice(stack: Stack) -> None:
    before = stack.clouds.operations("web-01")

    up = stack.up("--replace", SERVER)

    assert up.code == 0, up.text
    assert stack.clouds.operations("web-01") == before
    assert stack.machine("web-01")["observedPhase"] == "migrated"
    assert stack.machine("web-02")["observedPhase"] == "protected"


def test_destroy_says_that_all_is_gone_and_removes_the_rest(
    stack: Stack, before: dict[str, object]
) -> None:
    empty_the_vault(stack)
    stack.clouds.delete(f"resourceGroups/{GROUP}", "2024-03-01")
    stack.clouds.advance(600)
    assert set(stack.clouds.azure()) == {MACHINES_GROUP}

    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert "Traceback" not in destroy.text
    gone = f"the vault {VAULT} of resource group {GROUP} is gone, and with it"
    for resource in ("web-02", "rest", "mapping", "registration"):
        assert gone in destroy.line(resource)
    assert stack.resources() == []
    assert stack.clouds.aws() == before
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"web-01"}
