"""What the checks of a machine in Azure run, how their output is read, and which results count.

Azure's Run Command tells no exit code: on Windows it has none, on Linux it is part of a text. So
each script is wrapped in one that prints the exit code last.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from site_recovery.declared.checks import Check, Http

_ENDED = "migration-check-ended:"
_LAST = re.compile(rf"^{_ENDED} *(\d+)\s*$", re.MULTILINE)
_STREAMS = re.compile(r"\[stdout\]\n(?P<out>.*?)\n\[stderr\]\n(?P<err>.*)", re.DOTALL)
_SHOWN = 600
"""The most characters of an output that a message shows: its end, where errors are."""

Subject = Literal["test", "production"]


@dataclass(frozen=True)
class Record:
    """How the checks of a virtual machine ended.

    Attributes:
        instance: the EC2 instance that the machine is in AWS.
        subject: whether it was the virtual machine of a test failover, or of the failover.
        vm_id: its ARM id.
        test: when its test failover began, as the item shows it; empty for production.
        at: the service's time at the end of the checks.
        passed: whether all passed.
        declared: what was declared, as `digest` gives it.
        messages: how each check ended, by its place and title.
    """

    instance: str
    subject: Subject
    vm_id: str
    test: str
    at: datetime
    passed: bool
    declared: str
    messages: Mapping[str, str] = field(default_factory=dict)

    def holds_for(self, instance: str, vm_id: str | None, test: str, declared: str) -> bool:
        """Whether these checks passed for this virtual machine, as they are declared now."""
        same_vm = vm_id is not None and self.vm_id.lower() == vm_id.lower()
        mine = self.instance == instance and self.declared == declared
        return self.passed and same_vm and mine and self.test == test

    def wire(self) -> dict[str, Any]:
        """The record as outputs of a wave keep it."""
        return {
            "instance": self.instance,
            "subject": self.subject,
            "vmId": self.vm_id,
            "test": self.test,
            "at": self.at.isoformat(),
            "passed": self.passed,
            "declared": self.declared,
            "messages": dict(self.messages),
        }

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> Record:
        """The record from the outputs of a wave."""
        return cls(
            instance=wire["instance"],
            subject=wire["subject"],
            vm_id=wire["vmId"],
            test=wire["test"],
            at=datetime.fromisoformat(wire["at"]),
            passed=wire["passed"],
            declared=wire["declared"],
            messages=wire["messages"],
        )


def digest(checks: Iterable[Check]) -> str:
    """A short text that changes with what is declared."""
    told = json.dumps([check.model_dump(mode="json") for check in checks], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def last_passed_test(record: Record | None) -> datetime | None:
    """When the checks of a test failover passed, by what is recorded last; None if they did not."""
    if record is None or record.subject != "test" or not record.passed:
        return None
    return record.at


@dataclass(frozen=True)
class Printed:
    """What a script printed. `code` is None if it did not get to its end."""

    code: int | None
    out: str
    err: str

    def __str__(self) -> str:
        ended = "did not get to its end" if self.code is None else f"ended with {self.code}"
        said = " ".join(f"{self.out}\n{self.err}".split())
        shown = f"…{said[-_SHOWN:]}" if len(said) > _SHOWN else said
        return f"the script {ended} and printed {shown}" if shown else f"the script {ended}"


def script(check: Check, platform: Literal["windows", "linux"]) -> list[str]:
    """The lines to run in a virtual machine for a check; empty if it has none for the platform."""
    if check.azure_run_command is not None:
        command = check.azure_run_command
        lines = command.windows if platform == "windows" else command.linux
    elif check.http is not None:
        lines = _http(check.http, platform)
    else:
        lines = _tcp(check.tcp or 0, platform)
    if not lines:
        return []
    return _on_windows(lines) if platform == "windows" else _on_linux(lines)


def _on_linux(lines: Sequence[str]) -> list[str]:
    # Parentheses: `exit` and `set -e` end the inner shell only. RunShellScript runs it with sh.
    return ["(", "set -e", *lines, ")", f'echo "{_ENDED} $?"']


def _on_windows(lines: Sequence[str]) -> list[str]:
    # A PowerShell of its own: `exit` would end the outer one before it prints.
    inner = "\n".join(
        ["$ErrorActionPreference = 'Stop'", "$ProgressPreference = 'SilentlyContinue'", *lines]
    )
    encoded = base64.b64encode(inner.encode("utf-16-le")).decode()
    return [
        f"powershell.exe -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand {encoded}",
        f'"{_ENDED} $LASTEXITCODE"',
    ]


def _http(http: Http, platform: Literal["windows", "linux"]) -> list[str]:
    url = f"{'https' if http.tls else 'http'}://localhost:{http.at}{http.path}"
    if platform == "linux":
        insecure = " -k" if http.tls and not http.verify else ""
        return [f"curl -sS{insecure} -m 30 -o /dev/null -w '%{{http_code}}\\n' {url}"]
    trusting = (
        ["[Net.ServicePointManager]::ServerCertificateValidationCallback = { $true }"]
        if http.tls and not http.verify
        else []
    )
    # Windows Server 2008 R2 has no Invoke-WebRequest. An error status is an exception.
    return [
        *trusting,
        f"$request = [Net.WebRequest]::Create('{url}')",
        "$request.AllowAutoRedirect = $false",
        "$request.Timeout = 30000",
        "try { [int]$request.GetResponse().StatusCode } catch [Net.WebException] "
        "{ if ($_.Exception.Response) { [int]$_.Exception.Response.StatusCode } else { throw } }",
    ]


def _tcp(port: int, platform: Literal["windows", "linux"]) -> list[str]:
    if platform == "windows":
        return [f"(New-Object Net.Sockets.TcpClient).Connect('localhost', {port})"]
    return [f"timeout 30 bash -c '</dev/tcp/localhost/{port}'"]


def printed(messages: Sequence[tuple[str, str]]) -> Printed:
    """What a script printed.

    Args:
        messages: code and message of each entry of Run Command's result. On Windows there is one
            for each stream (`ComponentStatus/StdOut/succeeded`), on Linux one with both.
    """
    out, err = "", ""
    for code, message in messages:
        streams = _STREAMS.search(message)
        if "StdErr" in code:
            err += message
        elif streams is not None and "StdOut" not in code:
            out, err = out + streams["out"], err + streams["err"]
        else:
            out += message
    ends = _LAST.findall(out)
    return Printed(int(ends[-1]) if ends else None, _LAST.sub("", out).strip(), err.strip())


def verdict(check: Check, found: Printed) -> str | None:
    """What is wrong by the output of a script; None if the check passed."""
    if found.code != 0:
        return str(found)
    if check.http is not None:
        answer = found.out.split()
        return wrong_status(check.http, answer[-1] if answer else "nothing")
    return None


def wrong_status(http: Http, status: object) -> str | None:
    """What is wrong with the status of an answer; None if it is the declared one."""
    if str(status) == str(http.status):
        return None
    return f"{http.path} answered {status}, not {http.status}"
