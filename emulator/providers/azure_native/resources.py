"""The implementation of every azure-native type: each table row makes a resource type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.providers.azure_native.cloud import Cloud
from emulator.providers.errors import ProviderError
from emulator.providers.resource import Naming, ResourceType
from emulator.providers.schema import Problem, Property
from emulator.providers.values import UNKNOWN


@dataclass(frozen=True)
class Row:
    """A resource type.

    Attributes:
        token: the type token in programs.
        path: the resource id, with the path parameters by their names in programs.
        api_version: the one that this version of azure-native uses.
        inputs: the properties; those named in `path` are its parameters.
        outputs: the names of outputs that are known only after creation.
        naming: how a name is chosen.
        flat: whether programs have ARM's `properties` at the top level.
    """

    token: str
    path: str
    api_version: str
    inputs: Mapping[str, Property]
    naming: Naming
    outputs: tuple[str, ...] = ()
    flat: bool = True
    parameters: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(re.findall(r"\{(\w+)\}", self.path)))


class ArmResource(ResourceType):
    """A resource type of Azure Resource Manager."""

    compare = "inputs"

    def __init__(self, cloud: Cloud, row: Row) -> None:
        self._cloud = cloud
        self._row = row
        self.token = row.token  # type: ignore[misc]  # one class, a token for each instance
        self.inputs = row.inputs
        self.outputs = ("azureApiVersion", "name", "type", *row.outputs)
        self.naming = row.naming

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Add the location of the provider's configuration if none is given."""
        location = self._cloud.location
        if "location" in self.inputs and "location" not in inputs and location:
            return {**inputs, "location": location}
        return inputs

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """A location is needed."""
        if "location" in self.inputs and "location" not in inputs:
            return [
                Problem(
                    "location",
                    f"{self.token} needs the property location; give it, or set a default with "
                    "`pulumi config set azure-native:location <location>`",
                )
            ]
        return []

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """PUT, unless the resource exists already."""
        resource_id = self._id(inputs)
        if self._cloud.get(resource_id, self._row.api_version) is not None:
            raise ProviderError(
                f"cannot create already existing resource '{resource_id}'; to manage it here, "
                f"import it: `pulumi import --generate-code=false {self.token} <name> "
                f"{resource_id}`"
            )
        self._cloud.put(resource_id, self._row.api_version, self._body(inputs))
        return self._required(resource_id, inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """GET."""
        body = self._cloud.get(resource_id, self._row.api_version)
        return None if body is None else self._state(resource_id, body, state)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """PUT of everything. Parts that are resources of their own are kept."""
        body = self._body(inputs)
        kept = [name for name, of in self.inputs.items() if of.maintained and name not in inputs]
        if kept:
            live = self._cloud.get(resource_id, self._row.api_version) or {}
            for name in kept:
                _keep(body, live, name, self.inputs[name])
        self._cloud.put(resource_id, self._row.api_version, body)
        return self._required(resource_id, inputs)[1]

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DELETE, as the real provider."""
        self._cloud.delete(resource_id, self._row.api_version)

    # -- ids and bodies ---------------------------------------------------------------------

    def _id(self, inputs: Mapping[str, Any]) -> str:
        path = self._row.path.replace("{subscriptionId}", self._cloud.subscription)
        for name in self._row.parameters:
            if name != "subscriptionId":
                path = path.replace(f"{{{name}}}", str(inputs[name]))
        return path

    def _parameters(self, resource_id: str) -> dict[str, str]:
        """The path parameters of an id.

        Raises:
            ProviderError: the id is not one of this type.
        """
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self._row.path))
        match = re.fullmatch(pattern, resource_id.rstrip("/"), re.IGNORECASE)
        if match is None:
            raise ProviderError(
                f"'{resource_id}' is not an id of {self.token}; it looks like {self._row.path}"
            )
        return {
            name: value for name, value in match.groupdict().items() if name != "subscriptionId"
        }

    def _body(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in inputs.items() if name not in self._row.parameters}
        return encode(body, self.inputs)

    def _required(self, resource_id: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        body = self._cloud.get(resource_id, self._row.api_version)
        if body is None:
            raise ProviderError(f"Azure took {resource_id} but no longer has it")
        return self._state(resource_id, body, inputs)

    def _state(
        self, resource_id: str, body: Mapping[str, Any], known: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        parameters = self._parameters(resource_id)
        state = decode(body, self.inputs, flat=self._row.flat)
        found_id = str(state.pop("id", resource_id))
        # ARM returns ids in another casing; the program's spelling stays.
        same = found_id.casefold() == resource_id.casefold()
        for name, value in parameters.items():
            given = known.get(name)
            matches = isinstance(given, str) and given.casefold() == value.casefold()
            state[name] = given if matches else value
        state["azureApiVersion"] = self._row.api_version
        return resource_id if same else found_id, state


def encode(values: Mapping[str, Any], properties: Mapping[str, Property]) -> dict[str, Any]:
    """The inputs as a request body."""
    body: dict[str, Any] = {}
    for name, value in values.items():
        known = properties.get(name)
        if known is None or value == UNKNOWN:
            continue
        place = body
        for container in known.container:
            place = place.setdefault(container, {})
        place[known.wire or name] = _encode_value(value, known)
    return body


def _encode_value(value: Any, known: Property) -> Any:
    if known.kind == "object" and isinstance(value, dict):
        return encode(value, known.fields)
    if known.items is not None and isinstance(value, list):
        return [_encode_value(item, known.items) for item in value]
    return value


def decode(
    body: Mapping[str, Any], properties: Mapping[str, Property], *, flat: bool
) -> dict[str, Any]:
    """ARM's answer as outputs. Properties that the table does not have keep ARM's name."""
    merged = {name: value for name, value in body.items() if name != "properties" or not flat}
    if flat:
        merged |= {k: v for k, v in (body.get("properties") or {}).items() if k not in merged}
    names = {known.wire: name for name, known in properties.items() if known.wire}
    state = {}
    for wire, value in merged.items():
        name = names.get(wire, wire)
        known = properties.get(name)
        state[name] = value if known is None else _decode_value(value, known)
    return state


def _decode_value(value: Any, known: Property) -> Any:
    if known.kind == "object" and isinstance(value, dict):
        return decode(value, known.fields, flat=_is_flat(known.fields))
    if known.items is not None and isinstance(value, list):
        return [_decode_value(item, known.items) for item in value]
    return value


def _is_flat(fields: Mapping[str, Property]) -> bool:
    return any(known.container == ("properties",) for known in fields.values())


def _keep(body: dict[str, Any], live: Mapping[str, Any], name: str, known: Property) -> None:
    source: Any = live
    place = body
    for container in known.container:
        source = source.get(container) or {}
        place = place.setdefault(container, {})
    wire = known.wire or name
    if wire in source:
        place[wire] = source[wire]
