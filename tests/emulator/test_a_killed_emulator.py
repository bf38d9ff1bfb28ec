"""The emulator is killed (-9) repeatedly at random moments, and continues where it was."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Store
from emulator.recovery_services.experiences.classic.states import TABLE
from emulator.recovery_services.wire.paths import JOBS, PROTECTED_ITEMS
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import Site
from tests.emulator.recovery_services.site_server import MACHINE

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("FUZZ_KILLS", "6"))
VERSION = "api-version=2025-08-01"


class Dead(Exception):
    """The server did not answer: it was killed."""


class Victim:
    """A server process that is killed shortly after it has started, several times."""

    def __init__(self, database: Path, token: str, kills: int) -> None:
        self.database, self.kills = database, kills
        self._headers = {"Authorization": f"Bearer {token}"}
        self._chance = random.Random(kills)
        self._process: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None
        self.latest: datetime | None = None
        self.acknowledged = 0  # changes that were answered
        self._port = 0

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.emulator.recovery_services.site_server"]
        # The process inherits its port: another program could take one that is only free by now.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
            self._process = subprocess.Popen(
                [*command, str(self.database)],
                cwd=ROOT,
                stdin=listener.fileno(),
                stderr=subprocess.DEVNULL,
            )
        end = time.monotonic() + 60
        while True:
            try:
                self.call("GET", "/_emulator/health")
                break
            except Dead:
                assert self._process.poll() is None, "the server does not start"
                assert time.monotonic() < end, "the server does not answer"
                # There is no event to wait for: a process either listens by now or not yet.
                self._process_may_start()
        if self.kills > 0:
            self._timer = threading.Timer(self._chance.uniform(0.0, 0.08), self._process.kill)
            self._timer.start()

    def _process_may_start(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(0.05)
        except subprocess.TimeoutExpired:
            return

    def bury(self) -> None:
        """Wait until the kill is done."""
        assert self._process is not None
        if self._timer is not None:
            self._timer.join()
            self._timer = None
        self._process.kill()
        self._process.wait(30)
        self.kills -= 1

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request.

        Raises:
            Dead: no answer came.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        target = path if "?" in path else f"{path}?{VERSION}"
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, target, content, self._headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Dead from error
        finally:
            connection.close()
        now = parsedate_to_datetime(answer.headers["Date"])
        assert self.latest is None or now >= self.latest, "time went back"
        self.latest = now
        assert status != 500, text
        audited = not path.startswith("/_emulator") and method != "GET"
        self.acknowledged += int(audited and status < 400)
        return status, json.loads(text) if text else None


@pytest.fixture
def prepared(tmp_path: Path) -> Site:
    site = Site([MACHINE], database=tmp_path / "azure.sqlite").prepare()
    site.protectable(MACHINE)
    return site


@pytest.fixture
def victim(prepared: Site, tmp_path: Path) -> Iterator[Victim]:
    found = Victim(tmp_path / "azure.sqlite", prepared.token, KILLS)
    yield found
    found.bury()


def test_a_migration_over_http_survives_kills_at_any_moment(prepared: Site, victim: Victim) -> None:
    steps = migration(prepared)
    audited_before = prepared.world.audited()
    victim.acknowledged = len(audited_before)
    prepared.store.close()
    victim.start()
    done = False
    while not done:
        try:
            done = step(victim, steps)
        except Dead:
            victim.bury()
            audited_before = consistent(victim, audited_before)
            victim.start()
    assert victim.kills <= 0, "the migration ended before all kills"
    _, machines = victim.call("GET", f"{support.MACHINES}?api-version=2024-11-01")
    assert [machine["name"] for machine in machines["value"]] == [MACHINE.name]
    _, audit = victim.call("GET", "/_emulator/audit")
    operations = [entry["operation"] for entry in audit["value"]]
    assert operations.count("ReplicationProtectedItems_UnplannedFailover") == 1
    assert operations.count("ReplicationProtectedItems_TestFailover") == 1


def migration(site: Site) -> dict[str, tuple[str, str, Any]]:
    """The next request of the migration, by an operation that the machine's item allows."""
    item = site.item(MACHINE)
    failover = {"properties": support.failover_properties()}
    complete = {"properties": {"disableProtectionReason": "MigrationComplete"}}
    test = {"properties": support.test_failover_properties()}
    return {
        "": ("PUT", item, site.enable_body(MACHINE)),
        "TestFailover": ("POST", f"{item}/testFailover", test),
        "TestFailoverCleanup": ("POST", f"{item}/testFailoverCleanup", {"properties": {}}),
        "UnplannedFailover": ("POST", f"{item}/unplannedFailover", failover),
        "CompleteMigration": ("POST", f"{item}/remove", complete),
    }


def step(victim: Victim, steps: dict[str, tuple[str, str, Any]]) -> bool:
    """Read the item, send the next request, let time pass. True once the machine is migrated."""
    _, path, _ = steps[""]
    status, item = victim.call("GET", path)
    if status == 404:
        _, machines = victim.call("GET", f"{support.MACHINES}?api-version=2024-11-01")
        if machines["value"]:
            # Idle rounds, until all kills were made.
            victim.call("POST", "/_emulator/clock/advance", {"seconds": 60})
            return victim.kills <= 0
        victim.call(*steps[""])
    else:
        allowed = item["properties"]["allowedOperations"]
        tested = item["properties"].get("lastSuccessfulTestFailoverTime")
        for operation in ("CompleteMigration", "TestFailoverCleanup", "TestFailover"):
            if operation in allowed:
                skip = operation == "TestFailover" and tested
                victim.call(*steps["UnplannedFailover" if skip else operation])
                break
    victim.call("POST", "/_emulator/clock/advance", {"seconds": 45})
    return False


def consistent(victim: Victim, audited_before: list[Any]) -> list[Any]:
    """Check the invariants of the state that the killed process left, and return the audit."""
    store = Store(victim.database)
    try:
        audited = sorted(store.list("audit"), key=lambda entry: int(entry["number"]))
        numbers = [entry["number"] for entry in audited]
        assert numbers == sorted(set(numbers))
        assert [entry["time"] for entry in audited] == sorted(entry["time"] for entry in audited)
        assert audited[: len(audited_before)] == audited_before
        assert len(audited) >= victim.acknowledged, "an answered change is lost"
        events = json.dumps([event["payload"] for event in store.list("event")]).lower()
        jobs = {job["name"]: job for job in store.list(JOBS.kind)}
        for name, job in jobs.items():
            if job["properties"]["state"] in ("NotStarted", "InProgress", "Cancelling"):
                assert name.lower() in events, f"nothing will end the job {name}"
        for item in store.list(PROTECTED_ITEMS.kind):
            assert item[PRIVATE]["state"] in TABLE.states
            if item[PRIVATE]["job"]:
                state = jobs[item[PRIVATE]["job"]]["properties"]["state"]
                assert state in ("NotStarted", "InProgress", "Cancelling")
        kept = store.get("meta", "clock")
        assert kept is not None
        assert datetime.fromisoformat(kept["now"]) >= datetime.fromisoformat(audited[-1]["time"])
    finally:
        store.close()
    return audited
