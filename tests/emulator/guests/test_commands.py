"""What the commands of a machine print and do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from emulator.estate.guest_os import writes
from emulator.estate.guest_os.running import Result
from tests.emulator.guests.guest_support import FENCE, Machine, linux, windows

SS = "ss -t -n -p state established"
OLD_KERNELS = ["rhel-6.7", "rhel-7.9", "centos-7.9", "ubuntu-16.04", "sles-11-sp4"]
WITHOUT_KILL = ["rhel-6.7", "ubuntu-16.04", "sles-11-sp4"]
"""Those whose `ss` does not know `-K`."""
NEW_KERNELS = ["rhel-8.4", "ubuntu-20.04", "sles-12-sp5", "amazon-linux-2"]
NET_TCP = (
    'Get-NetTCPConnection -State Established | ForEach-Object { "$($_.LocalAddress) '
    "$($_.LocalPort) $($_.RemoteAddress) $($_.RemotePort) "
    '$((Get-Process -Id $_.OwningProcess).ProcessName)" }'
)
FLUSH = (
    "Get-Volume | Where-Object DriveLetter | ForEach-Object "
    "{ Write-VolumeCache -DriveLetter $_.DriveLetter }"
)
STOP_CONNECTION = "function Stop-TcpConnection($la, $lp, $ra, $rp) { Add-Type '...' }"


def sockets(machine: Machine) -> list[list[str]]:
    header, *lines = machine.run(SS).out.splitlines()
    assert header.split()[:2] == ["Recv-Q", "Send-Q"]
    return [line.split() for line in lines]


# -- Linux ----------------------------------------------------------------------------------------


def test_linux_tells_its_own_clock() -> None:
    machine = linux()
    machine.now += timedelta(seconds=7, microseconds=250_000)
    seconds, rest = machine.run("date -u +%s.%N").out.strip().split(".")
    assert (int(seconds), rest) == (int(machine.now.timestamp()), "250000000")
    machine.inside["faults"] = {"clockSkewSeconds": -90}
    assert int(machine.run("date +%s").out) == int(machine.now.timestamp()) - 90


def test_linux_shows_a_connection_a_line() -> None:
    lines = machine_lines = sockets(linux())
    assert machine_lines
    for received, sent, local, peer, user in lines:
        assert (received, sent) == ("0", "0")
        assert re.fullmatch(r"10\.10\.1\.41:\d+", local)
        assert re.fullmatch(r"[\d.]+:\d+", peer)
        assert re.fullmatch(r'users:\(\("[\w-]+",pid=\d+,fd=\d+\)\)', user)
    processes = {line[4].split('"')[1] for line in lines}
    # The kernel keeps 15 characters of a name.
    assert processes == {"nginx", "amazon-ssm-agen", "ssm-agent-worke"}
    served = [local for _, _, local, _, user in lines if "nginx" in user]
    assert "10.10.1.41:443" in served


def test_linux_shows_only_what_a_filter_asks_for() -> None:
    machine = linux()
    peer = sockets(machine)[0][3]
    (line,) = machine.run(f"ss -Htn state established dst {peer}").out.splitlines()
    assert line.split()[3:] == [peer]
    assert machine.run("ss -tn dst 192.0.2.9").out.split()[:1] == ["Recv-Q"]


@pytest.mark.parametrize(
    ("systems", "ends"), [(OLD_KERNELS, False), (NEW_KERNELS, True)], ids=["old", "new"]
)
def test_a_kernel_ends_a_connection_if_it_can(systems: list[str], ends: bool) -> None:
    for system in systems:
        machine = linux(system)
        machine.become(security_groups=(FENCE.group_id,))
        peer = next(line[3] for line in sockets(machine) if "nginx" in line[4])
        ran = machine.run(f"ss -K -t -n state established dst {peer}")
        old = system in WITHOUT_KILL
        assert (ran.err.splitlines()[:1], ran.code) == (
            (["ss: invalid option -- 'K'"], 255) if old else ([], 0)
        )
        assert (peer in ran.out) == ends
        assert (peer in [line[3] for line in sockets(machine)]) != ends


@pytest.mark.parametrize(
    ("system", "takes"), [("rhel-6.7", False), ("rhel-7.4", False), ("rhel-7.9", True)]
)
def test_an_old_ss_does_not_know_how_to_leave_its_header_out(system: str, takes: bool) -> None:
    ran = linux(system).run("ss -H -t -n")
    assert (ran.code == 0) == takes
    assert ("ss: invalid option -- 'H'" in ran.err) != takes


def test_a_very_old_ss_names_neither_process_nor_descriptor() -> None:
    (user, *_) = [line[4] for line in sockets(linux("rhel-6.7"))]
    assert re.fullmatch(r'users:\(\("[\w-]+",\d+,\d+\)\)', user)


def test_a_service_is_stopped_and_started() -> None:
    machine = linux()
    assert machine.run("systemctl is-active nginx").out == "active\n"
    assert machine.run("systemctl stop nginx") == Result("", "", 0)
    ran = machine.run("systemctl is-active nginx.service")
    assert (ran.out, ran.code) == ("inactive\n", 3)
    assert not [line for line in sockets(machine) if "nginx" in line[4]]
    assert machine.run("systemctl start nginx", "systemctl is-active nginx").out == "active\n"
    missing = machine.run("systemctl stop httpd")
    assert (missing.code, missing.err.splitlines()[0]) == (
        5,
        "Failed to stop httpd.service: Unit httpd.service not loaded.",
    )


def test_a_linux_before_systemd_has_the_older_command() -> None:
    machine = linux("rhel-6.7")
    missing = machine.run("systemctl stop nginx")
    assert missing.err.startswith("sh: line 1: systemctl: command not found\n")
    assert machine.run("service nginx stop").out == "Stopping nginx: [  OK  ]\n"
    assert not machine.guest().serves


def test_an_unknown_command_is_not_found_and_the_script_goes_on() -> None:
    ran = linux().run("echo 'before'", "fsfreeze --all", "echo 'after'")
    assert ran == Result("before\nafter\n", "sh: line 2: fsfreeze: command not found\n", 0)
    last = linux().run("echo 'before'", "fsfreeze --all")
    assert (last.code, last.err.splitlines()[-1]) == (
        127,
        "failed to run commands: exit status 127",
    )


def test_set_e_ends_a_script_at_its_first_failure() -> None:
    ran = linux().run("set -e", "echo 'before'", "fsfreeze --all", "echo 'after'")
    assert (ran.out, ran.code) == ("before\n", 127)
    assert linux().run("set -eu", "false || echo 'caught'", "echo 'after'").out == "caught\nafter\n"


def test_exit_ends_a_script_with_its_code() -> None:
    ran = linux().run("echo 'before'", "exit 3", "echo 'after'")
    assert (ran.out, ran.err, ran.code) == (
        "before\n",
        "failed to run commands: exit status 3\n",
        3,
    )
    assert linux().run("false && echo 'no'; echo 'yes'").out == "yes\n"


@pytest.mark.parametrize("line", ["sync", "sync 2>/dev/null", "sync && true"])
def test_sync_writes_to_the_disk(line: str) -> None:
    machine = linux()
    machine.wait(100)
    assert writes.held(machine.writes, machine.now) == 71
    assert machine.run(line).code == 0
    assert writes.held(machine.writes, machine.now) == 101


# -- Windows --------------------------------------------------------------------------------------


def test_windows_tells_its_own_clock() -> None:
    machine = windows()
    machine.inside["faults"] = {"clockSkewSeconds": 61.5}
    told = machine.run("[DateTime]::UtcNow.ToString('o')").out.strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", told)
    assert datetime.fromisoformat(told) == machine.now + timedelta(seconds=61.5)


def test_windows_shows_a_connection_a_line() -> None:
    lines = [line.split() for line in windows().run(NET_TCP).out.splitlines()]
    assert all(len(line) == 5 and line[0] == "10.10.1.11" for line in lines)
    processes = {line[4] for line in lines}
    assert processes == {"System", "w3wp", "amazon-ssm-agent", "ssm-agent-worker"}


def test_windows_ends_a_connection_with_a_function_of_the_script() -> None:
    machine = windows()
    machine.become(security_groups=(FENCE.group_id,))
    local, local_port, peer, port, _ = machine.run(NET_TCP).out.splitlines()[0].split()
    call = f"Stop-TcpConnection {local} {local_port} {peer} {port}"
    unknown = machine.run(call)
    assert (unknown.code, "'Stop-TcpConnection' is not recognized" in unknown.err) == (0, True)
    assert f"{peer} {port}" in machine.run(NET_TCP).out
    assert machine.run(STOP_CONNECTION, call) == Result("", "", 0)
    assert f"{peer} {port}" not in machine.run(NET_TCP).out


@pytest.mark.parametrize(
    ("line", "cmdlet"), [(NET_TCP, "Get-NetTCPConnection"), (FLUSH, "Get-Volume")]
)
def test_an_old_windows_lacks_cmdlets_and_its_script_succeeds(line: str, cmdlet: str) -> None:
    machine = windows("windows-server-2008-r2-sp1")
    ran = machine.run(line, "Write-Output 'after'")
    assert (ran.out, ran.code) == ("after\n", 0)
    assert ran.err.startswith(
        f"{cmdlet} : The term '{cmdlet}' is not recognized as the name of a cmdlet, function, "
        "script file, or operable program."
    )
    strict = machine.run("$ErrorActionPreference = 'Stop'", line, "Write-Output 'after'")
    assert (strict.out, strict.code) == ("", 1)
    assert windows("windows-server-2012").run(line).err == ""


def test_windows_flushes_its_volumes() -> None:
    machine = windows()
    machine.wait(100)
    assert machine.run(FLUSH) == Result("", "", 0)
    assert writes.held(machine.writes, machine.now) == 101


def test_windows_stops_and_starts_a_service() -> None:
    machine = windows()
    assert machine.run("Stop-Service W3SVC", "(Get-Service W3SVC).Status").out == "Stopped\n"
    assert {line.split()[4] for line in machine.run(NET_TCP).out.splitlines()} == {
        "amazon-ssm-agent",
        "ssm-agent-worker",
    }
    assert machine.run("Start-Service -Name 'W3SVC'", "(Get-Service W3SVC).Status").out == (
        "Running\n"
    )
    missing = machine.run("Stop-Service MSSQLSERVER")
    assert "Cannot find any service with service name 'MSSQLSERVER'." in missing.err


@pytest.mark.parametrize("make", [linux, windows])
def test_a_service_that_does_not_stop_goes_on_and_says_so(make: Callable[[], Machine]) -> None:
    machine = make()
    machine.inside["faults"] = {"serviceStops": False}
    if make is linux:
        ran = machine.run("systemctl stop nginx")
        assert (ran.code, "Connection timed out" in ran.err) == (1, True)
    else:
        ran = machine.run("Stop-Service W3SVC -ErrorAction Stop")
        assert (ran.code, "cannot be stopped due to the following error" in ran.err) == (1, True)
        assert machine.run("Stop-Service W3SVC").code == 0  # as PowerShell has it
    assert machine.guest().serves


def test_windows_ends_a_script_with_exit() -> None:
    ran = windows().run("Write-Output 'before'", "exit 4", "Write-Output 'after'")
    assert (ran.out, ran.code) == ("before\n", 4)
