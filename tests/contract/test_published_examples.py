"""Published examples are sent again: what answers them has the shape that they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from emulator import coverage
from emulator.kernel.wire import Response
from tests.contract import openapi, shapes, stages
from tests.contract.test_every_operation import needs_openapi
from tests.emulator.site_recovery_support import Site

pytestmark = needs_openapi

DIFFERENT = {
    r"^Vaults_CreateOrUpdate \.tags:": "the example answers tags that it has not sent",
    r"^Vaults_CreateOrUpdate \.sku\.tier:": "recorded (vault, 001): the sku as it was sent",
    r"^GetOperationStatus \.(start|end)Time:": "recorded (vault, 003): a status without times",
}
"""What an answer lacks of its example, by operation and place, with the reason."""

REFUSED = {
    "ReplicationProtectionContainerMappings_Update": "a classic mapping keeps nothing to change",
    "ReplicationJobs_Resume": "only a manual step of a recovery plan waits for a person",
}
"""Examples for which there is no world, in this experience, to which they apply."""


def examples(*, foreign: bool = False) -> Iterator[Any]:
    """Every example of an operation that is answered here; `foreign`: of another provider."""
    if not openapi.present():
        yield pytest.param("none", {}, id="no OpenAPI")
        return
    offered = {route.operation_id for route in coverage.routes()}
    for operation in openapi.published().values():
        if operation.id in offered:
            for name, example in operation.examples():
                if not foreign or "instanceType" in str(example["parameters"]):
                    yield pytest.param(operation.id, example, id=f"{operation.id}-{name}")


@pytest.mark.parametrize(("identifier", "example"), examples())
def test_an_example_is_answered_in_its_shape(identifier: str, example: dict[str, Any]) -> None:
    site = stages.at(identifier)
    response = send(site, identifier, example, ours=True)
    if identifier in REFUSED:
        assert response.status == 400
        return
    assert str(response.status) in example["responses"], response.body
    found = list(lacking(example, response.status, response.body))
    if response.status in (201, 202) and "Location" in response.headers:
        result = ended(site, response)
        assert result.status in (200, 204)
        found += lacking(example, result.status, result.body)
    found = [re.sub(r"^", f"{identifier} ", place) for place in found]
    assert [place for place in found if not explained(place)] == []


@pytest.mark.parametrize(("identifier", "example"), examples(foreign=True))
def test_an_example_of_another_provider_is_refused(
    identifier: str, example: dict[str, Any]
) -> None:
    site = stages.at(identifier)
    before = len(site.world.audited())
    response = send(site, identifier, example, ours=False)
    assert response.status == 400
    assert response.body["error"]["code"]
    assert response.body["error"]["message"]
    assert len(site.world.audited()) == before


def send(site: Site, identifier: str, example: dict[str, Any], *, ours: bool) -> Response:
    """An example's request, its names and ids those of what is there."""
    operation = openapi.published()[identifier]
    given = example["parameters"]
    names = stages.names(site, identifier)
    path = re.sub(r"\{(\w+)\}", lambda match: quote(names[match.group(1)]), operation.path)
    bodies = [value for value in given.values() if isinstance(value, dict)]
    body = stages.body(site, identifier, bodies[0], ours=ours) if bodies else None
    return site.call(operation.verb, path, body, given["api-version"])


def ended(site: Site, accepted: Response) -> Response:
    """What the operation's `Location` answers once it has ended."""
    for _ in range(200):
        result = site.call("GET", accepted.headers["Location"])
        if result.status != 202:
            return result
        site.pass_time(seconds=30)
    raise AssertionError("the operation does not end")


def lacking(example: dict[str, Any], status: int, body: Any) -> Iterator[str]:
    """What an answer lacks of the one that the example shows for its status."""
    shown = example["responses"].get(str(status), {}).get("body")
    if shown is not None:
        yield from shapes.lacking(shown, body if body is not None else "")


def explained(place: str) -> bool:
    """Whether the table of differences has the place."""
    return any(re.search(known, place) for known in DIFFERENT)
