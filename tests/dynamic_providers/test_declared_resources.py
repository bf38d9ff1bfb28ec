"""Which inputs a program has to give a dynamic resource, and which the declaration adds."""

from __future__ import annotations

import base64
from typing import Any

import pulumi
import pytest
from pulumi.dynamic import DiffResult
from pulumi.dynamic.dynamic import serialize_provider

from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs, Recorded
from dynamic_providers.agent_rollout import AgentRolloutProvider
from dynamic_providers.connectivity_check import ConnectivityCheckProvider
from dynamic_providers.container_mapping import ContainerMappingProvider
from dynamic_providers.declared import DeclaredResource
from dynamic_providers.fabric_registration import FabricRegistrationProvider
from dynamic_providers.fence_clearance import FenceClearanceProvider
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.protected_item import ProtectedItemProvider
from dynamic_providers.vault_clearance import VaultClearanceProvider
from dynamic_providers.vault_credentials import VaultCredentialsProvider
from tests.components.harness import deploy

PROVIDERS = [
    AgentRolloutProvider,
    ConnectivityCheckProvider,
    ContainerMappingProvider,
    FabricRegistrationProvider,
    FenceClearanceProvider,
    MigrationWaveProvider,
    ProtectedItemProvider,
    VaultClearanceProvider,
    VaultCredentialsProvider,
]


class DoorInputs(Inputs):
    width: float
    colour: str = "white"
    urn: str


class DoorOutputs(Outputs):
    number: str


class DoorProvider(MigrationProvider[DoorInputs, DoorOutputs]):
    only_for_check = ("preview", "neighbour")

    async def on_diff(
        self, recorded: Recorded[DoorInputs, DoorOutputs], news: dict[str, Any]
    ) -> DiffResult:
        return DiffResult(changes=bool(recorded.replaced(news, "width")))

    async def on_create(self, inputs: DoorInputs) -> tuple[str, DoorOutputs]:
        return "door", DoorOutputs(number="1")

    async def on_read(
        self, id_: str, recorded: Recorded[DoorInputs, DoorOutputs]
    ) -> tuple[DoorInputs, DoorOutputs]:
        return recorded.inputs, recorded.outputs


class Door(DeclaredResource, name="Door", provider=DoorProvider):
    number: pulumi.Output[str]


def test_a_declaration_says_the_inputs_and_the_rest_is_filled_in() -> None:
    door = deploy(lambda: Door("front", width=0.9, neighbour="none")).one("Door")
    assert door.type == "pulumi-python:dynamic/asr:Door"
    given = {name: value for name, value in door.inputs.items() if name != "__provider"}
    urn = "urn:pulumi:test::ec2-to-azure::pulumi-python:dynamic/asr:Door::front"
    assert given == {"width": 0.9, "neighbour": "none", "preview": False, "urn": urn}


def test_an_unknown_input_is_an_error() -> None:
    with pytest.raises(TypeError, match="Door 'front': unexpected input: heigth"):
        Door("front", width=0.9, heigth=2.0)


def test_an_input_without_a_default_is_required() -> None:
    with pytest.raises(TypeError, match="Door 'front': missing input: width"):
        Door("front", colour="red")


@pytest.mark.parametrize("annotated", [{}, {"number": str, "handle": str}])
def test_every_output_is_annotated_and_nothing_else(annotated: dict[str, Any]) -> None:
    body = {"__annotations__": annotated}
    with pytest.raises(TypeError, match="annotate each output of DoorOutputs"):
        type("Gate", (DeclaredResource,), body, name="Gate", provider=DoorProvider)


def test_inputs_only_for_check_are_not_recorded() -> None:
    news = {"width": 0.9, "urn": "urn", "preview": True, "neighbour": "none"}
    assert DoorProvider().check({}, news).inputs == {"width": 0.9, "urn": "urn"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_engine_stores_no_more_of_a_provider_than_its_name(
    provider: type[MigrationProvider[Any, Any]],
) -> None:
    stored = base64.b64decode(serialize_provider(provider()))
    assert len(stored) < 120
    assert provider.__name__.encode() in stored
    assert provider.serialize_as_secret_always is False
