"""What every dynamic provider here has in common."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import pulumi
from pulumi.dynamic import ConfigureRequest, Resource, ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pydantic import BaseModel, ConfigDict

from dynamic_providers import engine
from site_recovery.azure.connection import Connect, connector
from site_recovery.errors import MigrationError

_T = TypeVar("_T")


class Inputs(BaseModel):
    """A resource's inputs as they come over the wire, where every number is a float."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def wire(self) -> dict[str, Any]:
        """The inputs as the engine stores them; what is None is left out, as the engine does."""
        return self.model_dump(mode="json", exclude_none=True)


class MigrationProvider(ResourceProvider):
    """A stateless provider: everything comes from its inputs and the environment.

    Credentials and endpoints are read from the environment when a connection is made and never
    become attributes, inputs or outputs, so that none of them reaches the state.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Begin to serve: called once a process, in preview too."""
        # gRPC logs a traceback for each call that fails, and azure-identity each credential that
        # cannot be used; the user is told by the message alone.
        for logger in ("grpc", "azure.identity"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        engine.current()

    def connect(self) -> Connect:
        """How this process reaches Azure."""
        return connector()


def run(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run asynchronous work in the thread of a provider call.

    Raises:
        Exception: with one line for the user, where the work met a `MigrationError`.
    """
    try:
        return asyncio.run(work())
    except MigrationError as error:
        message = str(error)
    raise Exception(message)


def is_unknown(value: Any) -> bool:
    """Whether a value as a whole is not known yet in this preview."""
    return isinstance(value, Unknown) or value == rpc.UNKNOWN


def unknown(value: Any) -> bool:
    """Whether a value, or anything in it, is not known yet in this preview."""
    if is_unknown(value):
        return True
    if isinstance(value, Mapping):
        return any(unknown(part) for part in value.values())
    if isinstance(value, list):
        return any(unknown(part) for part in value)
    return False


def own_urn(resource: type[Resource], name: str, opts: pulumi.ResourceOptions | None) -> str:
    """The URN of a resource that stands at the stack's root or in a component there.

    A dynamic provider is not told the URN of what it works on, and needs it to speak on the
    resource's own row; so it is passed as an input. It is put together here because the parent's
    own `urn` output would make the resource depend on all children of its parent, itself too.
    """
    own_type = f"pulumi-python:{resource._resource_type_name}"
    parent = opts.parent if opts is not None else None
    chain = f"{parent.pulumi_resource_type}${own_type}" if parent is not None else own_type
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}::{name}"
