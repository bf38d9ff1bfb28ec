"""A machine is in its phase only when its checks in Azure passed; only then does a test count."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import LENIENT, STRICT, Fleet

WEB, OTHER, DB = "web-01", "web-02", "db-01"
SCRIPTS = {
    "windows": ["if ((Get-Service W3SVC).Status -ne 'Running') { throw 'W3SVC is down' }"],
    "linux": ["systemctl is-active nginx", "curl -fsS http://localhost/healthz"],
}
COMMAND = {"azureRunCommand": SCRIPTS}
INSIDE: list[dict[str, Any]] = [
    {"http": {"path": "/healthz"}, "from": "azure"},
    {"tcp": 80, "from": "azure"},
]


def declare(fleet: Fleet, *checks: dict[str, Any]) -> None:
    fleet.checks = {machine: list(checks) for machine in fleet.machines}


def commands(fleet: Fleet) -> list[str]:
    return [
        entry["resource"].split("/")[8]
        for entry in fleet.site.world.audited()
        if entry["operation"] == "VirtualMachines_RunCommand"
    ]


def satisfied(outcomes: dict[str, Outcome]) -> list[str]:
    return [name for name, each in outcomes.items() if each.status is Status.SATISFIED]


@contextmanager
def page(status: HTTPStatus) -> Iterator[int]:
    """A server on loopback that answers every GET with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# -- in the machine -----------------------------------------------------------------------------


def test_checks_run_in_the_test_and_in_the_production_machine(fleet: Fleet) -> None:
    declare(fleet, COMMAND, *INSIDE)
    outcomes = fleet.drive(Phase.TEST_FAILOVER)
    assert satisfied(outcomes) == list(fleet.machines)
    records = [each.checks for each in outcomes.values()]
    assert all(record is not None and record.passed for record in records)
    assert sorted(commands(fleet)) == sorted(
        name for machine in fleet.machines for name in [f"{machine}-test"] * 3
    )
    before = len(commands(fleet))
    fleet.drive(Phase.FAILED_OVER, rules=STRICT)
    assert sorted(set(commands(fleet)[before:])) == sorted(fleet.machines)


def test_passed_checks_of_the_same_machine_are_not_made_again(quiet_fleet: Fleet) -> None:
    declare(quiet_fleet, COMMAND)
    quiet_fleet.drive(Phase.FAILED_OVER)
    made = commands(quiet_fleet)
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER)) == list(quiet_fleet.machines)
    quiet_fleet.drive(Phase.MIGRATED)
    assert commands(quiet_fleet) == made


def test_checks_that_are_declared_anew_are_made(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.FAILED_OVER)
    declare(quiet_fleet, COMMAND)
    quiet_fleet.drive(Phase.FAILED_OVER)
    assert sorted(commands(quiet_fleet)) == sorted(quiet_fleet.machines)


def test_a_script_that_fails_fails_its_machine_alone_with_what_it_printed(fleet: Fleet) -> None:
    declare(fleet, COMMAND)
    fleet.fault(
        operation="VirtualMachines_RunCommand",
        match=WEB,
        command={"stdout": "checking", "stderr": "the disk D: is missing", "exitCode": 4},
    )
    outcomes = fleet.drive(Phase.TEST_FAILOVER)
    assert satisfied(outcomes) == [OTHER, DB]
    failed = outcomes[WEB]
    assert (failed.status, failed.reason) == (Status.FAILED, Reason.CHECK_FAILED)
    assert "web-01-test" in failed.message
    assert "the disk D: is missing" in failed.message
    assert failed.checks is not None
    assert not failed.checks.passed
    assert satisfied(fleet.drive(Phase.TEST_FAILOVER)) == list(fleet.machines)
    assert commands(fleet).count("web-01-test") == 2
    assert commands(fleet).count("web-02-test") == 1


def test_a_script_tells_its_exit_code_and_its_output(quiet_fleet: Fleet) -> None:
    declare(
        quiet_fleet,
        {"azureRunCommand": {"windows": ["'half'; exit 7"], "linux": ["echo half", "exit 7"]}},
    )
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == []
    for each in outcomes.values():
        assert "ended with 7" in each.message
        assert "half" in each.message


def test_a_machine_without_lines_for_its_platform_has_nothing_to_run(quiet_fleet: Fleet) -> None:
    declare(quiet_fleet, {"azureRunCommand": {"linux": SCRIPTS["linux"]}})
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == list(quiet_fleet.machines)
    assert commands(quiet_fleet) == [DB]
    web, db = (outcomes[name].checks for name in (WEB, DB))
    assert web is not None
    assert db is not None
    assert web.messages["2 run command"] == "nothing to run on windows"
    assert db.messages["2 run command"].startswith("passed")
    assert f"{WEB}: check passed: run command" not in quiet_fleet.reporter.events
    assert f"{DB}: check passed: run command" in quiet_fleet.reporter.events


@pytest.mark.parametrize("check", INSIDE)
def test_a_service_that_does_not_come_up_is_found(
    quiet_fleet: Fleet, check: dict[str, Any]
) -> None:
    declare(quiet_fleet, {**check, "timeout": "5m"})
    quiet_fleet.fault(operation="Boot", match=DB, boot="serviceless")
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == [WEB, OTHER]
    assert outcomes[DB].reason is Reason.CHECK_FAILED
    assert "refused" in outcomes[DB].message


def test_a_script_that_hangs_fails_after_its_timeout(quiet_fleet: Fleet) -> None:
    declare(quiet_fleet, {**COMMAND, "timeout": "10m"})
    quiet_fleet.fault(operation="VirtualMachines_RunCommand", match=DB, command={"hangs": True})
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == [WEB, OTHER]
    assert "its script runs, after" in outcomes[DB].message


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_script_whose_reply_is_lost_is_asked_for_again(quiet_fleet: Fleet, lost: str) -> None:
    declare(quiet_fleet, COMMAND)
    quiet_fleet.fault(operation="VirtualMachines_RunCommand", match=DB, drop=lost)
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER)) == list(quiet_fleet.machines)


# -- whether it runs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boot", "said"),
    [
        ("starting", "it is starting"),
        ("unbooted", "it is running, and its agent has not reported"),
        ("agentless", "it is running, and its agent has not reported"),
    ],
)
def test_a_machine_that_does_not_boot_is_not_in_its_phase(
    quiet_fleet: Fleet, boot: str, said: str
) -> None:
    quiet_fleet.fault(operation="Boot", match=WEB, boot=boot)
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == [OTHER, DB]
    assert outcomes[WEB].observed.stage is Stage.FAILED_OVER
    assert said in outcomes[WEB].message
    assert "after 0:15:00" in outcomes[WEB].message


def test_a_migration_is_completed_only_when_the_machine_runs(quiet_fleet: Fleet) -> None:
    quiet_fleet.fault(operation="Boot", match=WEB, boot="unbooted")
    outcomes = quiet_fleet.drive(Phase.MIGRATED)
    assert satisfied(outcomes) == [OTHER, DB]
    assert outcomes[WEB].observed.stage is Stage.FAILED_OVER
    vm = outcomes[WEB].observed.azure_vm_id
    quiet_fleet.site.call("POST", f"{vm}/restart", version="2024-11-01")
    assert satisfied(quiet_fleet.drive(Phase.MIGRATED)) == list(quiet_fleet.machines)


def test_a_run_that_ends_before_the_checks_says_what_it_waits_for(quiet_fleet: Fleet) -> None:
    declare(quiet_fleet, {"running": {"within": "4h"}})
    quiet_fleet.drive(Phase.PROTECTED)
    quiet_fleet.fault(operation="Boot", match=WEB, boot="unbooted")
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, wait=timedelta(hours=1))
    assert outcomes[WEB].status is Status.PENDING
    assert outcomes[WEB].reason is Reason.CHECK_RUNNING
    assert "running within 4h" in outcomes[WEB].message


# -- from the runner ----------------------------------------------------------------------------


def test_a_page_and_a_port_are_asked_from_here(quiet_fleet: Fleet) -> None:
    with page(HTTPStatus.OK) as port:
        at = {"host": "127.0.0.1"}
        declare(quiet_fleet, {"tcp": port, **at}, {"http": {"port": port}, **at})
        assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER)) == list(quiet_fleet.machines)


def test_a_page_with_another_status_fails_after_the_timeout(quiet_fleet: Fleet) -> None:
    with page(HTTPStatus.SERVICE_UNAVAILABLE) as port:
        check = {"http": {"path": "/up", "port": port}, "host": "127.0.0.1", "timeout": "2m"}
        declare(quiet_fleet, check)
        outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == []
    assert "/up answered 503, not 200, after 0:02:00" in outcomes[WEB].message


def test_a_port_that_nobody_listens_on_fails(quiet_fleet: Fleet) -> None:
    with page(HTTPStatus.OK) as port:
        pass
    declare(quiet_fleet, {"tcp": port, "host": "127.0.0.1", "timeout": "1m"})
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert f"port {port} does not accept a connection" in outcomes[WEB].message


def test_the_address_of_a_machine_is_the_private_one_of_its_interface(quiet_fleet: Fleet) -> None:
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    vm = outcomes[WEB].observed.azure_vm_id or ""

    async def address() -> str | None:
        async with quiet_fleet.service() as service:
            return await service.guests.address(vm)

    assert (asyncio.run(address()) or "").startswith("10.")


# -- a test that counts -------------------------------------------------------------------------


def test_a_test_counts_only_if_its_checks_passed(quiet_fleet: Fleet) -> None:
    quiet_fleet.fault(operation="Boot", match=WEB, boot="unbooted")
    quiet_fleet.drive(Phase.TEST_FAILOVER, rules=STRICT)
    for _ in range(2):
        outcomes = quiet_fleet.drive(Phase.FAILED_OVER, rules=STRICT)
        assert satisfied(outcomes) == [OTHER, DB]
        assert outcomes[WEB].reason is Reason.TEST_NOT_CHECKED
        assert outcomes[WEB].observed.stage is Stage.TEST_FAILOVER
    vm = outcomes[WEB].observed.test_vm_id
    quiet_fleet.site.call("POST", f"{vm}/restart", version="2024-11-01")
    assert WEB in satisfied(quiet_fleet.drive({WEB: Phase.TEST_FAILOVER}, rules=STRICT))
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER, rules=STRICT)) == list(
        quiet_fleet.machines
    )


def test_a_test_by_hand_counts_once_its_checks_passed(quiet_fleet: Fleet) -> None:
    site = quiet_fleet.site
    quiet_fleet.drive(Phase.PROTECTED)
    for machine in quiet_fleet.machines.values():
        site.finished(site.test_failover(machine))
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, rules=STRICT)
    assert {each.reason for each in outcomes.values()} == {Reason.TEST_NOT_CHECKED}
    assert satisfied(quiet_fleet.drive(Phase.TEST_FAILOVER, rules=STRICT)) == list(
        quiet_fleet.machines
    )
    assert quiet_fleet.accepted(WEB).count("ReplicationProtectedItems_TestFailover") == 1
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER, rules=STRICT)) == list(
        quiet_fleet.machines
    )


def test_a_test_by_hand_that_is_cleaned_up_does_not_count(quiet_fleet: Fleet) -> None:
    site = quiet_fleet.site
    quiet_fleet.drive(Phase.PROTECTED)
    web = quiet_fleet.machines[WEB]
    site.finished(site.test_failover(web))
    site.finished(site.clean_up(web))
    outcomes = quiet_fleet.drive({WEB: Phase.FAILED_OVER}, rules=STRICT)
    assert outcomes[WEB].reason is Reason.TEST_NOT_CHECKED
    quiet_fleet.drive({WEB: Phase.TEST_FAILOVER}, rules=STRICT)
    assert satisfied(quiet_fleet.drive({WEB: Phase.FAILED_OVER}, rules=STRICT)) == [WEB]


def test_a_checked_test_counts_for_its_own_target_only(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive({WEB: Phase.TEST_FAILOVER}, rules=STRICT)
    quiet_fleet.targets[WEB] = {"vm_size": "Standard_D4s_v3"}
    site, web = quiet_fleet.site, quiet_fleet.machines[WEB]
    quiet_fleet.drive({WEB: Phase.PROTECTED}, rules=STRICT)
    # A test by hand with the new target is the last one, and nobody looked at it.
    site.finished(site.test_failover(web))
    site.finished(site.clean_up(web))
    outcomes = quiet_fleet.drive({WEB: Phase.FAILED_OVER}, rules=STRICT)
    assert outcomes[WEB].reason is Reason.TEST_NOT_CHECKED


def test_without_the_requirement_no_test_is_needed(quiet_fleet: Fleet) -> None:
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER, rules=LENIENT)) == list(
        quiet_fleet.machines
    )
