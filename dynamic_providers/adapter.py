"""The base of all dynamic resources: turns a call of the engine into a call of the domain.

The file of a resource has its inputs, its outputs and the coroutines `on_create`, `on_read` and so
on. This module provides the event loop, the connection to Azure, the reports on the resource's row
and the state that the engine records, and turns errors into one line for the user.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Hashable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, get_args

from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pydantic import BaseModel, ConfigDict

from dynamic_providers import concurrency, driver, engine
from dynamic_providers.shared import claims
from site_recovery.arm_ids import VaultId, same
from site_recovery.aws import roles
from site_recovery.azure import clouds
from site_recovery.azure.connection import Connect, Connection
from site_recovery.errors import MigrationError

_T = TypeVar("_T")


class _Wire(BaseModel):
    """Values as the engine stores and sends them. It sends all numbers as floats."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def wire(self) -> dict[str, Any]:
        """The values as JSON, without those that are None: the engine drops them too."""
        return self.model_dump(mode="json", exclude_none=True)


class Inputs(_Wire):
    """The inputs of a resource, or a part of them.

    A resource that reports on its own row declares `urn: str`; the declaration fills it in.
    """


class Outputs(_Wire):
    """The values that a resource adds to its inputs."""


InputsT = TypeVar("InputsT", bound=Inputs)
OutputsT = TypeVar("OutputsT", bound=Outputs)


class Recorded(Generic[InputsT, OutputsT]):
    """The state that the engine recorded for a resource, parsed on demand.

    Attributes:
        values: inputs and outputs together, as the engine keeps them.
    """

    def __init__(
        self, values: dict[str, Any], inputs: type[InputsT], outputs: type[OutputsT]
    ) -> None:
        self.values = values
        self._inputs = inputs
        self._outputs = outputs

    @cached_property
    def inputs(self) -> InputsT:
        """The inputs of the last run."""
        return self._inputs.model_validate(self.values)

    @cached_property
    def outputs(self) -> OutputsT:
        """The outputs of the last run."""
        return self._outputs.model_validate(self.values)

    def replaced(self, news: Mapping[str, Any], *names: str) -> list[str]:
        """Which of these inputs changed or are not known yet.

        Names in Azure are case-insensitive, so a difference in case is no change.
        """
        return [
            name
            for name in names
            if is_unknown(news.get(name)) or not same(self.values.get(name), news.get(name))
        ]


class MigrationProvider(ResourceProvider, ABC, Generic[InputsT, OutputsT]):
    """A provider for one kind of resource. A subclass implements the coroutines `on_...`.

    Providers have no state of their own, because the engine stores them: everything comes from the
    inputs and the environment. Credentials and endpoints are read from the environment when a
    connection is made. They are never attributes, inputs or outputs, so they are never recorded.

    Every coroutine may raise `MigrationError`, whose text is shown to the user as one line.
    """

    serialize_as_secret_always = False
    inputs: ClassVar[type[Inputs]]
    outputs: ClassVar[type[Outputs]]
    identity: ClassVar[tuple[str, ...]] = ()
    """Inputs that say which thing in a cloud the resource is about. A record that is replaced by one
    of the same thing (`pulumi up --replace`, `pulumi state taint`) is only forgotten. If there are
    none, `on_delete` decides."""
    only_for_check: ClassVar[tuple[str, ...]] = ()
    """Inputs that only `on_check` gets and that are not recorded. The declaration sets `preview`
    (whether this is a preview) and `parallel` (how many operations the engine runs at a time),
    because the engine does not tell a dynamic provider."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            cls.inputs, cls.outputs = get_args(base)

    async def on_check(
        self, olds: dict[str, Any], news: dict[str, Any], check_only: Mapping[str, Any]
    ) -> CheckResult:
        """Check the inputs, in preview too.

        Args:
            olds: the inputs of the last run; empty for a new resource.
            news: the inputs now, some of which may not be known yet.
            check_only: the inputs of `only_for_check`.
        """
        return CheckResult(news, [])

    @abstractmethod
    async def on_diff(
        self, recorded: Recorded[InputsT, OutputsT], news: dict[str, Any]
    ) -> DiffResult:
        """Decide whether there is something to do. Also runs in preview; inputs may be unknown."""

    @abstractmethod
    async def on_create(self, inputs: InputsT) -> tuple[str, OutputsT]:
        """Create the resource, or adopt an existing one. Returns its id and outputs.

        If it raises, nothing is recorded, so the next run calls it again.
        """

    async def on_update(self, recorded: Recorded[InputsT, OutputsT], inputs: InputsT) -> OutputsT:
        """Update the resource to its new inputs. If it raises, the old state is kept.

        By default the new inputs are only recorded.
        """
        return recorded.outputs

    @abstractmethod
    async def on_read(
        self, id_: str, recorded: Recorded[InputsT, OutputsT]
    ) -> tuple[InputsT, OutputsT] | None:
        """Read the current inputs and outputs, for `pulumi refresh`; None if it is gone."""

    async def on_delete(self, id_: str, recorded: Recorded[InputsT, OutputsT]) -> None:
        """Remove the resource."""

    def configure(self, req: ConfigureRequest) -> None:
        """Prepare the process. The engine calls it once per process, also in preview."""
        # gRPC logs a traceback for each failed call, and azure-identity each credential that it
        # cannot use. The user should only see our message.
        for logger in ("grpc", "azure.identity"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        clouds.use(req.config.get("azure-native:environment"))
        roles.use(req.config.get(roles.KEY))
        concurrency.lift()
        engine.current()

    def connect(self) -> Connect:
        """Connects to Azure, with the connections of this process."""
        return driver.of_this_process.azure

    def azure(self, vault: VaultId) -> AbstractAsyncContextManager[Connection]:
        """A connection to the subscription of a vault."""
        opened: AbstractAsyncContextManager[Connection] = self.connect()(vault.subscription)
        return opened

    def row(self, urn: str) -> engine.RowReporter:
        """The reporter that shows progress on the row of the resource with this URN."""
        return engine.RowReporter(engine.current(), urn)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Answer the engine's Check."""
        return _run(self._check(olds, news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Answer the engine's Diff."""
        return _run(self.on_diff(self._recorded(olds), news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Answer the engine's Create."""
        inputs = self._given(props)
        id_, outputs = _run(self.on_create(inputs))
        return CreateResult(id_, {**inputs.wire(), **outputs.wire()})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Answer the engine's Update."""
        inputs = self._given(news)
        outputs = _run(self.on_update(self._recorded(olds), inputs))
        return UpdateResult({**inputs.wire(), **outputs.wire()})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Answer the engine's Read; an empty id says that the resource is gone."""
        found = _run(self.on_read(id_, self._recorded(props)))
        if found is None:
            return ReadResult("", {})
        inputs, outputs = found
        return ReadResult(id_, {**inputs.wire(), **outputs.wire()}, inputs.wire())

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Answer the engine's Delete."""
        _run(self._delete(id_, props))

    async def _check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        check_only = {name: news.pop(name, None) for name in self.only_for_check}
        claims.of_this_process.add()
        if self.identity:
            claims.of_this_process.add_thing(self._thing(news))
        return await self.on_check(olds, news, check_only)

    async def _delete(self, id_: str, props: dict[str, Any]) -> None:
        if self.identity and claims.of_this_process.has_thing(self._thing(props)):
            return
        await self.on_delete(id_, self._recorded(props))

    def _given(self, values: Mapping[str, Any]) -> Any:
        return self.inputs.model_validate(values)

    def _recorded(self, values: dict[str, Any]) -> Recorded[Any, Any]:
        return Recorded(values, self.inputs, self.outputs)

    def _thing(self, values: Mapping[str, Any]) -> Hashable:
        """The thing that inputs are about. Names in Azure are case-insensitive."""
        return (type(self), *(str(values.get(name)).lower() for name in self.identity))


def stack_of(urn: str) -> str:
    """The stack and project in a URN, which identify a stack.

    >>> stack_of("urn:pulumi:dev::shop::asr:Wave::web")
    'urn:pulumi:dev::shop'
    """
    return "::".join(urn.split("::")[:2])


def stack_urn(urn: str) -> str:
    """The URN of the stack of a resource.

    >>> stack_urn("urn:pulumi:dev::shop::asr:Wave::web")
    'urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev'
    """
    head, project = urn.split("::")[:2]
    return f"{head}::{project}::pulumi:pulumi:Stack::{project}-{head.rpartition(':')[2]}"


def resource_name(urn: str) -> str:
    """The name of the resource with this URN."""
    return urn.rsplit("::", 1)[-1]


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


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on the loop of this process.

    Raises:
        MigrationError: without its cause, because the engine would show that too.
    """
    try:
        return driver.of_this_process.run(work)
    except MigrationError as error:
        message = str(error)
    finally:
        engine.flush()
    raise MigrationError(message)
