"""Documents of Systems Manager that install Site Recovery's mobility agent. Such a document is
recognised by what it runs. It is not run but read; the parameters are those of
"About the Mobility service for VMware VMs and physical servers" (azure-docs).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emulator.guests import scripts

CLASSIC, MODERNIZED = "classic", "modernized"
_PARAMETERS = frozenset({"PackageUrl", "ServerAddress", "SecretId", "Region", "Experience"})
_INSTALLERS = re.compile(r"\bUnifiedAgent\w*|\./install\b", re.IGNORECASE)
_KINDS = re.compile(r"\bCS(Legacy|Prime)\b")
_ACTIONS = {"windows": "aws:runPowerShellScript", "linux": "aws:runShellScript"}


@dataclass(frozen=True)
class AgentDocument:
    """A document that installs the agent.

    Attributes:
        scripts: the plain script by platform, `windows` or `linux`.
        defaults: the default values of parameters.
    """

    scripts: Mapping[str, str]
    defaults: Mapping[str, str]

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """Every parameter with its value."""
        return {**self.defaults, **given}

    def problem(self, platform: str, experience: str) -> tuple[int, str] | None:
        """The first thing that is missing in the document's script for a platform.

        Returns:
            The error of the installer (step 15) or of the configurator (16); None if nothing is
            missing.
        """
        script = self.scripts[platform]
        if experience not in (CLASSIC, MODERNIZED):
            return 1, f"there is no experience '{experience}'"
        judge = _windows_problem if platform == "windows" else _linux_problem
        return judge(script, experience)


@lru_cache(maxsize=64)
def read(content: str) -> AgentDocument | None:
    """The parsed document, or None if it does not install the mobility agent."""
    if not _KINDS.search(content) or not _INSTALLERS.search(content):
        return None
    try:
        document: Any = json.loads(content)
    except ValueError:
        return None
    parameters = document.get("parameters", {}) if isinstance(document, dict) else {}
    if not parameters.keys() >= _PARAMETERS:
        return None
    return AgentDocument(
        {
            platform: text
            for platform, action in _ACTIONS.items()
            if (text := _script(document, action))
        },
        {
            name: str(parameter["default"])
            for name, parameter in parameters.items()
            if "default" in parameter
        },
    )


def _script(document: Mapping[str, Any], action: str) -> str:
    lines = [
        line
        for step in document.get("mainSteps", [])
        if step.get("action") == action
        for line in step.get("inputs", {}).get("runCommand", [])
    ]
    return scripts.plain("\n".join(lines))


def _windows_problem(script: str, experience: str) -> tuple[int, str] | None:
    kind = "CSLegacy" if experience == CLASSIC else "CSPrime"
    installs: dict[str, str | None] = {
        "/Role": "MS",
        "/Platform": "VmWare",
        "/Silent": "",
        "/CSType": kind,
    }
    registers: dict[str, str | None] = (
        {"/CSEndPoint": None, "/PassphraseFilePath": None}
        if experience == CLASSIC
        else {
            "/SourceConfigFilePath": None,
            "/CSType": kind,
            "/CredentialLessDiscovery": "true",
        }
    )
    for code, programs, wanted in (
        (15, ("UnifiedAgent.exe", "UnifiedAgentInstaller.exe"), installs),
        (16, ("UnifiedAgentConfigurator.exe",), registers),
    ):
        lines = scripts.command_lines(script, *programs)
        lacking = [_first_lacking(script, line, wanted) for line in lines]
        if not lines:
            return code, f"{programs[0]} was never started"
        if None not in lacking:
            # The line for the other experience gives fewer parameters.
            line = max(lines, key=lambda one: _many(script, one, wanted))
            return code, f"invalid command line: {_first_lacking(script, line, wanted)} is needed"
    return None


def _first_lacking(script: str, line: str, wanted: Mapping[str, str | None]) -> str | None:
    for name, value in wanted.items():
        if not scripts.gives(script, name, value, within=line):
            return f"{name} {'<value>' if value is None else value}".strip()
    return None


def _many(script: str, line: str, wanted: Mapping[str, str | None]) -> int:
    """Count the required parameters that a line gives."""
    return sum(scripts.gives(script, name, of, within=line) for name, of in wanted.items())


def _linux_problem(script: str, experience: str) -> tuple[int, str] | None:
    kind = "CSLegacy" if experience == CLASSIC else "CSPrime"
    wanted: dict[str, str | None] = {"-r": "MS", "-v": "VmWare", "-q": "", "-c": kind}
    if not _one_has(script, "install", wanted):
        return 15, f"usage: install -r MS -v VmWare -q -c {kind} is needed"
    if experience == CLASSIC:
        needed: dict[str, str | None] = {"-i": None, "-P": None}
        usage = "-i <address> -P <file>"
    else:
        needed = {"-S": None, "-q": "", "-D": "true", "-c": "CSPrime"}
        usage = "-S <file> -q -D true -c CSPrime"
    if not _one_has(script, "UnifiedAgentConfigurator.sh", needed):
        return 16, f"usage: UnifiedAgentConfigurator.sh {usage} is needed"
    return None


def _one_has(script: str, program: str, wanted: Mapping[str, str | None]) -> bool:
    return any(
        all(scripts.option(script, words, name, value) for name, value in wanted.items())
        for words in scripts.commands(script, program)
    )
