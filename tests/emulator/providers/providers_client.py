"""A client that runs a stand-in provider's process and calls it over gRPC, as the engine does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

ROOT = Path(__file__).resolve().parents[3]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def values(message: struct_pb2.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(message)
    return found


@dataclass
class Resource:
    """A resource as the engine's state file would record it."""

    token: str
    name: str
    id: str
    inputs: dict[str, Any]
    state: dict[str, Any]


class Refused(Exception):
    """The provider's error, as the engine would show it."""


class Engine:
    """The part of an engine that a provider needs to be called."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def configure(self, **config: Any) -> None:
        self.call("Configure", provider_pb2.ConfigureRequest(args=struct(config)))

    def check_config(self, **config: Any) -> list[str]:
        urn = "urn:pulumi:test::project::pulumi:providers:x::default"
        answer = self.call("CheckConfig", provider_pb2.CheckRequest(urn=urn, news=struct(config)))
        return [failure.reason for failure in answer.failures]

    def check(
        self, token: str, name: str, new: Mapping[str, Any], old: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        answer = self.call(
            "Check",
            provider_pb2.CheckRequest(
                urn=urn(token, name),
                olds=struct(old or {}),
                news=struct(new),
                randomSeed=f"seed of {name}".encode(),
            ),
        )
        return values(answer.inputs), [failure.reason for failure in answer.failures]

    def create(self, token: str, name: str, new: Mapping[str, Any]) -> Resource:
        inputs, failures = self.check(token, name, new)
        assert failures == []
        answer = self.call(
            "Create",
            provider_pb2.CreateRequest(urn=urn(token, name), properties=struct(inputs)),
        )
        return Resource(token, name, answer.id, inputs, values(answer.properties))

    def preview(self, token: str, name: str, new: Mapping[str, Any]) -> dict[str, Any]:
        inputs, failures = self.check(token, name, new)
        assert failures == []
        request = provider_pb2.CreateRequest(
            urn=urn(token, name), properties=struct(inputs), preview=True
        )
        return values(self.call("Create", request).properties)

    def diff(self, resource: Resource, new: Mapping[str, Any], ignore: Sequence[str] = ()) -> Any:
        inputs, failures = self.check(resource.token, resource.name, new, resource.inputs)
        assert failures == []
        request = provider_pb2.DiffRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            olds=struct(resource.state),
            news=struct(inputs),
            old_inputs=struct(resource.inputs),
            ignoreChanges=ignore,
        )
        return self.call("Diff", request)

    def changes(
        self, resource: Resource, new: Mapping[str, Any], ignore: Sequence[str] = ()
    ) -> dict[str, str]:
        kinds = provider_pb2.PropertyDiff.Kind
        detailed = self.diff(resource, new, ignore).detailedDiff
        return {path: kinds.Name(entry.kind) for path, entry in detailed.items()}

    def update(self, resource: Resource, new: Mapping[str, Any]) -> Resource:
        inputs, request = self._update(resource, new)
        answer = self.call("Update", request)
        return Resource(
            resource.token, resource.name, resource.id, inputs, values(answer.properties)
        )

    def preview_update(self, resource: Resource, new: Mapping[str, Any]) -> dict[str, Any]:
        _, request = self._update(resource, new)
        request.preview = True
        return values(self.call("Update", request).properties)

    def _update(self, resource: Resource, new: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        inputs, failures = self.check(resource.token, resource.name, new, resource.inputs)
        assert failures == []
        return inputs, provider_pb2.UpdateRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            olds=struct(resource.state),
            news=struct(inputs),
            old_inputs=struct(resource.inputs),
        )

    def refresh(self, resource: Resource) -> Resource | None:
        request = provider_pb2.ReadRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            properties=struct(resource.state),
            inputs=struct(resource.inputs),
        )
        answer = self.call("Read", request)
        if not answer.id:
            return None
        return Resource(
            resource.token,
            resource.name,
            answer.id,
            values(answer.inputs),
            values(answer.properties),
        )

    def adopt(self, token: str, name: str, resource_id: str) -> Resource | None:
        """Read as an import does, with nothing but the id."""
        return self.refresh(Resource(token, name, resource_id, {}, {}))

    def delete(self, resource: Resource) -> None:
        request = provider_pb2.DeleteRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            properties=struct(resource.state),
        )
        self.call("Delete", request)

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        answer = self.call("Invoke", provider_pb2.InvokeRequest(tok=token, args=struct(arguments)))
        return values(getattr(answer, "return"))

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request, timeout=60)
        except grpc.RpcError as error:
            raise Refused(error.details()) from error


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::project::{token}::{name}"


@contextmanager
def running(module: str, environment: Mapping[str, str]) -> Iterator[Engine]:
    """The provider's process, ended by its id."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "127.0.0.1:1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            pytest.fail(f"{module} did not start")
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Engine(provider_pb2_grpc.ResourceProviderStub(channel))
    finally:
        process.terminate()
        process.wait(timeout=20)
