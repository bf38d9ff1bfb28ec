"""A licence counts for the machines of its platform."""

from __future__ import annotations

from typing import Literal

import pytest

from site_recovery.declared.target import TargetSpec
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine, places

LINUX = {"platform": "linux", "os": "rhel-8.4", "image_name": "RHEL-8.4.0_HVM"}


@pytest.mark.parametrize(
    ("declared", "platform", "sent"),
    [
        ({"licenseType": "WindowsServer"}, "windows", ("WindowsServer", None)),
        ({"licenseType": "WindowsServer"}, "linux", ("NoLicenseType", None)),
        ({"linuxLicenseType": "LinuxServer"}, "linux", (None, "LinuxServer")),
        ({"linuxLicenseType": "LinuxServer"}, "windows", (None, "NoLicenseType")),
        ({"licenseType": "NoLicenseType"}, "linux", ("NoLicenseType", None)),
        ({}, "linux", (None, None)),
        (
            {"licenseType": "WindowsServer", "linuxLicenseType": "LinuxServer"},
            "linux",
            ("NoLicenseType", "LinuxServer"),
        ),
    ],
)
def test_a_machine_gets_the_licence_of_its_platform(
    declared: dict[str, str],
    platform: Literal["windows", "linux"],
    sent: tuple[str | None, str | None],
) -> None:
    target = TargetSpec.model_validate({**declared, "sqlServerLicenseType": "AHUB"}).on(platform)
    assert (target.license_type, target.linux_license_type) == sent
    assert target.sql_server_license_type == "AHUB"


def test_a_wave_of_both_platforms_may_name_both_licences() -> None:
    config = configs.modernized()
    config["waves"]["data"]["target"] = {
        "licenseType": "WindowsServer",
        "linuxLicenseType": "LinuxServer",
    }
    assert examine(config, ec2(web_02=LINUX)).problems == ()


@pytest.mark.parametrize(
    ("key", "licence"), [("licenseType", "WindowsServer"), ("linuxLicenseType", "LinuxServer")]
)
def test_a_licence_that_no_machine_of_the_wave_can_use_is_refused(key: str, licence: str) -> None:
    config = configs.modernized()
    config["waves"]["data"]["target"] = {key: licence}
    reader = ec2(web_02=LINUX, db_01=LINUX) if key == "licenseType" else ec2()
    assert places(examine(config, reader)) == [f"waves.data.target.{key}"]


def test_a_licence_that_a_machine_states_must_be_one_of_its_platform() -> None:
    config = configs.modernized()
    config["machines"]["web-02"]["target"] = {"licenseType": "WindowsServer"}
    config["machines"]["db-01"]["target"] = {"linuxLicenseType": "LinuxServer"}
    assert places(examine(config, ec2(web_02=LINUX))) == [
        "machines.db-01.target.linuxLicenseType",
        "machines.web-02.target.licenseType",
    ]


def test_the_licence_of_linux_needs_the_modernized_experience() -> None:
    config = configs.valid()
    config["waves"]["data"]["target"] = {"linuxLicenseType": "LinuxServer"}
    assert list(configs.report(config)) == ["waves.data.target.linuxLicenseType"]
