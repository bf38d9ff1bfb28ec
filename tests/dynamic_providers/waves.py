"""Inputs of waves whose machines are those of a fleet on the emulator."""

from __future__ import annotations

from typing import Any

from dynamic_providers.wave.inputs import OtherWave
from tests.convergence.fleet import Fleet


def inputs(fleet: Fleet, phase: str, *names: str, **other: Any) -> dict[str, Any]:
    """The inputs of a wave of these machines."""
    site = fleet.migration_site
    machines = {
        name: {
            "instance_id": fleet.machines[name].id,
            "private_ip": fleet.machines[name].private_ip,
            "platform": "windows",
            "target": dict(fleet.targets.get(name, {})),
            "interfaces": [each.model_dump() for each in fleet.interfaces(name)],
            "hardware": {
                "vcpus": 2,
                "memory_gib": 8,
                "data_disks": 0,
                "interfaces": len(fleet.interfaces(name)),
            },
        }
        for name in names or fleet.machines
    }
    values = {
        "experience": site.experience,
        "vault_id": str(site.container.vault),
        "container_id": str(site.container),
        "machines_site_id": site.machines_site_id,
        "policy_id": site.policy_id,
        "process_server_id": site.process_server_id,
        "master_target_id": site.master_target_id,
        "run_as_accounts": dict(site.run_as_accounts),
        "landing_zone": vars(site.landing_zone),
        "phase": phase,
        "machines": machines,
        "convergence": {
            "wait_seconds": 60,
            "poll_seconds": 1,
            "on_pending": "fail",
            "require_test_failover": False,
            "offline_preview": False,
        },
        "urn": "urn:pulumi:dev::p::t::web",
    }
    return {**values, **other}


def other(fleet: Fleet, phase: str, *names: str) -> dict[str, OtherWave]:
    wave = inputs(fleet, phase, *names)
    values = {"phase": phase, "machines": wave["machines"], "require_test_failover": False}
    return {"other": OtherWave.model_validate(values)}
