"""The inputs of a wave survive the way through the engine to its provider."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

import settings
from dynamic_providers.wave.inputs import MachineInputs, WaveInputs
from site_recovery.declared.disks import DiskOrder
from site_recovery.declared.interfaces import SourceInterface
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Hardware
from site_recovery.phases import Phase
from site_recovery.recovery_plan import Group, ManualAction, Plan, RunbookAction
from site_recovery.target_settings import TargetSettings
from tests.dynamic_providers.test_waves_that_differ import INPUTS
from tests.settings import configs

COMPUTE = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute"
BESIDE = {
    "availabilitySet": f"{COMPUTE}/availabilitySets/web",
    "capacityReservationGroup": f"{COMPUTE}/capacityReservationGroups/booked",
}
"""What the config refuses beside the zone and the placement group of `TARGET`."""
TARGET: dict[str, Any] = {
    "vmName": "shop",
    "vmSize": "Standard_D2s_v5",
    "diskType": "Premium_LRS",
    "availabilityZone": "2",
    "licenseType": "WindowsServer",
    "linuxLicenseType": "NoLicenseType",
    "sqlServerLicenseType": "AHUB",
    "tags": {"team": "shop"},
    "tagsFromSource": ["*", "!app-*"],
    "subnet": "servers",
    "privateIp": "10.20.1.10",
    "testPrivateIp": "10.21.1.10",
    "disks": {"/dev/sdf": {"type": "Premium_LRS"}},
    "interfaces": {"1": {"subnet": "servers", "privateIp": "10.20.1.11", "leaveOut": False}},
    "proximityPlacementGroup": f"{COMPUTE}/proximityPlacementGroups/near",
    "diskEncryptionSet": f"{COMPUTE}/diskEncryptionSets/ours",
    "networkSecurityGroup": COMPUTE.replace("Compute", "Network") + "/networkSecurityGroups/web",
}
PLAN = Plan(
    "dev-shop",
    (
        Group(("db-01",), post=(ManualAction("check the database"),)),
        Group(("web-01",), pre=(RunbookAction("/runbooks/warm-up", 900),)),
    ),
)


def through_the_engine(values: object) -> Any:
    """Values as the engine passes them to a provider: all numbers are floats."""
    return json.loads(json.dumps(values), parse_int=float)


def spec() -> TargetSpec:
    config = configs.put(configs.modernized(), "machines", "web-01", "target", value=TARGET)
    own = settings.load(config).target_of("web-01")
    beside = TargetSpec.model_validate(BESIDE)
    return own.model_copy(update={name: getattr(beside, name) for name in beside.model_fields_set})


def test_a_target_keeps_the_keys_that_it_has_in_the_config() -> None:
    keys = {field.alias for field in TargetSpec.model_fields.values()}
    assert {*TARGET, *BESIDE} == keys
    machine = MachineInputs(instance_id="i-1", platform="windows", target=spec())
    assert machine.wire()["target"] == TARGET | BESIDE


@pytest.mark.parametrize("target", [spec(), TargetSpec()])
def test_a_machine_comes_back_as_it_was_given(target: TargetSpec) -> None:
    given = MachineInputs(
        instance_id="i-1",
        private_ip="10.10.1.11",
        platform="linux",
        target=target,
        hardware=Hardware(vcpus=4, memory_gib=15.25, data_disks=2, interfaces=2),
        disks=[DiskOrder.model_validate({"sizeGib": 100, "type": "Premium_LRS"})],
        interfaces=[SourceInterface(index=1, id="eni-0123456789abcdef0", mac="06:00:00:00:00:01")],
    )
    got = MachineInputs.model_validate(through_the_engine(given.wire()))
    assert got == given
    assigned = got.assignment(got.machine("web-01"), Phase.PROTECTED)
    assert assigned.target == target
    assert [(each.size_gib, each.type) for each in assigned.disks] == [(100, "Premium_LRS")]
    assert [each.index for each in assigned.interfaces] == [1]


def test_a_recovery_plan_comes_back_as_it_was_given() -> None:
    inputs = WaveInputs.model_validate(
        {**INPUTS, "recovery_plan": through_the_engine(asdict(PLAN))}
    )
    assert inputs.recovery_plan == PLAN


def test_what_an_item_should_show_has_all_of_a_target_that_an_item_can_show() -> None:
    wanted = TargetSettings.wanted(spec())
    hidden = (
        *("disk_type", "disk_encryption_set", "tags_from_source", "interfaces", "disks"),
        "network_security_group",
    )
    shown = {name: value for name, value in spec() if name not in hidden}
    assert {name: getattr(wanted, name) for name in shown} == shown
