"""The user data with which a server of Site Recovery installs itself.

The scripts are PowerShell in templates, so that they can be read and checked as files. One thing
is put into them: a line of JSON in a single-quoted here-string, in which PowerShell expands
nothing. No secret is in it, only where the instance's role finds one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Role = Literal["configuration-server", "replication-appliance"]

USER_DATA_MAX_BYTES = 16 * 1024
"""What EC2 takes, before it is encoded ("Run commands when you launch an EC2 instance")."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - PowerShell is no markup, and the JSON escapes itself
)


@dataclass(frozen=True)
class Setup:
    """What a set-up script is told.

    Attributes:
        role: which server it sets up.
        region: the AWS region of the parameter and the secrets.
        computer_name: the server's name in the vault.
        status_parameter: the SSM parameter in which it says how far it is.
        agent_secret_id: ARN of the secret with which the machines' agents find the server.
        installer_url: what it fetches.
        installer_sha256: the sum of that; None takes whatever is answered.
        credential_secret_id: ARN of the secret that holds a configuration server's credentials
            file; None for an appliance, which a person signs in.
    """

    role: Role
    region: str
    computer_name: str
    status_parameter: str
    agent_secret_id: str
    installer_url: str
    installer_sha256: str | None = None
    credential_secret_id: str | None = None


def user_data(setup: Setup) -> str:
    """The whole user data of a server, in the tags that EC2's launch agents look for."""
    settings: dict[str, str | None] = {
        "role": setup.role,
        "region": setup.region,
        "computerName": setup.computer_name,
        "statusParameter": setup.status_parameter,
        "agentSecretId": setup.agent_secret_id,
        "installerUrl": setup.installer_url,
        "installerSha256": setup.installer_sha256,
    }
    if setup.credential_secret_id is not None:
        settings["credentialSecretId"] = setup.credential_secret_id
    text = json.dumps(settings, separators=(",", ":"))
    # EC2's launch agents look for their tags in the text before PowerShell reads it.
    text = text.replace("<", "\\u003c").replace(">", "\\u003e")
    template = _TEMPLATES.get_template(f"{setup.role.replace('-', '_')}.ps1.j2")
    return template.render(settings=text)
