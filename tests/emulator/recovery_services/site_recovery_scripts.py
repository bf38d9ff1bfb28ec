"""Scripts of a test's servers and machines: user data, and documents of Systems Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from emulator.estate.machines import Assignment

STATUS = "/test/server/status"
CREDENTIAL = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:credential-AbCdEf"
AGENTS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:agents-AbCdEf"
COMPUTER = "asr-server"

UNIFIED_SETUP = """
    Start-Process $package -ArgumentList '/q', "/x:`"$setup`"" -Wait
    $arguments = @(
        '/AcceptThirdpartyEULA', '/ServerMode', '"CS"', '/InstallLocation', "$Drive\\",
        '/MySQLCredsFilePath', "`"$Mysql`"", '/VaultCredsFilePath', "`"$Credential`"",
        '/EnvType', '"NonVMware"'
    )
    Start-Process (Join-Path $setup 'UNIFIEDSETUP.EXE') -ArgumentList $arguments -Wait
    $passphrase = & "$Drive\\home\\svsystems\\bin\\genpassphrase.exe" -v
    Write-SECSecretValue -SecretId $Settings.agentSecretId -SecretString $passphrase
    Write-Status 'succeeded'
"""
APPLIANCE_SETUP = """
    $installer = Get-ChildItem $setup -Filter 'DRInstaller.ps1' -Recurse
    $arguments = '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', $installer.FullName
    Start-Process powershell.exe -ArgumentList $arguments -Wait
    Write-Status 'waiting'
"""


def settings(role: str, **changes: Any) -> dict[str, Any]:
    found = {
        "role": role,
        "region": "eu-west-1",
        "computerName": COMPUTER,
        "statusParameter": STATUS,
        "agentSecretId": AGENTS,
        "installerUrl": "https://aka.ms/installer",
        "installerSha256": None,
        **changes,
    }
    if role == "configuration-server":
        found.setdefault("credentialSecretId", CREDENTIAL)
    return found


def user_data(role: str, body: str | None = None, **changes: Any) -> str:
    """A server's user data; `changes` are of its settings, `body` is what follows them."""
    unchanged = UNIFIED_SETUP if role == "configuration-server" else APPLIANCE_SETUP
    text = json.dumps(settings(role, **changes), separators=(",", ":"))
    return (
        f"<powershell>\n$Settings = @'\n{text}\n'@ | ConvertFrom-Json\n"
        f"Rename-Computer -NewName $Settings.computerName\n"
        f"{unchanged if body is None else body}</powershell>\n<persist>true</persist>\n"
    )


WINDOWS = """
$secret = (Get-SECSecretValue -SecretId '{{ SecretId }}').SecretString
if ('{{ Experience }}' -eq 'classic') {
    .\\UnifiedAgent.exe /Role "MS" /InstallLocation "C:\\ASR" /Platform "VmWare" /Silent /CSType CSLegacy
    .\\UnifiedAgentConfigurator.exe /CSEndPoint {{ ServerAddress }} /PassphraseFilePath pass.txt
} else {
    .\\UnifiedAgentInstaller.exe /Platform vmware /Silent /Role MS /CSType CSPrime
    .\\UnifiedAgentConfigurator.exe /SourceConfigFilePath config.json /CSType CSPrime /CredentialLessDiscovery true
}
"""
LINUX = """
if [ '{{ Experience }}' = classic ]; then
    ./install -r MS -v VmWare -d /usr/local/ASR -q -c CSLegacy </dev/null
    /usr/local/ASR/Vx/bin/UnifiedAgentConfigurator.sh -i '{{ ServerAddress }}' \\
        -P passphrase.txt
else
    ./install -q -r MS -v VmWare -c CSPrime
    /usr/local/ASR/Vx/bin/UnifiedAgentConfigurator.sh -S config.json -q -D true -c CSPrime
fi
"""


def document(windows: str = WINDOWS, linux: str = LINUX) -> str:
    """A document that installs the agent, on both platforms."""
    names = ("PackageUrl", "PackageSha256", "ServerAddress", "SecretId", "Region", "Experience")
    return json.dumps(
        {
            "schemaVersion": "2.2",
            "parameters": {name: {"type": "String"} for name in names},
            "mainSteps": [
                _step("aws:runPowerShellScript", windows),
                _step("aws:runShellScript", linux),
            ],
        }
    )


def association(
    experience: str,
    address: str,
    content: str | None = None,
    revision: str = "1",
    every: timedelta | None = timedelta(minutes=30),
    **parameters: str,
) -> Assignment:
    """Work for a machine: install the agent and register it at an address."""
    given: Mapping[str, str] = {
        "PackageUrl": "https://packages.example/agent",
        "PackageSha256": "",
        "ServerAddress": address,
        "SecretId": AGENTS,
        "Region": "eu-west-1",
        "Experience": experience,
        **parameters,
    }
    return Assignment(
        "association-1", revision, "agent", document() if content is None else content, given, every
    )


def _step(action: str, script: str) -> dict[str, Any]:
    return {"action": action, "name": "run", "inputs": {"runCommand": script.splitlines()}}
