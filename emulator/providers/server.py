"""Serves a stand-in provider to the engine. Every error arrives as one line, without a
traceback."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from emulator.providers.errors import PartialFailureError, ProviderError
from emulator.providers.provider import OLD_INPUTS, StandInProvider
from emulator.providers.values import wrap_map

_GUARDED = (
    "GetSchema",
    "CheckConfig",
    "DiffConfig",
    "Configure",
    "Check",
    "Diff",
    "Create",
    "Read",
    "Update",
    "Delete",
    "Invoke",
)
_LARGEST_MESSAGE = 400 * 1024 * 1024  # the engine's own limit
_LOOK_FOR_ENGINE_SECONDS = 2.0
_GRACE_SECONDS = 1.0


class Servicer(ProviderServicer):
    """The SDK's servicer, with the previous inputs in diffs and with readable errors."""

    def __init__(self, version: str, provider: StandInProvider, engine_address: str) -> None:
        super().__init__([], version, provider, engine_address)
        for name in _GUARDED:
            setattr(self, name, _guarded(getattr(self, name)))

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802 (the protocol's name)
        """Keep the previous inputs, for which the SDK's diff request has no field."""
        OLD_INPUTS.set(PropertyValue.unmarshal_map(request.old_inputs))
        return await super().Diff(request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802 (the protocol's name)
        """Leave out empty properties of a missing resource: the engine would take it for an
        existing one."""
        response = await super().Read(request, context)  # type: ignore[no-untyped-call]
        return response if response.id else proto.ReadResponse()


def _guarded(method: Any) -> Any:
    """A protocol method whose errors the engine shows as they are."""

    async def call(request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except PartialFailureError as failure:
            await context.abort_with_status(_partial(failure, request))
        except ProviderError as refusal:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        except Exception as error:  # noqa: BLE001 (the engine would show a traceback)
            await context.abort(
                grpc.StatusCode.INTERNAL,
                f"the stand-in provider failed, which is a defect of it: "
                f"{type(error).__name__}: {error}",
            )

    return call


def _partial(failure: PartialFailureError, request: Any) -> Any:
    """The status that lets the engine record a resource that exists but is not ready."""
    inputs = getattr(request, "news", None) or getattr(request, "properties", None)
    detail = proto.ErrorResourceInitFailed(
        id=failure.resource_id,
        properties=PropertyValue.marshal_map(wrap_map(failure.properties)),
        reasons=[str(failure)],
        inputs=inputs,
    )
    message: Message = status_pb2.Status(
        code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure)
    )
    message.details.add().Pack(detail)
    status = grpc.Status()
    status.code = grpc.StatusCode.UNKNOWN
    status.details = str(failure)
    status.trailing_metadata = (("grpc-status-details-bin", message.SerializeToString()),)
    return status


async def _serve(provider: StandInProvider, version: str, engine_address: str, engine: int) -> None:
    limits = [
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
        ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ]
    server = grpc.aio.server(options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        Servicer(version, provider, engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    over = asyncio.Event()
    for signalled in (signal.SIGINT, signal.SIGTERM):  # how the engine ends its plugins
        asyncio.get_running_loop().add_signal_handler(signalled, over.set)
    watch = asyncio.create_task(_end_with(engine, over))
    # Only now is the port printed: from here on the process handles its end.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await over.wait()
    watch.cancel()
    await server.stop(grace=_GRACE_SECONDS)


async def _end_with(engine: int, over: asyncio.Event) -> None:
    """End when the engine was killed, because nobody else ends this process then."""
    while os.getppid() == engine:  # noqa: ASYNC110 (the system tells nobody)
        await asyncio.sleep(_LOOK_FOR_ENGINE_SECONDS)
    over.set()


def serve(provider: StandInProvider, version: str, arguments: list[str]) -> None:
    """Run the provider until the engine ends it or has ended itself.

    Args:
        provider: what to serve.
        version: the version of the package that it stands in for.
        arguments: what the engine gives a plugin: its own address, and flags of no use here.
    """
    engine = os.getppid()
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        sys.exit(f"this is the local {provider.name} provider; the Pulumi engine starts it")
    asyncio.run(_serve(provider, version, addresses[0], engine))
    # A thread may still wait for a cloud to finish what it accepted. Nobody would hear its answer.
    sys.stdout.flush()
    os._exit(0)
