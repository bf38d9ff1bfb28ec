"""Replays recorded traffic of the service against the emulator, and compares the responses.

Recorded names and ids are replaced by those of the emulated site. A recorded poll of an operation
or its job becomes a poll of the operation that was started last, and the emulated time advances
until its result matches. Bodies are compared by their shape in both directions, and some members by
their values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from emulator.estate.machines import Instance
from emulator.kernel.wire import Request, Response
from tests.contract import openapi, shapes, stages
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    NETWORK,
    STORAGE,
    VAULT,
    Site,
)

_ENDED = ("Succeeded", "Failed", "Canceled")
_JOB = "/replicationJobs/"
_FAST_ATTEMPTS, _ATTEMPTS = 60, 700
_POLLING_HEADERS = ("azure-asyncoperation", "location")
_SAME_VALUES = (
    "protectionState",
    "protectionStateDescription",
    "allowedOperations",
    "activeLocation",
    "testFailoverState",
    "testFailoverStateDescription",
    "replicationHealth",
    "failoverHealth",
    "state",
    "stateDescription",
    "scenarioName",
    "friendlyName",
    "allowedActions",
    "targetInstanceType",
)
"""Members of `properties` with a state. Their values have to be those of the recording."""

_SAME_IN_TASKS = ("taskId", "name", "friendlyName", "state", "stateDescription", "allowedActions")
_SAME_IN_ERRORS = (
    "errorCode",
    "errorSource",
    "errorType",
    "errorLevel",
    "errorCategory",
    "errorId",
)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_INSTEAD = {
    "location": "westeurope",  # any region that exists
    "performShutdown": "false",  # only the recorded VMware machine can be shut down
}


class Replay:
    """Replays one recording on a site.

    Args:
        name: the folder of the recording.
        site: the emulated site that answers.
        vault: the id of the vault that replaces the recorded one.
        machines: the machines that replace recorded items, by item name. The first one replaces
            all other items.
        before: unrecorded steps before a call, by the number of the call. A step may return the
            response to a request that started an operation.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        vault: str,
        *,
        machines: Mapping[str, Instance] | None = None,
        before: Mapping[str, Callable[[], Response | None]] | None = None,
    ) -> None:
        self._directory = recordings() / name
        self._site = site
        self._vault = vault
        self._machines = machines or {}
        self._before = before or {}
        self._begun: Response | None = None
        self.operation = ""

    def differences(self, left_out: tuple[str, ...] = ()) -> Iterator[str]:
        """The differences from the recorded responses, each as `<operation id>: what`.

        Args:
            left_out: numbers of calls to skip, or ranges of them such as `132-206`.
        """
        for file in sorted(self._directory.glob("*.json")):
            recorded = json.loads(file.read_text("utf-8"))
            uri = (recorded.get("request") or {}).get("uri", "")
            if uri.startswith("{V}") and not _is_in(file.name[:3], left_out):
                self._begun = self._before.get(file.name[:3], lambda: None)() or self._begun
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
            if _has_details(body):
                yield from _misshapen(body, json.loads(response.content()))
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
        for one, other in self._pairs(path, body, answer):
            yield from _misshapen(one, other)
            yield from _other_values(one, other)

    def _pairs(self, path: str, body: Any, answer: Any) -> Iterator[tuple[Any, Any]]:
        """The pairs of bodies to compare: the matching items of a list, otherwise the whole body."""
        if not path.endswith("/replicationProtectedItems") or not body["value"]:
            yield body, answer
            return
        ours = {entry["name"]: entry for entry in answer["value"]}
        for entry in body["value"]:
            yield entry, ours.get(self._machine(entry["name"]).name, {})

    def _machine(self, item: str) -> Instance:
        return self._machines.get(item, stages.MACHINE)

    def _make(self, request: dict[str, Any], path: str, shown: Any) -> Response:
        if re.match(r"/(replicationO|o)perationStatus/", path):
            return self._poll(ended=shown["status"] in _ENDED)
        version = re.search(r"api-version=([\d-]+)", request["uri"])
        assert version is not None
        url = self._vault + self._standing_for(unquote(path))
        self.operation = self._operation_of(request["method"], url)
        self._fast = True
        for attempt in range(_ATTEMPTS):
            self._fast = attempt < _FAST_ATTEMPTS
            response = self._site.call(
                request["method"], url, self._rewritten(request["body"]), version[1]
            )
            if not self._is_behind(response, shown):
                break
            self._site.pass_time(**self._pause(path))
        if "Azure-AsyncOperation" in response.headers:
            self._begun = response
        return response

    def _operation_of(self, method: str, url: str) -> str:
        found = self._site.world.routes.find(Request.of(method, url))
        kind = url.removeprefix(self._vault).split("/")[1:]
        return found[0].operation_id if found else f"{method} {'/'.join(kind[:1] + kind[2:])}"

    def _is_behind(self, response: Response, shown: Any) -> bool:
        """Whether the polled resource has not yet reached the recorded state."""
        wanted = _state(shown)
        return response.status == 200 and wanted is not None and _state(response.body) != wanted

    def _pause(self, path: str) -> dict[str, float]:
        """How far to advance the clock between polls: shorter for jobs, whose tasks end quickly."""
        return {"seconds": 0.1 if self._fast else 5} if _JOB in path else {"minutes": 5}

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
        """A recorded id or path with the names of the emulated site."""
        site = self._site
        text = self._of_the_last_job(text)
        if not hasattr(site, "fabric"):  # the vault's own recording
            return text
        instead: dict[str, Callable[[], str]] = {
            r"^.*/Microsoft\.OffAzure/\w+/[^/]+/machines/": lambda: self._protectable(text),
            r"^/subscriptions/.*/replicationProtectableItems/[^/]+$": (
                lambda: site.protectable(stages.MACHINE)
            ),
            r"^.*/replicationPolicies/Policyv2a$": lambda: site.policy,
            r"^.*/Microsoft\.OffAzure/\w+/[^/]+/runasaccounts/": lambda: _account(site),
            r"^.*/virtualNetworks/[^/]+$": lambda: NETWORK,
            r"^.*/storageAccounts/[^/]+$": lambda: STORAGE,
            r"^/subscriptions/[^/]+/resourceGroups/[^/]+$": lambda: GROUP,
            r"^(MySubnet|Subnet1)$": lambda: "servers",
            r"^(83629832-8201-4d31-b9cd-a644185d035a|7d30ec24-f20e-4c17-8dfd-d7ccb444b072)$": (
                lambda: site.host
            ),
            r"^2$": lambda: "1",  # the account of the operating system
            r"^30AE6187-5869-8E44-B8AF6AA66E3ECC8F$": lambda: site.host,
            r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$": lambda: self._interface(),
        }
        for pattern, mine in instead.items():
            if re.match(pattern, text, re.IGNORECASE):
                return mine()
        text = re.sub(r"^/Subscriptions/.*/vaults/[^/]+", VAULT, text)
        named = re.search(r"/replicationProtectedItems/([^/]+)", text)
        provider = site.get(f"{site.fabric}/replicationRecoveryServicesProviders")["value"][0]
        discovered = "/replicationProtectableItems/" in text
        for segment, name in (
            ("replicationProtectableItems", site.protectable(stages.MACHINE) if discovered else ""),
            ("replicationFabrics", site.fabric),
            ("replicationProtectionContainers", site.container),
            ("replicationProtectedItems", self._machine(named[1] if named else "").name),
            ("replicationRecoveryServicesProviders", provider["id"]),
        ):
            text = re.sub(rf"(/{segment}/)[^/]+", rf"\g<1>{name.rpartition('/')[2]}", text)
        return text

    def _protectable(self, text: str) -> str:
        return self._site.protectable(self._machine(text.rpartition("/")[2]))

    def _interface(self) -> str:
        item = self._site.get(self._site.item(self._machine("Rcm-W2K16-153")))
        return str(item["properties"]["providerSpecificDetails"]["vmNics"][0]["nicId"])

    def _of_the_last_job(self, text: str) -> str:
        if self._begun is None or not text.startswith("/replicationJobs/"):
            return text
        url = self._begun.headers["Azure-AsyncOperation"].partition("?")[0]
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", url.rpartition("/")[2], text)


def recordings() -> Path:
    """The folder of the recordings."""
    return openapi.directory() / "recordings"


def _account(site: Site) -> str:
    physical = site.get(site.fabric)["properties"]["customDetails"]["physicalSiteId"]
    found = site.call("GET", f"{physical}/runAsAccounts", version="2020-01-01").body["value"]
    return str(found[0]["id"])


def _state(body: Any) -> Any:
    """The state of an item or a job; None for any other body."""
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        return None
    if "tasks" in properties:
        return properties["state"], [task["stateDescription"] for task in properties["tasks"]]
    return properties.get("protectionState")


def _has_details(body: Any) -> bool:
    return isinstance(body, dict) and bool((body.get("error") or {}).get("details"))


def _misshapen(shown: Any, given: Any) -> Iterator[str]:
    yield from (f"lacks {found}" for found in shapes.lacking(shown, given))
    yield from (f"adds {found}" for found in shapes.lacking(given, shown))


def _other_values(shown: Any, given: Any) -> Iterator[str]:
    if not isinstance(shown, dict):
        return
    if shown.get("status") in _ENDED and "status" in given and shown["status"] != given["status"]:
        yield f".status: {shown['status']!r} is recorded, {given['status']!r} is given"
    if not isinstance(shown.get("properties"), dict):
        return
    named = "scenarioName" in shown["properties"]
    yield from _other(shown["properties"], given["properties"], _SAME_VALUES, "", named=named)
    for part, names in (("tasks", _SAME_IN_TASKS), ("healthErrors", _SAME_IN_ERRORS)):
        entries, mine = shown["properties"].get(part) or [], given["properties"].get(part) or []
        if len(entries) != len(mine):
            yield f".properties.{part}: {len(entries)} are recorded, {len(mine)} are given"
        for one, other in zip(entries, mine, strict=False):
            yield from _other(one, other, names, f".{part}[]", named=True)


def _other(
    shown: Any, given: Any, names: tuple[str, ...], at: str, *, named: bool
) -> Iterator[str]:
    for name in names:
        recorded, mine = shown.get(name), given.get(name)
        if recorded is None or name not in given or (name == "friendlyName" and not named):
            continue
        if recorded != mine and not (_is_guid(recorded) and _is_guid(mine)):
            yield f".properties{at}.{name}: {recorded!r} is recorded, {mine!r} is given"


def _is_guid(value: Any) -> bool:
    return isinstance(value, str) and _GUID.fullmatch(value) is not None


def _is_in(number: str, runs: tuple[str, ...]) -> bool:
    for run in runs:
        first, _, last = run.partition("-")
        if int(first) <= int(number) <= int(last or first):
            return True
    return False
