"""Sizes, disk types, zones and licences that preview lets through Compute gives, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import strategies as st

from emulator import front
from emulator.arm import machine_sizes
from emulator.arm.identity import issue
from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.estate.static import StaticEstate
from emulator.in_process import AsyncWorldTransport
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.recovery_services.experiences.modernized.bodies import LinuxLicenseType
from emulator.recovery_services.replication import compute_refusals
from emulator.recovery_services.wire.provider_values import DiskType, LicenseType, SqlLicenseType
from settings import Settings
from site_recovery.aws.disks import Disk
from site_recovery.azure import region_sizes as azure
from site_recovery.azure.connection import connector
from site_recovery.convergence import region_sizes
from site_recovery.convergence.region_sizes import RegionSize
from site_recovery.fleet import Firmware
from tests.emulator.agreement.effort import both_ways
from tests.emulator.conftest import Arm
from tests.emulator.recovery_services.site_recovery_support import AsyncCredential
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine

REGION = "westeurope"
LINUX = {"platform": "linux", "os": "rhel-8.4", "image_name": "RHEL-8.4.0_HVM"}


@dataclass(frozen=True)
class Case:
    """A machine: what its config says, its platform and firmware, the number of its data disks."""

    target: Mapping[str, str]
    linux: bool
    firmware: Firmware
    data_disks: int


def _spelled(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name, name.lower(), name.replace("Standard", "standard")])


_offered = st.sampled_from([size.name for size in machine_sizes.SIZES])
_sizes = _offered.flatmap(_spelled) | st.sampled_from(
    ["Standard_D2s_v9", "Standard_Q1", "Standard_D2s", "D2s_v3", "Standard_D2ps_v5", "", "t3.large"]
)


@st.composite
def machines(draw: st.DrawFn) -> Case:
    optional = {
        "vmSize": _sizes,
        "diskType": st.sampled_from(
            ["Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "premium", ""]
        ),
        "availabilityZone": st.sampled_from(["1", "2", "3", "4", "0", "eu-west-1a"]),
        "licenseType": st.sampled_from(["NoLicenseType", "WindowsServer", "RHEL_BYOS", "windows"]),
        "linuxLicenseType": st.sampled_from(["NoLicenseType", "LinuxServer", "RHEL_BYOS"]),
        "sqlServerLicenseType": st.sampled_from(["PAYG", "AHUB", "NoLicenseType", "Standard"]),
    }
    keys = draw(st.sets(st.sampled_from(sorted(optional)), max_size=2))
    linux = draw(st.booleans())
    target = {key: draw(optional[key]) for key in sorted(keys | {"vmSize"})}
    firmware: Firmware = draw(st.sampled_from(["BIOS", "UEFI"]))
    return Case(target, linux, firmware, draw(st.sampled_from([0, 0, 0, 1, 2, 3, 9, 33])))


def compute(case: Case) -> bool:
    """Whether the service takes the values, and Compute creates the virtual machine."""
    licences = {
        "licenseType": (LicenseType, "licenseType"),
        "linuxLicenseType": (LinuxLicenseType, "linuxLicenseType"),
        "sqlServerLicenseType": (SqlLicenseType, "sqlLicenseType"),
        "diskType": (DiskType, "diskType"),
    }
    target: dict[str, Any] = {
        "diskType": "Standard_LRS",
        "zone": case.target.get("availabilityZone"),
    }
    for key, (values, kept) in licences.items():
        given_value = case.target.get(key)
        if given_value is None:
            continue
        if given_value not in get_args(values):
            return False
        target[kept] = given_value
    size = machine_sizes.named(case.target["vmSize"])
    if size is None or case.data_disks > size.data_disks:
        return False
    source = {
        "osType": "Linux" if case.linux else "Windows",
        "firmware": case.firmware,
        "disks": [{"type": None}] * (1 + case.data_disks),
    }
    return compute_refusals.refusal(size, target, source, REGION, "web-01-test") is None


@pytest.fixture(scope="module")
def offered() -> dict[str, RegionSize]:
    """The sizes of the region, as a preview reads them."""
    store = Store()
    arm = Arm(front.create(store, Clock(), seed=7, estate=StaticEstate()))
    connect = connector(
        credential=lambda: AsyncCredential(issue(arm.world)),
        transport=lambda: AsyncWorldTransport(arm.world),
        limited=False,
    )

    async def read() -> dict[str, RegionSize]:
        async with connect(SUBSCRIPTION) as connection:
            return await azure.read(connection, SUBSCRIPTION, REGION)

    try:
        return asyncio.run(read())
    finally:
        store.close()


def preview(case: Case, offered: Mapping[str, RegionSize]) -> bool:
    config = configs.put(
        configs.modernized(), "machines", "web-01", "target", value=dict(case.target)
    )
    if configs.report(config):
        return False
    disks = tuple(Disk(f"/dev/sd{n}", 10, f"vol-{n}") for n in range(1 + case.data_disks))
    found = examine(config, ec2(web_01={**(LINUX if case.linux else {}), "disks": disks}))
    if found.problems:
        return False
    target = Settings.model_validate(config).target_of("web-01")
    problem = region_sizes.problem(target, case.data_disks, offered, REGION, firmware=case.firmware)
    return problem is None


def test_what_a_machine_becomes(offered: dict[str, RegionSize]) -> None:
    both_ways(machines(), lambda case: (preview(case, offered), compute(case)))
