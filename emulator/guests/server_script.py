"""The user data with which a server of Site Recovery sets itself up.

It is PowerShell between EC2's tags, with one block of settings in it: a line `$Settings = @'`, a
line of JSON, and a line `'@ | ConvertFrom-Json`. The script is not run but read; the installers'
parameters are those of "Install a configuration server from the command line" and of "Deploy Azure
Site Recovery replication appliance - Modernized" (azure-docs).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from emulator.guests import scripts

CONFIGURATION_SERVER, REPLICATION_APPLIANCE = "configuration-server", "replication-appliance"

_SCRIPT = re.compile(r"<powershell>(.*?)</powershell>", re.DOTALL | re.IGNORECASE)
_SETTINGS = re.compile(r"^\$Settings = @'\r?\n(.*?)\r?\n'@ \| ConvertFrom-Json", re.M | re.S)
_NEEDED = ("role", "region", "computerName", "statusParameter", "agentSecretId", "installerUrl")


@dataclass(frozen=True)
class ServerScript:
    """A set-up script and its settings.

    Attributes:
        role: `configuration-server` or `replication-appliance`.
        computer_name: the computer's name, which is also the server's name in its vault.
        status_parameter: the parameter of Systems Manager for its status.
        agent_secret_id: the secret with what agents need.
        installer_url: the URL of the installer.
        credential_secret_id: the secret with the vault credentials file; empty without one.
        proxy: the URL of the proxy to AWS and Azure; empty without one.
        text: the script, plain.
        digest: a hash of the user data.
        problem: why PowerShell would fail before the first status; empty if it would not.
    """

    role: str = ""
    computer_name: str = ""
    status_parameter: str = ""
    agent_secret_id: str = ""
    installer_url: str = ""
    credential_secret_id: str = ""
    proxy: str = ""
    text: str = ""
    digest: str = ""
    problem: str = ""

    @property
    def renames(self) -> bool:
        """Whether it sets the computer's name."""
        return scripts.calls(self.text, "Rename-Computer")

    @property
    def shares_passphrase(self) -> bool:
        """Whether it reads the server's passphrase and puts it into a secret."""
        puts = any(
            scripts.calls(self.text, name) for name in ("Write-SECSecretValue", "put-secret-value")
        )
        return puts and scripts.calls(self.text, "genpassphrase.exe")

    def signals(self, state: str) -> bool:
        """Whether it writes its status."""
        return re.search(rf"\b{state}\b", self.text) is not None


@lru_cache(maxsize=256)
def read(user_data: str) -> ServerScript | None:
    """The script in user data, or None if it does not set up a server."""
    script = _SCRIPT.search(user_data)
    block = _SETTINGS.search(script[1]) if script is not None else None
    if script is None or block is None:
        return None
    text = scripts.plain(script[1])
    digest = hashlib.sha256(user_data.encode()).hexdigest()
    try:
        settings: Any = json.loads(block[1])
    except ValueError as error:
        return ServerScript(digest=digest, problem=f"ConvertFrom-Json : Invalid JSON: {error}.")
    if not isinstance(settings, dict):
        return ServerScript(
            digest=digest, problem="ConvertFrom-Json : Invalid JSON: it is not an object."
        )
    missing = [name for name in _NEEDED if not settings.get(name)]
    if settings.get("role") == CONFIGURATION_SERVER and not settings.get("credentialSecretId"):
        missing.append("credentialSecretId")
    problem = f"its settings lack {', '.join(missing)}" if missing else ""
    if not problem and settings["role"] not in (CONFIGURATION_SERVER, REPLICATION_APPLIANCE):
        problem = f"there is no role '{settings['role']}'"

    def of(name: str) -> str:
        return str(settings.get(name) or "")

    return ServerScript(
        role=of("role"),
        computer_name=of("computerName"),
        status_parameter=of("statusParameter"),
        agent_secret_id=of("agentSecretId"),
        installer_url=of("installerUrl"),
        credential_secret_id=of("credentialSecretId"),
        proxy=of("proxy"),
        text=text,
        digest=digest,
        problem=problem,
    )


def installer_problem(script: ServerScript) -> str | None:
    """The error of the installer that the script starts, or None."""
    if script.role == REPLICATION_APPLIANCE:
        return _appliance_problem(script.text)
    problem = _unified_setup_problem(script.text)
    return problem or (_proxy_problem(script) if script.proxy else None)


def _unified_setup_problem(text: str) -> str | None:
    if not scripts.calls(text, "UNIFIEDSETUP.EXE"):
        return "UNIFIEDSETUP.EXE was never started"
    extracts = re.search(r"(?<!\S)/x:\s*\S", text, re.IGNORECASE)
    if extracts is None or not scripts.gives(text, "/q", ""):
        return (
            "MicrosoftAzureSiteRecoveryUnifiedSetup.exe asks where to extract its files: "
            "/q and /x:<folder> are needed"
        )
    if not scripts.gives(text, "/AcceptThirdpartyEULA", ""):
        return "the third-party end user license agreement is not accepted: /AcceptThirdpartyEULA"
    for name, value in (("/ServerMode", "CS"), ("/EnvType", "NonVMware")):
        if not scripts.gives(text, name):
            return f"the mandatory parameter {name} is missing"
        if not scripts.gives(text, name, value):
            return f"the value of {name} is not {value}, which machines of AWS need"
    for name in ("/InstallLocation", "/MySQLCredsFilePath", "/VaultCredsFilePath"):
        if not scripts.gives(text, name):
            return f"the mandatory parameter {name} is missing"
    return None


def _proxy_problem(script: ServerScript) -> str | None:
    """Unified Setup does not take the proxy of the account that runs it."""
    if not scripts.gives(script.text, "/ProxySettingsFilePath"):
        return (
            "it cannot connect to Azure: a proxy is needed, and /ProxySettingsFilePath is missing"
        )
    lines = ("ProxySettings", "ProxyAuthentication =", "Proxy IP =", "ProxyPort =")
    lacking = [line for line in lines if line not in script.text]
    if lacking:
        return f"the file of the proxy settings lacks {lacking[0].removesuffix(' =')}"
    host = urlsplit(script.proxy).hostname or ""
    if not re.fullmatch(r"\d+(\.\d+){3}", host):
        return f"the value of Proxy IP is not an IP address: {host}"
    return None


def _appliance_problem(text: str) -> str | None:
    # Its path may be in a variable, so the name and the call are searched separately.
    if not scripts.calls(text, "DRInstaller.ps1"):
        return "DRInstaller.ps1 was never started"
    if not re.search(r"(?<!\S)-NonInteractive\b", text, re.IGNORECASE):
        return "DRInstaller.ps1 waits for an answer: powershell.exe was not started -NonInteractive"
    if not re.search(r"-ExecutionPolicy (Bypass|Unrestricted|RemoteSigned)\b", text, re.I):
        return (
            "DRInstaller.ps1 cannot be loaded because running scripts is disabled on this system: "
            "-ExecutionPolicy is missing"
        )
    return None
