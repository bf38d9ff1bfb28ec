"""What the program declares, as the engine recorded or planned it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's text for a value that is not known before `up`."""
_PROVIDER = "pulumi:providers:"
_DEFAULT = "default_"
"""The beginning of the name of a provider that the engine makes from the config."""
_CREATING = "creating"


@dataclass(frozen=True)
class Declared:
    """A resource with an id of its own in a cloud, or in a dynamic provider.

    Attributes:
        urn: its name in the engine.
        type: its type token, such as `aws:ec2/instance:Instance`.
        parent: the URN of its component.
        inputs: its inputs as the provider got them, in the provider's spelling.
        provider: the configuration of its provider: region, subscription, version.
        provider_urn: the URN of a provider that the program declares; empty for a default one.
    """

    urn: str
    type: str
    parent: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    provider: Mapping[str, Any] = field(default_factory=dict)
    provider_urn: str = ""

    @property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.rpartition("::")[2]

    def known(self, *names: str) -> tuple[str, ...] | None:
        """The values of these inputs as text, or None if one is missing or not known yet."""
        values = [self.inputs.get(name) for name in names]
        if any(value is None or value == _UNKNOWN for value in values):
            return None
        return tuple(str(value) for value in values)

    def configured(self, name: str) -> str:
        """A value of the resource itself, else of its provider's configuration; else empty."""
        return str(self.inputs.get(name) or self.provider.get(name) or "")


@dataclass(frozen=True)
class Record:
    """A stack's state.

    Attributes:
        root: the URN of the stack itself; empty if nothing was ever recorded.
        recorded: the ids of everything recorded, by URN; more than one while a resource is replaced.
        pending: what a run began to create without an end, each once.
        providers: the configuration of each provider by its URN.
    """

    root: str
    recorded: Mapping[str, frozenset[str]]
    pending: tuple[Declared, ...]
    providers: Mapping[str, Mapping[str, Any]]


def record(deployment: Mapping[str, Any]) -> Record:
    """Read the state that `pulumi stack export` prints.

    Args:
        deployment: its `deployment`.
    """
    resources = deployment.get("resources") or ()
    providers = {
        one["urn"]: one.get("inputs") or {}
        for one in resources
        if one["type"].startswith(_PROVIDER)
    }
    recorded: dict[str, set[str]] = {}
    for one in resources:
        recorded.setdefault(one["urn"], set()).add(str(one.get("id") or ""))
    pending = {
        operation["resource"]["urn"]: _declared(operation["resource"], providers)
        for operation in deployment.get("pending_operations") or ()
        if operation["type"] == _CREATING and operation["resource"].get("custom")
    }
    return Record(
        root=next((one["urn"] for one in resources if one["type"] == "pulumi:pulumi:Stack"), ""),
        recorded={urn: frozenset(ids) for urn, ids in recorded.items()},
        pending=tuple(pending.values()),
        providers=providers,
    )


def planned(
    steps: Iterable[Mapping[str, Any]], providers: Mapping[str, Mapping[str, Any]]
) -> Iterator[Declared]:
    """What a run would create, and an earlier one may have created.

    A provider is recorded before its first resource is made: what needs another one was never made.

    Args:
        steps: the steps that `pulumi preview --json` prints.
        providers: those of the record.
    """
    for step in steps:
        new = step.get("newState") or {}
        if step["op"] == "create" and new.get("custom") and _provider(new) in providers:
            yield _declared(new, providers)


def _declared(state: Mapping[str, Any], providers: Mapping[str, Mapping[str, Any]]) -> Declared:
    its = _provider(state)
    return Declared(
        urn=state["urn"],
        type=state["type"],
        parent=state.get("parent") or "",
        inputs=state.get("inputs") or {},
        provider=providers.get(its, {}),
        provider_urn="" if its.rpartition("::")[2].startswith(_DEFAULT) else its,
    )


def _provider(state: Mapping[str, Any]) -> str:
    """The URN of a resource's provider; empty for a provider itself."""
    return str(state.get("provider") or "").rpartition("::")[0]
