"""What is read from a stack's state and from a preview, and what is given to `pulumi import`."""

from __future__ import annotations

from typing import Any

from recover.declared import Declared, planned, record
from recover.engine import import_file

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
PARENT = "urn:pulumi:dev::p::ec2-to-azure:components:Vault::vault"
VAULT = "azure-native:recoveryservices:Vault"
URN = f"urn:pulumi:dev::p::ec2-to-azure:components:Vault${VAULT}::vault"
PROVIDER = "urn:pulumi:dev::p::pulumi:providers:azure-native::default_3_29_0"
CONFIGURED = {"subscriptionId": "1", "version": "3.29.0"}
NEW: dict[str, Any] = {
    "urn": URN,
    "type": VAULT,
    "custom": True,
    "parent": PARENT,
    "provider": f"{PROVIDER}::0a1b",
    "inputs": {"vaultName": "rsv"},
}
RESOURCES: list[dict[str, Any]] = [
    {"urn": STACK, "type": "pulumi:pulumi:Stack"},
    {"urn": PROVIDER, "type": "pulumi:providers:azure-native", "inputs": CONFIGURED},
    {"urn": PARENT, "type": "ec2-to-azure:components:Vault", "parent": STACK},
]
DECLARED = Declared(URN, VAULT, PARENT, {"vaultName": "rsv"}, CONFIGURED)


def pending(kind: str, **resource: Any) -> dict[str, Any]:
    return {"type": kind, "resource": {**NEW, **resource}}


def test_only_what_a_run_began_to_create_is_pending_and_once() -> None:
    operations = [pending("creating"), pending("creating"), pending("updating", urn="other")]

    state = record({"resources": RESOURCES, "pending_operations": operations})

    assert state.pending == (DECLARED,)
    assert state.root == STACK
    assert set(state.recorded) == {STACK, PROVIDER, PARENT}


def test_a_stack_without_a_record_has_no_root() -> None:
    assert record({}).root == ""
    assert record({}).pending == ()


def test_a_preview_tells_what_a_run_would_create() -> None:
    steps = [
        {"op": "create", "newState": NEW},
        {"op": "create", "newState": {**NEW, "type": "c:d:E", "custom": False}},
        {"op": "create", "newState": {**RESOURCES[1], "custom": True}},
        {"op": "same", "newState": NEW},
        {"op": "create-replacement", "newState": NEW},
        {"op": "delete", "oldState": NEW},
    ]

    assert list(planned(steps, {PROVIDER: CONFIGURED})) == [DECLARED]


def test_what_needs_a_provider_that_was_never_recorded_was_never_made() -> None:
    assert list(planned([{"op": "create", "newState": NEW}], {"another": {}})) == []


def test_an_import_names_parent_and_version() -> None:
    assert import_file([(DECLARED, "/vaults/rsv")]) == {
        "nameTable": {"resource-0": PARENT},
        "resources": [
            {
                "type": VAULT,
                "name": "vault",
                "id": "/vaults/rsv",
                "parent": "resource-0",
                "version": "3.29.0",
            }
        ],
    }


def test_an_import_names_a_provider_that_the_program_declares() -> None:
    own = "urn:pulumi:dev::p::pulumi:providers:azure-native::machines-subscription"
    step = {"op": "create", "newState": {**NEW, "provider": f"{own}::0a1b"}}
    [declared] = planned([step], {own: {"subscriptionId": "2", "version": "3.29.0"}})

    file = import_file([(declared, "/vaults/rsv")])

    assert declared.configured("subscriptionId") == "2"
    [entry] = file["resources"]
    assert file["nameTable"][entry["provider"]] == own
    assert file["nameTable"][entry["parent"]] == PARENT
    assert "version" not in entry, "it is that of the provider"
