"""Documents of Systems Manager that install Site Recovery's mobility agent.

Such a document is known by what it runs. It is not run but read; the parameters are those of
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
        defaults: the values of parameters that an association may leave out.
    """

    scripts: Mapping[str, str]
    defaults: Mapping[str, str]

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """Every parameter with its value."""
        return {**self.defaults, **given}

    def problem(self, platform: str, experience: str) -> tuple[int, str] | None:
        """The first thing that its script for a platform that it has leaves out.

        Returns:
            What the installer (step 15) or the configurator (16) complains of; None where it has
            all that they need.
        """
        script = self.scripts[platform]
        if experience not in (CLASSIC, MODERNIZED):
            return 1, f"there is no experience '{experience}'"
        judge = _windows_problem if platform == "windows" else _linux_problem
        return judge(script, experience)


@lru_cache(maxsize=64)
def read(content: str) -> AgentDocument | None:
    """The document in a text, or None where it installs no mobility agent."""
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
    installers = ("UnifiedAgent.exe", "UnifiedAgentInstaller.exe")
    if not any(scripts.calls(script, name) for name in installers):
        return 15, "UnifiedAgent.exe was never started"
    kind = "CSLegacy" if experience == CLASSIC else "CSPrime"
    wanted = {"/Role": "MS", "/Platform": "VmWare", "/Silent": "", "/CSType": kind}
    for name, value in wanted.items():
        if not scripts.gives(script, name, value):
            return 15, f"invalid command line: {f'{name} {value}'.strip()} is needed"
    if not scripts.calls(script, "UnifiedAgentConfigurator.exe"):
        return 16, "UnifiedAgentConfigurator.exe was never started"
    needed: dict[str, str | None] = (
        {"/CSEndPoint": None, "/PassphraseFilePath": None}
        if experience == CLASSIC
        else {"/SourceConfigFilePath": None, "/CredentialLessDiscovery": "true"}
    )
    for name, given in needed.items():
        if not scripts.gives(script, name, given):
            return 16, f"invalid command line: {name} {given or '<value>'} is needed"
    if experience == MODERNIZED and scripts.times(script, "/CSType", "CSPrime") < 2:
        # The installer is told, and the configurator again.
        return 16, "invalid command line: /CSType CSPrime is needed"
    return None


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
