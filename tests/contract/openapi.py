"""Validates requests and responses strictly against the published OpenAPI.

Strictly means that unknown members and read-only members in a request are violations, and that a
member is validated against the derived class which its discriminator names. Members that are null
are ignored, because the service writes null for values that are not set and no schema allows null.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from jsonschema import Draft4Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

_MODEL = "x-model"
_VERBS = ("get", "put", "post", "patch", "delete", "head")
_PARAMETER = re.compile(r"\{[^}]+\}")


def directory() -> Path:
    """The folder of the published contract: the environment's CONTRACT, or one near the checkout."""
    default = Path(__file__).resolve().parents[2].parent / "shared" / "contract"
    return Path(os.environ.get("CONTRACT", default))


def present() -> bool:
    """Whether the published OpenAPI is available."""
    return (directory() / "specification").is_dir()


@lru_cache(maxsize=1)
def published() -> dict[str, Operation]:
    """Every operation of the OpenAPI by its id."""
    found: dict[str, Operation] = {}
    for file in sorted((directory() / "specification").glob("recoveryservices*/**/*.json")):
        if "examples" in file.parts:
            continue
        where = file.as_uri()
        for path, verbs in json.loads(file.read_text("utf-8"))["paths"].items():
            for verb in _VERBS:
                if verb in verbs:
                    operation = Operation(verb.upper(), path, where, verbs[verb])
                    found[operation.id] = operation
    return found


def shape_of(path: str) -> str:
    """A path template without the names of its parameters, in lower case."""
    return _PARAMETER.sub("{}", path).lower()


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of the contract.

    Attributes:
        verb: the HTTP verb.
        path: the path template.
        where: the URI of its file.
        document: its definition in the file.
    """

    verb: str
    path: str
    where: str
    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The operation id."""
        return str(self.document["operationId"])

    @property
    def long_running(self) -> bool:
        """Whether a response with status 202 is followed by polling."""
        return bool(self.document.get("x-ms-long-running-operation"))

    @property
    def statuses(self) -> list[int]:
        """The documented statuses for success."""
        return [int(status) for status in self.document["responses"] if status != "default"]

    def examples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The published examples of the operation that are available, by file name."""
        for reference in self.document.get("x-ms-examples", {}).values():
            file = Path(_file(self.where)).parent / reference["$ref"]
            if file.is_file():
                yield file.stem, json.loads(file.read_text("utf-8"))

    def violations_of_request(self, query: Mapping[str, str], body: Any) -> list[str]:
        """The violations of the contract in a request; a body of None means that it has none."""
        found = [
            f"query: {name} is required"
            for name, parameter in self._query.items()
            if parameter.get("required") and name not in query
        ]
        found += [f"query: {name} is not a parameter" for name in query if name not in self._query]
        if self._body is None:
            return [*found, "body: there is none"] if body is not None else found
        if body is None:
            return [*found, "body: it is required"] if self._body.get("required") else found
        return found + _violations(_RequestValidator, self._body["schema"], self.where, body)

    def violations_of_response(
        self, status: int, headers: Mapping[str, str], body: Any, *, polled: bool = False
    ) -> list[str]:
        """The violations of the contract in a response.

        Args:
            status: its status.
            headers: its headers.
            body: its body; None if it is empty.
            polled: whether it answers a poll of the operation's `Location`.
        """
        responses = self.document["responses"]
        described = responses.get(str(status))
        if described is None and status >= 400:
            described = responses.get("default", {})
        # A poll answers 204 once the resource is gone, even if only 200 and 202 are documented.
        if described is None and polled and status == 204:
            described = {}
        if described is None:
            return [f"status: {status} is none of {', '.join(responses)}"]
        found = self._violations_of_polling(status, headers)
        if "schema" not in described:
            # Errors are documented for few operations; another test checks the error body of ARM.
            described = {"schema": {}} if status >= 400 else described
        if "schema" not in described:
            return [*found, "body: there is none"] if body is not None else found
        if body is None:
            # The OpenAPI cannot say that the response to an accepted request is empty.
            return found if status in (201, 202) else [*found, "body: it is missing"]
        return found + _violations(_ResponseValidator, described["schema"], self.where, body)

    def _violations_of_polling(self, status: int, headers: Mapping[str, str]) -> list[str]:
        if status != 202:
            return []
        if not self.long_running and self.verb != "GET":
            return ["status: 202 without a long-running operation"]
        known = {name.lower() for name in headers}
        found = [
            f"headers: {name} is missing" for name in ("Location",) if name.lower() not in known
        ]
        if not known & {"retry-after", "x-ms-retry-after-ms"}:
            found.append("headers: neither Retry-After nor x-ms-retry-after-ms")
        return found

    @cached_property
    def _parameters(self) -> list[Mapping[str, Any]]:
        return [_follow(self.where, given)[1] for given in self.document.get("parameters", [])]

    @cached_property
    def _query(self) -> dict[str, Mapping[str, Any]]:
        return {given["name"]: given for given in self._parameters if given["in"] == "query"}

    @cached_property
    def _body(self) -> Mapping[str, Any] | None:
        return next((given for given in self._parameters if given["in"] == "body"), None)


# -- references and classes ---------------------------------------------------------------------


def _file(uri: str) -> str:
    return url2pathname(unquote(urlsplit(uri).path))


@cache
def _retrieve(uri: str) -> Resource[Any]:
    return DRAFT4.create_resource(json.loads(Path(_file(uri)).read_text("utf-8")))


_registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]


@cache
def _lookup(where: str, reference: str) -> tuple[str, str, Any]:
    """Resolve a reference: the URI of its file, the name of the definition, and the definition."""
    resolved = _registry.resolver(where).lookup(reference)
    file = reference.partition("#")[0]
    target = (Path(_file(where)).parent / file).resolve().as_uri() if file else where
    return target, reference.rpartition("/")[2], resolved.contents


def _follow(where: str, given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if "$ref" not in given:
        return where, given
    target, _, contents = _lookup(where, given["$ref"])
    return target, contents


@cache
def _derived(where: str, base: str) -> dict[str, str]:
    """The classes of a file that derive from a base, by the value of their discriminator."""
    definitions = _lookup(where, "#/definitions")[2]
    found = {}
    for name, schema in definitions.items():
        if name != base and base in _ancestors(where, name):
            found[str(schema.get("x-ms-discriminator-value", name))] = name
    return found


@cache
def _ancestors(where: str, name: str) -> frozenset[str]:
    schema = _lookup(where, f"#/definitions/{name}")[2]
    parents = set()
    for part in schema.get("allOf", []):
        target, parent, _ = _lookup(where, part["$ref"])
        parents |= {parent} | (_ancestors(target, parent) if target == where else set())
    return frozenset(parents)


@cache
def _model(where: str, name: str) -> dict[str, Any]:
    """A definition with everything that it inherits. It allows no unknown members."""
    return _closed(where, _lookup(where, f"#/definitions/{name}")[2])


def _closed(where: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    result = {
        key: value
        for key, value in schema.items()
        if key not in ("allOf", "properties", "additionalProperties", "discriminator", "required")
    }
    properties: dict[str, Any] = {}
    required: list[str] = []
    open_to: Any = False
    for part in schema.get("allOf", []):
        target, contents = _follow(where, part)
        inherited = _closed(target, contents)
        properties |= inherited.get("properties", {})
        required += inherited.get("required", [])
        open_to = open_to or inherited.get("additionalProperties", False)
    properties |= {
        name: _converted(where, member) for name, member in schema.get("properties", {}).items()
    }
    required += schema.get("required", [])
    if "additionalProperties" in schema:
        given = schema["additionalProperties"]
        open_to = _converted(where, given) if isinstance(given, dict) else given
    if properties or open_to or "allOf" in schema:
        result |= {"type": "object", "properties": properties, "additionalProperties": open_to}
        if required:
            result["required"] = required
    return result


def _converted(where: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {_MODEL: [where, schema["$ref"]], "readOnly": bool(schema.get("readOnly"))}
    result = _closed(where, schema)
    if "items" in schema:
        result["items"] = _converted(where, schema["items"])
    return result


# -- validation ---------------------------------------------------------------------------------


def _validate_model(
    validator: Draft4Validator, pointer: list[str], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    where, name, contents = _lookup(*pointer)
    discriminator = contents.get("discriminator")
    if discriminator and isinstance(instance, dict):
        value = instance.get(discriminator)
        derived = _derived(where, name)
        if value in derived:
            name = derived[value]
        elif value != contents.get("x-ms-discriminator-value", name) and derived:
            yield ValidationError(f"{discriminator} {value!r} is none of {', '.join(derived)}")
            return
    yield from validator.descend(instance, _model(where, name))


def _refuse_read_only(
    validator: Draft4Validator, read_only: bool, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if read_only:
        yield ValidationError("it is read-only")


_extend: Callable[..., Any] = extend
_ResponseValidator = _extend(Draft4Validator, {_MODEL: _validate_model})
_RequestValidator = _extend(_ResponseValidator, {"readOnly": _refuse_read_only})

_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


def _violations(validator: Any, schema: Mapping[str, Any], where: str, body: Any) -> list[str]:
    converted = _converted(where, schema)
    errors = validator(converted, format_checker=_formats).iter_errors(without_nulls(body))
    return sorted(_told(error) for error in errors)


def _told(error: ValidationError) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    return f"body{place}: {error.message}"


def without_nulls(value: Any) -> Any:
    """A body without the members that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
