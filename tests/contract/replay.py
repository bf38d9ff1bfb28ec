"""Recorded traffic of the service, made again call by call: where the emulator answers otherwise.

Names and ids become those of what is there; a poll of an operation is one of the operation that
was begun last; between polls as much time passes as it takes. Bodies are compared by their shape,
both ways, and some members by their values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from emulator.kernel.wire import Request, Response
from tests.contract import openapi, shapes, stages
from tests.emulator.recovery_services.site_recovery_experiences import CLASSIC
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    NETWORK,
    STORAGE,
    VAULT,
    Site,
)

_ENDED = ("Succeeded", "Failed", "Canceled")
_POLLING_HEADERS = ("azure-asyncoperation", "location")
_SAME_VALUES = (
    *("protectionState", "protectionStateDescription", "allowedOperations", "activeLocation"),
    *("testFailoverState", "state", "stateDescription", "scenarioName", "friendlyName"),
)
"""Members of `properties` that say where something stands: their words are the service's."""

_INSTEAD = {
    "location": "westeurope",  # a region that is everybody's
    "performShutdown": "false",  # the recorded machine is VMware's, and can be shut down
}


class Replay:
    """One recording, made again on a site.

    Args:
        name: the recording's directory.
        site: where its calls are made.
        vault: the id of the vault that stands for the recorded one.
    """

    def __init__(self, name: str, site: Site, vault: str) -> None:
        self._directory = recordings() / name
        self._site = site
        self._vault = vault
        self._begun: Response | None = None
        self.operation = ""

    def differences(self, left_out: tuple[str, ...] = ()) -> Iterator[str]:
        """Where an answer differs from the recorded one, as `<operation id>: what`.

        Args:
            left_out: the numbers of calls that are not made, or the first and the last of a run
                of them as `132-206`.
        """
        for file in sorted(self._directory.glob("*.json")):
            recorded = json.loads(file.read_text("utf-8"))
            uri = recorded["request"]["uri"]
            if uri.startswith("{V}") and not _is_in(file.name[:3], left_out):
                path = uri.partition("?")[0].removeprefix("{V}")
                for difference in self._compare(recorded, path):
                    yield f"{self.operation}: {difference}"

    def _compare(self, recorded: dict[str, Any], path: str) -> Iterator[str]:
        shown = recorded["response"]
        body = shown["body"] or None
        response = self._make(recorded["request"], path, body)
        if response.status != shown["status"]["code"]:
            yield f"{shown['status']['code']} is recorded, {response.status} is given"
            return
        if response.status >= 400:
            return
        given = {name.lower() for name in response.headers}
        for name in _POLLING_HEADERS:
            if (name in shown["headers"]) != (name in given):
                yield f"{name} is{' not' * (name in given)} recorded"
        content = response.content()
        answer = json.loads(content) if content else None
        if (body is None) != (answer is None):
            yield "the one has a body, the other none"
            return
        yield from (f"lacks {found}" for found in shapes.lacking(body, answer))
        yield from (f"adds {found}" for found in shapes.lacking(answer, body))
        yield from _other_values(body, answer)

    def _make(self, request: dict[str, Any], path: str, shown: Any) -> Response:
        if re.match(r"/(replicationO|o)perationStatus/", path):
            return self._poll(ended=shown["status"] in _ENDED)
        version = re.search(r"api-version=([\d-]+)", request["uri"])
        assert version is not None
        url = self._vault + self._standing_for(unquote(path))
        self.operation = self._operation_of(request["method"], url)
        for _ in range(100):
            response = self._site.call(
                request["method"], url, self._rewritten(request["body"]), version[1]
            )
            if not self._is_behind(response, shown):
                break
            self._site.pass_time(minutes=5)
        if "Azure-AsyncOperation" in response.headers:
            self._begun = response
        return response

    def _operation_of(self, method: str, url: str) -> str:
        found = self._site.world.routes.find(Request.of(method, url))
        kind = url.removeprefix(self._vault).split("/")[1:]
        return found[0].operation_id if found else f"{method} {'/'.join(kind[:1] + kind[2:])}"

    def _is_behind(self, response: Response, shown: Any) -> bool:
        """Whether an item, asked for again and again, is not yet where the recorded one is."""
        wanted = _state(shown)
        return response.status == 200 and wanted is not None and _state(response.body) != wanted

    def _poll(self, *, ended: bool) -> Response:
        assert self._begun is not None
        self.operation = "poll"
        for _ in range(200):
            response = self._site.call("GET", self._begun.headers["Azure-AsyncOperation"])
            if not ended or response.body["status"] in _ENDED:
                return response
            self._site.pass_time(seconds=30)
        raise AssertionError("the operation does not end")

    def _rewritten(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: _INSTEAD.get(name) or self._rewritten(item) for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._rewritten(item) for item in value]
        return self._standing_for(value) if isinstance(value, str) else value

    def _standing_for(self, text: str) -> str:
        """A recorded id or path with the names of what is there."""
        site = self._site
        if site.experience is CLASSIC:  # the vault's own recording
            return self._of_the_last_job(text)
        instead: dict[str, Callable[[], str]] = {
            r"^.*/Microsoft\.OffAzure/\w+/[^/]+/machines/": lambda: site.protectable(
                stages.MACHINE
            ),
            r"^.*/Microsoft\.OffAzure/\w+/[^/]+/runasaccounts/": lambda: _account(site),
            r"^.*/virtualNetworks/[^/]+$": lambda: NETWORK,
            r"^.*/storageAccounts/[^/]+$": lambda: STORAGE,
            r"^/subscriptions/[^/]+/resourceGroups/[^/]+$": lambda: GROUP,
            r"^MySubnet$": lambda: "servers",
            r"^83629832-8201-4d31-b9cd-a644185d035a$": lambda: site.host,
        }
        for pattern, mine in instead.items():
            if re.match(pattern, text, re.IGNORECASE):
                return mine()
        text = re.sub(r"^/Subscriptions/.*/vaults/[^/]+", VAULT, text)
        for segment, name in (
            ("replicationFabrics", site.fabric),
            ("replicationProtectionContainers", site.container),
            ("replicationProtectedItems", site.item(stages.MACHINE)),
        ):
            text = re.sub(rf"(/{segment}/)[^/]+", rf"\g<1>{name.rpartition('/')[2]}", text)
        return text

    def _of_the_last_job(self, text: str) -> str:
        if self._begun is None or not text.startswith("/replicationJobs/"):
            return text
        url = self._begun.headers["Azure-AsyncOperation"].partition("?")[0]
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", url.rpartition("/")[2], text)


def recordings() -> Path:
    """Where the recordings are."""
    return openapi.directory() / "recordings"


def _account(site: Site) -> str:
    physical = site.get(site.fabric)["properties"]["customDetails"]["physicalSiteId"]
    found = site.call("GET", f"{physical}/runAsAccounts", version="2020-01-01").body["value"]
    return str(found[0]["id"])


def _state(body: Any) -> Any:
    properties = body.get("properties") if isinstance(body, dict) else None
    return properties.get("protectionState") if isinstance(properties, dict) else None


def _other_values(shown: Any, given: Any) -> Iterator[str]:
    if not isinstance(shown, dict):
        return
    if shown.get("status") in _ENDED and shown["status"] != given["status"]:
        yield f".status: {shown['status']!r} is recorded, {given['status']!r} is given"
    if not isinstance(shown.get("properties"), dict):
        return
    for name in _SAME_VALUES:
        recorded, mine = shown["properties"].get(name), given["properties"].get(name)
        if recorded is not None and name in given["properties"] and recorded != mine:
            is_name = name == "friendlyName" and "scenarioName" not in shown["properties"]
            if not is_name:
                yield f".properties.{name}: {recorded!r} is recorded, {mine!r} is given"


def _is_in(number: str, runs: tuple[str, ...]) -> bool:
    for run in runs:
        first, _, last = run.partition("-")
        if int(first) <= int(number) <= int(last or first):
            return True
    return False
