"""The connect attempts in scripts that guests run over Run Command."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from emulator.estate.guest_os import running
from emulator.estate.guest_os.guest import Guest
from emulator.estate.guest_os.running import Result
from emulator.estate.machines import Instance
from emulator.estate.network import Network
from emulator.kernel.clock import EPOCH
from tests.emulator.guests.guest_support import chance, windows

TEST = "Test-NetConnection -ComputerName 10.0.0.4 -Port {}"
OPEN = frozenset({("10.0.0.4", 443), ("example.com", 443)})


class Reaches:
    """A network in which only these connections are established."""

    def connects(self, instance_id: str, host: str, port: int) -> bool:
        return (host, port) in OPEN


def guest(system: str = "windows-server-2012-r2") -> Guest:
    machine = windows()
    described: Instance = replace(machine.instance, os=system)
    return Guest(machine.inside, described, cast(Network, Reaches()), EPOCH, chance)


def run_powershell(script: str, on: Guest) -> Result:
    return running.run("windows", script, on)


def run_shell(script: str, on: Guest) -> Result:
    return running.run("linux", script, on)


@pytest.mark.parametrize("port", [443, 9443])
@pytest.mark.parametrize(
    "form",
    [
        TEST + " -InformationLevel Quiet",
        TEST + " -InformationLevel Quiet -WarningAction SilentlyContinue",
        "(" + TEST + ").TcpTestSucceeded",
        "tnc 10.0.0.4 -Port {} -InformationLevel Quiet",
    ],
)
def test_powershell_tells_whether_an_attempt_succeeded(form: str, port: int) -> None:
    succeeded = str(port == 443)
    line = form.format(port)
    assert run_powershell(line, guest()) == Result(f"{succeeded}\n", "", 0)
    told = f"to {port}: {succeeded}, done\n"
    assert run_powershell(f'"to {port}: $({line}), done"', guest()).out == told
    assert run_powershell(f'Write-Output "to {port}: $({line}), done"', guest()).out == told


def test_powershell_prints_the_attempt_itself_as_a_list() -> None:
    ran = run_powershell(TEST.format(443), guest())
    assert "TcpTestSucceeded : True" in ran.out
    assert "RemotePort       : 443" in ran.out


def test_lines_that_only_prepare_print_nothing() -> None:
    script = (
        f"$ProgressPreference = 'SilentlyContinue'\n# try\n\n({TEST.format(443)}).TcpTestSucceeded"
    )
    assert run_powershell(script, guest()) == Result("True\n", "", 0)


@pytest.mark.parametrize("system", ["windows-server-2008-r2-sp1", "windows-server-2012"])
def test_an_old_windows_has_no_test_of_its_own_but_takes_one(system: str) -> None:
    line = f"({TEST.format(443)}).TcpTestSucceeded"
    ran = run_powershell(line, guest(system))
    # An error of a cmdlet ends no script.
    assert (ran.out, ran.code, "not recognized" in ran.err) == ("", 0, True)
    own = "function Test-NetConnection([string]$ComputerName, [int]$Port) { $true }"
    assert run_powershell(f"{own}\n{line}", guest(system)) == Result("True\n", "", 0)


@pytest.mark.parametrize("port", [443, 9443])
@pytest.mark.parametrize(
    "attempt",
    [
        "timeout 5 bash -c '</dev/tcp/10.0.0.4/{}' 2>/dev/null",
        'bash -c "exec 3<>/dev/tcp/10.0.0.4/{}" >/dev/null 2>&1',
        "timeout 5s bash -c ': > /dev/tcp/10.0.0.4/{}' &>/dev/null",
        "(exec 3<>/dev/tcp/10.0.0.4/{}) 2>/dev/null",
    ],
)
def test_a_shell_tells_whether_an_attempt_succeeded(attempt: str, port: int) -> None:
    attempt = attempt.format(port)
    told = "open\n" if port == 443 else "closed\n"
    chain = run_shell(f"{attempt} && echo open || echo closed", guest())
    assert chain == Result(told, "", 0)
    branch = f"if {attempt}; then echo 'open'; else echo \"closed\"; fi"
    assert run_shell(branch, guest()) == Result(told, "", 0)
    ran = run_shell(attempt, guest())
    assert (ran.out, ran.code) == ("", 0 if port == 443 else 1)
    assert run_shell(f"{attempt}\necho the end", guest()) == Result("the end\n", "", 0)


def test_hosts_may_be_names() -> None:
    line = "if timeout 5 bash -c '</dev/tcp/example.com/443'; then echo yes; fi"
    assert run_shell(line, guest()).out == "yes\n"


@pytest.mark.parametrize(
    "line",
    [
        "Get-Process",
        "Remove-Item C:\\",
        '"$(Get-Content secret.txt)"',
        '"$env:USERNAME"',
        "Test-NetConnection -ComputerName 10.0.0.4",
        "Test-NetConnection -ComputerName 10.0.0.4 -Port $port",
        "Test-NetConnection -ComputerName 10.0.0.4 -Port 443 -TraceRoute",
        '"unclosed $(',
        "Test-NetConnection 'unclosed",
    ],
)
def test_powershell_beyond_that_is_not_run(line: str) -> None:
    ran = run_powershell(f"'before'\n{line}\n'after'", guest())
    assert (ran.out, ran.code) == ("before\n", 1)
    assert "The emulator does not run this" in ran.err or "missing the terminator" in ran.err


@pytest.mark.parametrize(
    "line",
    [
        "echo $(whoami)",
        "echo `whoami`",
        "echo $HOME",
        "ls | wc",
        "if true; then echo yes",
        "sleep 5 &",
    ],
)
def test_shell_syntax_beyond_that_is_not_run(line: str) -> None:
    ran = run_shell(f"echo before\n{line}\necho after", guest("rhel-6.7"))
    assert (ran.out.splitlines()[0], ran.code) == ("before", 2)
    assert "sh: syntax error" in ran.err
    assert "after" not in ran.out or "fi" in ran.err


def test_what_follows_an_attempt_is_run_too() -> None:
    line = "if bash -c '</dev/tcp/10.0.0.4/443'; then rm -rf /; fi"
    ran = run_shell(f"{line}\necho after", guest("rhel-6.7"))
    assert ran == Result("after\n", "sh: line 1: rm: command not found\n", 0)
