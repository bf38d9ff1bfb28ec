"""A stack that an older version of the program made: longer types, and records in values."""

from __future__ import annotations

import json
import re

import pytest

from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

FORMER = {
    "Wave": "MigrationWave",
    "Machine": "ProtectedItem",
    "Registration": "FabricRegistration",
    "Connectivity": "ConnectivityCheck",
    "Agents": "AgentRollout",
    "Mapping": "ProtectionContainerMapping",
    "Clearance": "VaultClearance",
    "Credentials": "VaultCredentials",
}
SHORT = re.compile(r"dynamic/asr:(\w+)")
LATER = ("source", "machines_site_id", "guards", "earlier", "holds", "bios_ids", "review")
"""What the record of a wave did not have."""
NOW_A_TEXT = ("convergence", "landing_zone", "machine")
"""What the record of a machine had as values."""


def former(text: str) -> str:
    state = json.loads(text)
    for resource in state["deployment"]["resources"]:
        if resource["type"].endswith("asr:Machine"):
            for kept in (resource["inputs"], resource["outputs"]):
                kept |= {name: json.loads(kept[name]) for name in NOW_A_TEXT}
        if resource["type"].endswith("asr:Wave"):
            for kept in (resource["inputs"], resource["outputs"]):
                for name in LATER:
                    kept.pop(name, None)
            # A run of that version was killed.
            begun = {"type": "creating", "resource": resource}
            state["deployment"]["pending_operations"] = [begun]
    short = json.dumps(state)
    return SHORT.sub(lambda found: f"dynamic/site-recovery:{FORMER[found[1]]}", short)


def test_its_resources_stay_as_they_are(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    up = stack.up()
    assert up.code == 0, up.text
    file = stack.folder / "former.json"
    file.write_text(former(stack.succeeds("stack", "export", "--show-secrets")), "utf-8")
    assert SHORT.search(file.read_text("utf-8")) is None
    stack.succeeds("stack", "import", "--file", str(file))
    done = stack.clouds.operations("web-01")

    # What a person reads before the next run is there too, and nothing is missing.
    recovered = stack.recover()
    status = json.loads(stack.report("status", "--json"))
    preview = stack.run("preview", "--expect-no-changes")
    again = stack.up()

    assert recovered.code == 0, recovered.text
    assert "is recorded now" not in recovered.text
    assert "pending_operations" not in json.loads(stack.exported())["deployment"]
    assert "web-01" in json.dumps(status)
    assert preview.code == 0, preview.text
    assert preview.changes == {}
    assert again.code == 0, again.text
    assert stack.clouds.operations("web-01") == done
    kinds = {resource["type"] for resource in stack.resources()}
    assert not any("dynamic/site-recovery" in kind for kind in kinds)
    assert "pulumi-python:dynamic/asr:Wave" in kinds
