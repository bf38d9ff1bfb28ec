"""The virtual machines of a failover: how they boot, and what runs in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from emulator.estate.machines import Instance
from emulator.kernel.wire import Response
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import Classic, Site

LINUX = dataclasses.replace(support.linux(1), tags={"services": "nginx:80 app:8080"})
WINDOWS = support.windows(1)
BOTH = pytest.mark.parametrize("source", [LINUX, WINDOWS], ids=["linux", "windows"])


def compute(site: Site, method: str, path: str, body: object = None) -> Response:
    return site.call(method, path, body, version="2024-11-01")


class Recovered:
    """A machine whose test failover has just ended."""

    def __init__(self, source: Instance, **fault: Any) -> None:
        self.site = Site([source]).prepare()
        if fault:
            self.site.fault(**fault)
        self.site.protect(source)
        self.site.finished(self.site.test_failover(source))
        (machine,) = self.site.virtual_machines().values()
        self.id = str(machine["id"])

    def view(self) -> Any:
        return compute(self.site, "GET", f"{self.id}/instanceView").body

    def power(self) -> str:
        return str(self.view()["statuses"][1]["code"])

    def booted(self) -> Recovered:
        self.site.pass_time(minutes=5)
        return self

    def script(self, command: str, *lines: str) -> Any:
        return compute(
            self.site,
            "POST",
            f"{self.id}/runCommand",
            {"commandId": command, "script": list(lines)},
        )

    def shell(self, *lines: str) -> str:
        return str(self.result(self.script("RunShellScript", *lines))["value"][0]["message"])

    def result(self, accepted: Any) -> Any:
        assert accepted.status == 202
        assert self.site.call("GET", accepted.headers["Location"]).status == 202
        self.site.pass_time(minutes=1)
        status = self.site.get(accepted.headers["Azure-AsyncOperation"])
        result = self.site.get(accepted.headers["Location"])
        assert status["status"] == "Succeeded"
        assert status["properties"]["output"] == result
        return result


def ready(view: Mapping[str, Any]) -> bool:
    return "vmAgent" in view


def test_a_machine_starts_runs_and_then_its_agent_reports() -> None:
    machine = Recovered(LINUX)
    assert machine.power() == "PowerState/starting"
    seen = []
    for _ in range(40):
        machine.site.pass_time(seconds=5)
        seen.append((machine.power(), ready(machine.view())))
    assert list(dict.fromkeys(seen)) == [
        ("PowerState/starting", False),
        ("PowerState/running", False),
        ("PowerState/running", True),
    ]


@pytest.mark.parametrize(
    ("boot", "power"),
    [
        ("starting", "PowerState/starting"),
        ("unbooted", "PowerState/running"),
        ("agentless", "PowerState/running"),
    ],
)
def test_a_machine_that_does_not_boot_never_has_an_agent(boot: str, power: str) -> None:
    machine = Recovered(LINUX, operation="Boot", match=LINUX.name, boot=boot).booted()
    machine.site.pass_time(hours=2)
    assert machine.power() == power
    assert not ready(machine.view())
    assert machine.script("RunShellScript", "true").status == 409


def test_a_machine_that_is_started_again_boots_again() -> None:
    machine = Recovered(LINUX, operation="Boot", boot="unbooted").booted()
    for action in ("powerOff", "start"):
        accepted = compute(machine.site, "POST", f"{machine.id}/{action}")
        assert accepted.status == 202
        machine.site.pass_time(minutes=3)
        status = machine.site.get(accepted.headers["Azure-AsyncOperation"])
        assert status["status"] == "Succeeded"
    assert ready(machine.view())


@pytest.mark.parametrize(
    ("action", "during", "after"),
    [
        ("powerOff", "PowerState/stopping", "PowerState/stopped"),
        ("deallocate", "PowerState/deallocating", "PowerState/deallocated"),
    ],
)
def test_a_machine_that_is_off_runs_no_command(action: str, during: str, after: str) -> None:
    machine = Recovered(LINUX).booted()
    assert compute(machine.site, "POST", f"{machine.id}/{action}").status == 202
    assert machine.power() == during
    machine.site.pass_time(minutes=2)
    assert (machine.power(), ready(machine.view())) == (after, False)
    refused = machine.script("RunShellScript", "true")
    assert (refused.status, refused.body["error"]["code"]) == (409, "OperationNotAllowed")
    assert compute(machine.site, "POST", f"{machine.id}/restart").status == 409


def test_a_later_operation_preempts_the_one_that_runs() -> None:
    machine = Recovered(LINUX).booted()
    first = compute(machine.site, "POST", f"{machine.id}/deallocate")
    compute(machine.site, "POST", f"{machine.id}/start")
    machine.site.pass_time(minutes=5)
    status = machine.site.get(first.headers["Azure-AsyncOperation"])
    assert (status["status"], status["error"]["code"]) == ("Failed", "OperationPreempted")
    assert machine.power() == "PowerState/running"


def test_a_command_on_linux_prints_both_streams_in_one_message() -> None:
    machine = Recovered(LINUX).booted()
    assert machine.shell("systemctl is-active nginx app", "echo why >&2") == (
        "Enable succeeded: \n[stdout]\nactive\nactive\n\n[stderr]\nwhy\n"
    )
    assert machine.shell("exit 3").startswith(
        "Enable failed: failed to execute command: command terminated with exit status=3\n"
    )


def test_a_command_on_windows_prints_each_stream_as_a_component() -> None:
    machine = Recovered(WINDOWS).booted()
    accepted = machine.script("RunPowerShellScript", "(Get-Service W3SVC).Status", "throw 'why'")
    out, err = machine.result(accepted)["value"]
    assert (out["code"], out["message"]) == ("ComponentStatus/StdOut/succeeded", "Running")
    assert (err["code"], err["message"]) == ("ComponentStatus/StdErr/succeeded", "why")


def test_a_service_that_a_command_stops_stays_stopped_until_the_machine_boots_again() -> None:
    machine = Recovered(LINUX).booted()
    machine.shell("systemctl stop nginx")
    assert "inactive" in machine.shell("systemctl is-active nginx")
    compute(machine.site, "POST", f"{machine.id}/restart")
    assert not ready(machine.view())
    machine.booted()
    assert "\nactive" in machine.shell("systemctl is-active nginx")


def test_a_service_can_stay_down_on_a_machine_that_booted() -> None:
    machine = Recovered(LINUX, operation="Boot", boot="serviceless").booted()
    assert ready(machine.view())
    assert "inactive" in machine.shell("systemctl is-active nginx")


def test_one_command_runs_at_a_time() -> None:
    machine = Recovered(LINUX).booted()
    running = machine.script("RunShellScript", "true")
    refused = machine.script("RunShellScript", "true")
    assert (refused.status, refused.body["error"]["code"]) == (409, "Conflict")
    machine.result(running)
    assert machine.script("RunShellScript", "true").status == 202


@BOTH
def test_a_command_of_the_other_system_is_refused(source: Instance) -> None:
    machine = Recovered(source).booted()
    wrong = "RunPowerShellScript" if source is LINUX else "RunShellScript"
    assert machine.script(wrong, "echo").status == 409
    assert machine.script("RunAnything", "echo").status == 404


def test_a_command_fails_as_it_is_told_to() -> None:
    machine = Recovered(LINUX).booted()
    machine.site.fault(
        operation="VirtualMachines_RunCommand",
        match=LINUX.name,
        command={"stdout": "half", "stderr": "disk full", "exitCode": 9},
    )
    message = machine.shell("systemctl is-active nginx")
    assert "status=9" in message
    assert "half" in message
    assert "disk full" in message
    assert "status=" not in machine.shell("systemctl is-active nginx")


def test_a_command_that_hangs_ends_after_ninety_minutes() -> None:
    machine = Recovered(LINUX).booted()
    machine.site.fault(operation="VirtualMachines_RunCommand", command={"hangs": True})
    accepted = machine.script("RunShellScript", "true")
    machine.site.pass_time(minutes=80)
    assert machine.site.get(accepted.headers["Azure-AsyncOperation"])["status"] == "InProgress"
    machine.site.pass_time(minutes=11)
    assert machine.site.get(accepted.headers["Azure-AsyncOperation"])["status"] == "Failed"
    assert machine.script("RunShellScript", "true").status == 202


def test_the_tags_of_a_machine_are_replaced(experience: Classic) -> None:
    site = Site([LINUX], experience=experience).prepare()
    site.protect(LINUX)
    site.finished(site.fail_over(LINUX))
    (machine,) = site.virtual_machines().values()
    assert compute(site, "PATCH", machine["id"], {"tags": {"a": "1"}}).status == 200
    assert compute(site, "GET", machine["id"]).body["tags"] == {"a": "1"}


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "Boot", "boot": "lazy"},
        {"operation": "VirtualMachines_Get", "boot": "starting"},
        {"operation": "Boot", "command": {"hangs": True}},
    ],
)
def test_a_fault_of_a_guest_goes_with_its_operation(fault: Mapping[str, Any]) -> None:
    answer = Site([LINUX]).call("POST", "/_emulator/faults", fault)
    assert (answer.status, answer.body["error"]["code"]) == (400, "InvalidFault")
