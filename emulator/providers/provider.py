"""A Pulumi provider from a table of resource types and functions."""

from __future__ import annotations

import asyncio
import difflib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from emulator.providers import schema
from emulator.providers.errors import ProviderError
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Difference, Property
from emulator.providers.values import UNKNOWN, has_unknowns, plain_map, wrap_map

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_DEFAULTS = "__defaults"
_PARALLEL_CALLS = 16
_ALWAYS_CONFIGURABLE = frozenset({"version", "pluginDownloadURL"})


OLD_INPUTS: ContextVar[dict[str, PropertyValue] | None] = ContextVar("old_inputs", default=None)
"""The inputs of last time during a diff; the SDK's diff request leaves them out."""


class StandInProvider(protocol.Provider):
    """The provider protocol for the given types and functions. The clouds' clients are
    synchronous, so their calls run in threads.

    Args:
        name: the name of the package that it stands in for.
        configurable: the configuration keys that it takes.
        types: its resource types.
        functions: its functions, by token.
    """

    def __init__(
        self,
        name: str,
        configurable: Mapping[str, Property],
        types: Iterable[ResourceType],
        functions: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]],
    ) -> None:
        self.name = name
        self._configurable = configurable
        self._types = {known.token: known for known in types}
        self._functions = functions
        self._threads = ThreadPoolExecutor(_PARALLEL_CALLS)

    # -- values that the clouds add ---------------------------------------------------------

    @abstractmethod
    def use(self, config: dict[str, Any]) -> None:
        """Apply the configuration."""

    @abstractmethod
    def explain(self, error: Exception) -> ProviderError | None:
        """A client's error in one line; None if it is not an error of the cloud."""

    # -- configuration ----------------------------------------------------------------------

    async def check_config(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        """Refuse configuration keys that are not known."""
        failures = [
            protocol.CheckFailure(
                key,
                f"the local {self.name} provider does not know configuration {self.name}:{key}; "
                f"it knows: {', '.join(sorted(self._configurable))}",
            )
            for key in request.new_inputs
            if key not in self._configurable
            and key not in _ALWAYS_CONFIGURABLE
            and not key.startswith("__")
        ]
        return protocol.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        """Apply the configuration. The provider declines secrets and dependencies, so the engine
        tracks them."""
        config = {
            name: value for name, value in plain_map(request.args).items() if value != UNKNOWN
        }
        await self._call(self.use, config)
        return protocol.ConfigureResponse(supports_preview=True)

    # -- resources --------------------------------------------------------------------------

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        """Complete the inputs as the real provider does, and refuse unknown ones."""
        known = self._type(request.type)
        old, inputs = plain_map(request.old_inputs), plain_map(request.new_inputs)
        inputs.pop(_DEFAULTS, None)
        if known.naming is not None and not known.naming.is_given(inputs):
            chosen = known.naming.property
            kept = old.get(chosen) if chosen in old.get(_DEFAULTS, []) else None
            inputs[chosen] = kept or known.naming.choose(request.name, request.random_seed)
            inputs[_DEFAULTS] = [chosen]
        problems = schema.check(self.name, known.token, inputs, known.inputs)
        if not problems:
            inputs = known.prepared(inputs)
            problems = [
                *schema.check(self.name, known.token, inputs, known.inputs),
                *known.problems(inputs),
            ]
        return protocol.CheckResponse(
            inputs=wrap_map(inputs),
            failures=[protocol.CheckFailure(p.path, p.reason) for p in problems],
        )

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        """Compare property by property: what changes, and what needs replacement."""
        known = self._type(request.type)
        state, new = plain_map(request.old_state), plain_map(request.new_inputs)
        old = plain_map(OLD_INPUTS.get() or {})
        found = [
            difference
            for difference in self._differences(known, old, state, new)
            if not _ignored(difference.path, request.ignore_changes)
        ]
        replaces = sorted({_top(difference.path) for difference in found if difference.replace})
        return protocol.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            diffs=sorted({_top(difference.path) for difference in found}),
            delete_before_replace=bool(replaces) and self._same_name(known, found, new),
            detailed_diff={
                difference.path: protocol.PropertyDiff(
                    protocol.PropertyDiffKind[
                        difference.change.upper() + ("_REPLACE" if difference.replace else "")
                    ],
                    input_diff=known.compare == "inputs",
                )
                for difference in found
            },
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        """Create a resource; in a preview return the outputs that would be known."""
        known = self._type(request.type)
        inputs = plain_map(request.properties)
        if request.preview:
            return protocol.CreateResponse(properties=wrap_map(_foreseen(known, inputs)))
        inputs.pop(_DEFAULTS, None)
        resource_id, state = await self._call(known.create, inputs)
        return protocol.CreateResponse(resource_id, wrap_map(state))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        """Read a resource for refresh or import; an empty id says that it is gone."""
        known = self._type(request.type)
        inputs, state = plain_map(request.inputs), plain_map(request.properties)
        found = await self._call(known.read, request.resource_id, state)
        if found is None:
            return protocol.ReadResponse(resource_id="")
        resource_id, live = found
        return protocol.ReadResponse(
            resource_id, wrap_map(live), wrap_map(_inputs_now(known, inputs, state, live))
        )

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        """Change a resource in place; in a preview return the outputs that would be known."""
        known = self._type(request.type)
        state, inputs = plain_map(request.olds), plain_map(request.news)
        if request.preview:
            unknown = dict.fromkeys(known.recomputed(state, inputs), UNKNOWN)
            foreseen = {**state, **_foreseen_part(known, inputs), **unknown}
            return protocol.UpdateResponse(wrap_map(foreseen))
        inputs.pop(_DEFAULTS, None)
        changed = await self._call(known.update, request.resource_id, state, inputs)
        return protocol.UpdateResponse(wrap_map(changed))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        """Remove a resource."""
        known = self._type(request.type)
        await self._call(known.delete, request.resource_id, plain_map(request.properties))

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        """Call a function."""
        function = self._functions.get(request.tok)
        if function is None:
            raise ProviderError(self._refusal("function", request.tok, self._functions))
        result = await self._call(function, plain_map(request.args))
        return protocol.InvokeResponse(wrap_map(result))

    async def get_schema(self, request: protocol.GetSchemaRequest) -> protocol.GetSchemaResponse:
        """Refuse: a schema is needed only to generate SDKs, and the real ones exist."""
        raise ProviderError(
            f"the local {self.name} provider has no schema to generate code from; "
            "`pulumi import` needs --generate-code=false here"
        )

    # -- helpers ----------------------------------------------------------------------------

    def _type(self, chain: str) -> ResourceType:
        # A URN contains the types of the parents, and the resource's own at the end.
        token = chain.rsplit("$", 1)[-1]
        known = self._types.get(token)
        if known is None:
            raise ProviderError(self._refusal("resource type", token, self._types))
        return known

    def _refusal(self, kind: str, token: str, known: Iterable[str]) -> str:
        close = difflib.get_close_matches(token, list(known), n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; it knows: {', '.join(known)}"
        return (
            f"the local {self.name} provider does not know {kind} {token}{hint} "
            "(it stands in for the real provider on local stacks only)"
        )

    def _differences(
        self,
        known: ResourceType,
        old: Mapping[str, Any],
        state: Mapping[str, Any],
        new: Mapping[str, Any],
    ) -> list[Difference]:
        base = {
            name: old.get(name)
            if known.compare == "inputs" or known.inputs[name].write_only
            else state.get(name)
            for name in known.inputs
        }
        return [
            Difference(
                found.path,
                found.change,
                found.replace or known.forces_replacement(_top(found.path), new),
            )
            for found in schema.differences(base, new, known.inputs)
        ]

    @staticmethod
    def _same_name(known: ResourceType, found: list[Difference], new: Mapping[str, Any]) -> bool:
        """Whether the replacement has the same name, so that the old resource must be deleted
        first."""
        if known.naming is None or known.naming.property in new.get(_DEFAULTS, []):
            return False
        if known.naming.prefix in new:
            return False
        return known.naming.property not in {_top(difference.path) for difference in found}

    async def _call(
        self,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
        except ProviderError:
            raise
        except Exception as error:
            explained = self.explain(error)
            if explained is None:
                raise
            raise explained from error


def _top(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


def _ignored(path: str, ignore: Iterable[str]) -> bool:
    return any(path == skip or path.startswith((f"{skip}.", f"{skip}[")) for skip in ignore)


def _foreseen(known: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a preview shows for a resource that will be created."""
    chosen = {name for name, of in known.inputs.items() if of.computed and name not in inputs}
    return {
        **dict.fromkeys((*known.outputs, *chosen), UNKNOWN),
        **_foreseen_part(known, inputs),
    }


def _foreseen_part(known: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as outputs. Objects are unknown, because the service adds members to them."""
    return {
        name: UNKNOWN if known.inputs[name].kind == "object" or has_unknowns(value) else value
        for name, value in inputs.items()
        if name in known.inputs
    }


def _inputs_now(
    known: ResourceType,
    inputs: Mapping[str, Any],
    state: Mapping[str, Any],
    live: Mapping[str, Any],
) -> dict[str, Any]:
    """The inputs that would give the live state, so that a refresh shows drift by property."""
    importing = not inputs and not state
    now: dict[str, Any] = {}
    for name, of in known.inputs.items():
        value = live.get(name)
        if name in inputs:
            now[name] = schema.asked_part(value, inputs[name], of, state.get(name))
        elif importing:
            if not schema.is_default(value, of):
                now[name] = schema.known_part(value, of)
        elif not (schema.is_default(value, of) or of.maintained):
            drifted = value != state.get(name) if known.compare == "inputs" else not of.computed
            if drifted:
                now[name] = value
    if _DEFAULTS in inputs:
        now[_DEFAULTS] = inputs[_DEFAULTS]
    return now
