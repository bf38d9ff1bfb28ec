"""Amazon's own documents that associations can run here, with their parameters."""

from __future__ import annotations

import json
from typing import Any

GATHER_INVENTORY = "AWS-GatherSoftwareInventory"

_SWITCHES = (
    "applications",
    "awsComponents",
    "networkConfig",
    "windowsUpdates",
    "instanceDetailedInformation",
    "services",
    "windowsRoles",
    "customInventory",
    "billingInfo",
)
_TEXTS = ("files", "windowsRegistry")


def _gather_inventory() -> dict[str, Any]:
    switch = {"type": "String", "default": "Enabled", "allowedValues": ["Enabled", "Disabled"]}
    text = {"type": "String", "default": ""}
    return {
        "schemaVersion": "2.0",
        "description": "Software Inventory Policy Document.",
        "parameters": {
            **{name: {**switch, "description": f"Gather {name}."} for name in _SWITCHES},
            **{name: {**text, "description": f"Which {name} to gather."} for name in _TEXTS},
        },
        "mainSteps": [
            {
                "action": "aws:softwareInventory",
                "name": "collectSoftwareInventoryItems",
                "inputs": {name: f"{{{{ {name} }}}}" for name in (*_SWITCHES, *_TEXTS)},
            }
        ],
    }


def publish(region: str) -> None:
    """Add the documents to moto's store, which refuses such names from callers."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.ssm import models

    # Through a variable: to mypy the class is abstract, because moto leaves out CloudFormation's
    # methods.
    made: Any = models.Document
    document = made(
        account_id="Amazon",
        name=GATHER_INVENTORY,
        version_name="",
        content=json.dumps(_gather_inventory()),
        document_type="Command",
        document_format="JSON",
        requires=[],
        attachments=[],
        target_type="",
    )
    backend = models.ssm_backends[DEFAULT_ACCOUNT_ID][region]
    backend._documents[GATHER_INVENTORY] = models.Documents(document)
