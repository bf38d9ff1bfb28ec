"""The Systems Manager documents that install the agent: one per platform, for both experiences.

The script of each document is a file beside this one and goes into the document unchanged. Neither
a document nor its parameters contain a secret: the script reads the secret by its ARN with the
machine's own role.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

SIZE_LIMIT = 64 * 1024
"""The maximum size of a document in bytes (CreateDocument)."""

_STEP_SECONDS = 3600
"""How long a script may run. Installing takes a few minutes, and longer on an old machine."""

_PLATFORMS = MappingProxyType(
    {
        "windows": ("aws:runPowerShellScript", "Windows", "windows.ps1"),
        "linux": ("aws:runShellScript", "Linux", "linux.sh"),
    }
)

# Systems Manager puts a parameter's value into the script as text, between single quotes. The
# patterns allow no character that could end the quotes.
_PARAMETERS: dict[str, dict[str, Any]] = {
    "PackageUrl": {
        "type": "String",
        "description": "The https URL of the agent's package.",
        "allowedPattern": r"^https://[A-Za-z0-9._~:/?#@!&*+,;=%-]+$",
    },
    "PackageSha256": {
        "type": "String",
        "description": "The SHA-256 of the package in hexadecimal digits. Not checked if empty.",
        "default": "",
        "allowedPattern": "^([0-9A-Fa-f]{64})?$",
    },
    "ServerAddress": {
        "type": "String",
        "description": "The private address of the configuration server or the appliance.",
        "allowedPattern": "^[A-Za-z0-9.:-]{1,253}$",
    },
    "SecretId": {
        "type": "String",
        "description": "The ARN of the secret with which an agent registers.",
        "allowedPattern": r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$",
    },
    "Region": {
        "type": "String",
        "description": "The AWS region of the secret.",
        "allowedPattern": "^[a-z]+(-[a-z]+)+-[0-9]+$",
    },
    "Proxy": {
        "type": "String",
        "description": "The URL of the proxy to the package and the secret. None if empty.",
        "default": "",
        "allowedPattern": "^(http://[A-Za-z0-9.-]+:[0-9]{1,5})?$",
    },
    "ProxyBypass": {
        "type": "String",
        "description": "The hosts that are reached without it, with commas between them.",
        "default": "",
        "allowedPattern": "^[A-Za-z0-9.,-]*$",
    },
    "Experience": {
        "type": "String",
        "description": "classic: a configuration server. modernized: a replication appliance.",
        "allowedValues": ["classic", "modernized"],
    },
}

PARAMETERS = tuple(_PARAMETERS)
"""The names of a document's parameters, all of them strings."""


def script(platform: str) -> str:
    """The text of a platform's script.

    Args:
        platform: `windows` or `linux`.
    """
    return (Path(__file__).parent / _PLATFORMS[platform][2]).read_text("utf-8")


def content(platform: str) -> str:
    """A platform's document, in JSON (schema 2.2, "Command document plugin reference").

    Args:
        platform: `windows` or `linux`.
    """
    action, platform_type, _ = _PLATFORMS[platform]
    document = {
        "schemaVersion": "2.2",
        "description": "Installs the mobility agent of Azure Site Recovery and registers it.",
        "parameters": _PARAMETERS,
        "mainSteps": [
            {
                "action": action,
                "name": "installMobilityAgent",
                "precondition": {"StringEquals": ["platformType", platform_type]},
                "inputs": {
                    "timeoutSeconds": str(_STEP_SECONDS),
                    "runCommand": script(platform).splitlines(),
                },
            }
        ],
    }
    return json.dumps(document, separators=(",", ":"))
