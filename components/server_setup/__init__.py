"""The user data with which a server of Site Recovery installs itself.

The scripts are PowerShell templates in files of their own, so that they can be read and checked.
Only one value is inserted: a line of JSON in a single-quoted here-string, in which PowerShell
expands nothing. It contains no secret, only the ARNs of the secrets that the instance's role reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Role = Literal["configuration-server", "replication-appliance"]

USER_DATA_MAX_BYTES = 16 * 1024
"""The limit of EC2 before encoding ("Run commands when you launch an EC2 instance")."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - PowerShell is not HTML, and JSON has its own escapes
)


@dataclass(frozen=True)
class Setup:
    """The parameters of a set-up script.

    Attributes:
        role: which server it sets up.
        region: the AWS region of the parameter and the secrets.
        computer_name: the server's name in the vault.
        status_parameter: the SSM parameter in which it reports its progress.
        agent_secret_id: ARN of the secret with which the machines' agents register.
        installer_url: where it downloads the installer.
        installer_sha256: the SHA-256 of the installer; if None, its signature is checked instead.
        credential_secret_id: ARN of the secret with the credentials file of a configuration
            server; None for an appliance, which a person signs in.
        proxy: the URL of the proxy through which it reaches AWS and Azure; None without one.
        proxy_bypass: the hosts that it reaches without it.
    """

    role: Role
    region: str
    computer_name: str
    status_parameter: str
    agent_secret_id: str
    installer_url: str
    installer_sha256: str | None = None
    credential_secret_id: str | None = None
    proxy: str | None = None
    proxy_bypass: tuple[str, ...] = ()


def user_data(setup: Setup) -> str:
    """The complete user data of a server, in the tags that EC2's launch agents look for."""
    settings: dict[str, str | Sequence[str] | None] = {
        "role": setup.role,
        "region": setup.region,
        "computerName": setup.computer_name,
        "statusParameter": setup.status_parameter,
        "agentSecretId": setup.agent_secret_id,
        "installerUrl": setup.installer_url,
        "installerSha256": setup.installer_sha256,
        "proxy": setup.proxy,
        "proxyBypass": setup.proxy_bypass,
    }
    if setup.credential_secret_id is not None:
        settings["credentialSecretId"] = setup.credential_secret_id
    text = json.dumps(settings, separators=(",", ":"))
    # EC2's launch agents look for their tags anywhere in the text, also inside the JSON.
    text = text.replace("<", "\\u003c").replace(">", "\\u003e")
    template = _TEMPLATES.get_template(f"{setup.role.replace('-', '_')}.ps1.j2")
    return template.render(settings=text)
