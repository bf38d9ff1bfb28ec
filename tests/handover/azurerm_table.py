"""Writes `azurerm.yaml`: the arguments of the resources of azurerm that a handover may write.

    npm pack @cdktn/provider-azurerm && tar xzf cdktn-provider-azurerm-*.tgz
    python -m tests.handover.azurerm_table package

That package is made of the schema that the provider itself tells Terraform.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("azurerm.yaml")
_RESOURCES = (
    *("linux-virtual-machine", "windows-virtual-machine", "virtual-machine-data-disk-attachment"),
    *("managed-disk", "network-interface", "network-interface-security-group-association"),
    *("network-security-group", "public-ip"),
)
_INTERFACE = re.compile(r"export interface (\w+)(?: extends [\w.]+)? \{(.*?)^\}", re.S | re.M)
_FIELD = re.compile(r"readonly (\w+)(\??): ([^;{]+|\{[^}]*\});")
_OF_TERRAFORM = ("id", "timeouts")


def table(package: Path) -> dict[str, Any]:
    """The table of an unpacked package."""
    manifest = json.loads((package / "package.json").read_text("utf-8"))
    resources = {}
    for folder in _RESOURCES:
        text = (package / "lib" / folder / "index.d.ts").read_text("utf-8")
        interfaces = dict(_INTERFACE.findall(text))
        begin = "".join(part.capitalize() for part in folder.split("-"))
        resources[f"azurerm_{folder.replace('-', '_')}"] = _block(f"{begin}Config", interfaces)
    return {"version": manifest["cdktf"]["provider"]["version"], "resources": resources}


def _block(name: str, interfaces: dict[str, str]) -> dict[str, Any]:
    """What a resource or a block takes: names that are required or optional, and blocks inside."""
    required: list[str] = []
    optional: list[str] = []
    blocks: dict[str, Any] = {}
    for field, is_optional, kind in _FIELD.findall(interfaces[name]):
        snake = re.sub(r"(?<!^)([A-Z])", r"_\1", field).lower()
        if snake in _OF_TERRAFORM:
            continue
        (optional if is_optional else required).append(snake)
        inner = re.match(r"\w+", kind)
        if inner and inner[0] in interfaces:
            many = {"many": True} if "[]" in kind else {}
            blocks[snake] = {**many, **_block(inner[0], interfaces)}
    return {
        "required": sorted(required),
        "optional": sorted(optional),
        **({"blocks": blocks} if blocks else {}),
    }


if __name__ == "__main__":
    made = table(Path(sys.argv[1]))
    head = "# Written by azurerm_table.py from the schema of azurerm.\n"
    TABLE.write_text(head + yaml.safe_dump(made, width=100, default_flow_style=None), "utf-8")
