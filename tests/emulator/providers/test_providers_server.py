from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from emulator.providers.errors import PartialFailureError, ProviderError
from emulator.providers.provider import StandInProvider
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Property
from emulator.providers.server import Servicer
from tests.emulator.providers.providers_client import struct, urn, values

TOKEN = "test:index:Thing"


class Thing(ResourceType):
    token = TOKEN
    inputs: Mapping[str, Property] = {"how": Property()}

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if inputs["how"] == "half":
            raise PartialFailureError("made but not ready", "thing-1", {"how": "half"})
        raise KeyError("surprise")

    def read(self, resource_id: str, state: Mapping[str, Any]) -> None:
        return None

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        raise ProviderError("no change")

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        raise ProviderError("no removal")


class Provider(StandInProvider):
    def use(self, config: dict[str, Any]) -> None:
        raise ProviderError("not needed")

    def explain(self, error: Exception) -> ProviderError | None:
        return None


@asynccontextmanager
async def engine() -> AsyncIterator[Any]:
    """A gRPC client of the provider, as the engine is one."""
    server = grpc.aio.server()
    servicer = Servicer("1.0.0", Provider("test", {}, [Thing()], {}), "")
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        await server.stop(grace=None)


async def create(how: str) -> grpc.aio.AioRpcError:
    request = provider_pb2.CreateRequest(urn=urn(TOKEN, "t"), properties=struct({"how": how}))
    async with engine() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Create(request)
    return raised.value


async def test_of_what_is_gone_there_is_neither_an_id_nor_a_property() -> None:
    """Without properties, the engine takes the resource as gone; with empty ones, as existing."""
    request = provider_pb2.ReadRequest(urn=urn(TOKEN, "t"), id="thing-1", type=TOKEN)
    async with engine() as stub:
        answer = await stub.Read(request)
    assert answer.id == ""
    assert not answer.HasField("properties")
    assert not answer.HasField("inputs")


async def test_what_was_made_but_is_not_ready_is_told_to_the_engine_with_its_id() -> None:
    error = await create("half")
    assert error.details() == "made but not ready"
    metadata = dict(error.trailing_metadata() or ())
    status: Any = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == "thing-1"
    assert values(detail.properties) == {"how": "half"}
    assert values(detail.inputs) == {"how": "half"}
    assert list(detail.reasons) == ["made but not ready"]


async def test_a_defect_is_one_line_and_no_traceback() -> None:
    error = await create("badly")
    details = error.details() or ""
    assert "a defect of it: KeyError: 'surprise'" in details
    assert "\n" not in details
