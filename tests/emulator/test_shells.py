"""The few commands that guests run: shells on Linux, PowerShell on Windows."""

from __future__ import annotations

import base64

import pytest

from emulator.estate.services import Running, Service, installed
from emulator.estate.shells import linux, windows


def machine() -> Running:
    return Running("web-01", (Service("nginx", 80), Service("App", 8080)), {"nginx"})


@pytest.mark.parametrize(
    ("script", "out", "err", "code"),
    [
        ("systemctl is-active nginx", "active\n", "", 0),
        ("systemctl is-active app", "inactive\n", "", 3),
        ("systemctl is-active --quiet nginx && echo serves", "serves\n", "", 0),
        ("systemctl status ftp", "", "Unit ftp.service could not be found.\n", 4),
        ("systemctl start App\nsystemctl is-active App nginx", "active\nactive\n", "", 0),
        ("curl -fsS http://localhost/", "OK\n", "", 0),
        (
            "curl -fsS -o /dev/null -w '%{http_code}\\n' http://localhost/no",
            "404\n",
            "curl: (22)",
            22,
        ),
        ("curl -fsS http://localhost:8080/healthz", "", "curl: (7) Failed to connect", 7),
        ("curl -fsS http://db.example/", "", "curl: (6) Could not resolve host: db.example\n", 6),
        ("echo first; exit 3; echo never", "first\n", "", 3),
        ("set -e\nfalse\necho never", "", "", 1),
        ("set -e\nfalse || echo saved\n! true\necho end", "saved\nend\n", "", 0),
        ('(\nset -e\nexit 4\n)\necho "ended: $?"', "ended: 4\n", "", 0),
        ("echo lost >/dev/null 2>&1; echo told >&2", "", "told\n", 0),
        ("frobnicate --all", "", "bash: line 1: frobnicate: command not found\n", 127),
        ("# only a comment\n\ntrue && ! false", "", "", 0),
        ("(echo open", "open", "bash: syntax error", 2),
        ("&& echo lost", "", "bash: syntax error", 2),
    ],
)
def test_a_shell_runs_lists_and_tells_how_they_ended(
    script: str, out: str, err: str, code: int
) -> None:
    ran = linux.run(script, linux.Machine(machine()))
    assert ran.code == code
    assert "".join(ran.err).startswith(err)
    if code != 2:
        assert ("".join(ran.out), bool(ran.err)) == (out, bool(err))


@pytest.mark.parametrize(
    ("script", "out", "err", "code"),
    [
        ("(Get-Service nginx).Status", "Running\n", "", 0),
        ("Get-Service App", "Status   Name\n------   ----\nStopped  App\n", "", 0),
        ("Get-Service ftp", "", "Get-Service : Cannot find any service", 1),
        ("Start-Service App; (Get-Service App).Status", "Running\n", "", 0),
        ("(Invoke-WebRequest -UseBasicParsing http://localhost/).StatusCode", "200\n", "", 0),
        ("Invoke-WebRequest -UseBasicParsing http://localhost/no", "", "The remote server", 1),
        ("(New-Object Net.Sockets.TcpClient).Connect('localhost', 80); 'open'", "open\n", "", 0),
        ("(New-Object Net.Sockets.TcpClient).Connect('localhost', 81)", "", "Unable to", 1),
        (
            "if ((Get-Service App).Status -ne 'Running') { 'down'; exit 5 } else { 'up' }",
            "down\n",
            "",
            5,
        ),
        ("if (200 -eq 200) {\n  'same'\n}\nthrow 'no more'\n'never'", "same\n", "no more\n", 1),
        ("$ErrorActionPreference = 'Stop'\nGet-Service ftp\n'never'", "", "Get-Service :", 1),
        ("Get-Service ftp\nWrite-Output 'goes on'", "goes on\n", "Get-Service :", 0),
        ("Frobnicate-All", "", "Frobnicate-All : The term", 1),
    ],
)
def test_powershell_runs_statements_and_tells_how_they_ended(
    script: str, out: str, err: str, code: int
) -> None:
    ran = windows.run(script, machine())
    assert ("".join(ran.out), ran.code) == (out, code)
    assert "".join(ran.err).startswith(err)
    assert bool(ran.err) == bool(err)


def test_powershell_knows_the_exit_code_of_another_powershell() -> None:
    encoded = base64.b64encode("'inside'; exit 7".encode("utf-16-le")).decode()
    script = f'powershell -NoProfile -EncodedCommand {encoded}\n"exit: $LASTEXITCODE"'
    ran = windows.run(script, machine())
    assert ("".join(ran.out), ran.code) == ("inside\nexit: 7\n", 0)


def test_the_services_of_a_machine_are_those_of_its_tag_or_a_web_server() -> None:
    assert installed("linux", {"services": "app:8080, db:5432 odd none:0"}) == (
        Service("app", 8080),
        Service("db", 5432),
    )
    assert installed("linux", {}) == (Service("nginx", 80),)
    assert installed("windows", {}) == (Service("W3SVC", 80),)
