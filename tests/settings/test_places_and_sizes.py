"""Regions, zones and sizes that do not exist or do not fit."""

from __future__ import annotations

from typing import Any

import pytest

import settings
from settings.rules import sizing
from site_recovery.aws import regions as aws_regions
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.declared import azure_regions, sizes
from site_recovery.problems import Problem
from tests.settings import configs

Location = tuple[str | int, ...]


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("eu-wset-1", "'eu-west-1', if that is meant"),
        (" eu-west-1", "'eu-west-1', if that is meant"),
        ("eu-west-1 ", "'eu-west-1', if that is meant"),
        ("EU-WEST-1", "'eu-west-1', if that is meant"),
        ("eu west 1", "'eu-west-1', if that is meant"),
        ("eu-west-1a", "'eu-west-1', if that is meant"),
        ("westeurope", "is a region of Azure"),
        ("West Europe", "is a region of Azure"),
        ("aws-global", "is not a region of AWS"),
        ("http://localhost", "is not a region of AWS"),
        ("Ireland", "is not a region of AWS"),
        (" ", "it is empty"),
        ("eu-west-1\n", "'eu-west-1', if that is meant"),
    ],
)
def test_an_aws_region_that_does_not_exist_is_the_only_problem(region: str, words: str) -> None:
    asked: list[Any] = []
    config = configs.modernized()
    config["aws:region"] = region
    config["waves"]["data"] = {"phase": "protected", "select": {"move": "yes"}}

    def find(*question: Any) -> tuple[list[TaggedInstance], list[Problem]]:
        asked.append(question)
        return [], []

    reading = settings.read(config, find)
    assert [problem.path for problem in reading.problems] == ["aws:region"]
    assert words in f"{reading.problems[0].what}. {reading.problems[0].way_out}"
    assert asked == []
    assert reading.draft.region is None


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("westeuropa", "'westeurope', if that is meant"),
        ("eu-west-1", "is a region of AWS"),
        ("europe", "is not a region of Azure"),
        ("westeurope1", "'westeurope', if that is meant"),
        ("West-Europe", "'westeurope', if that is meant"),
        ("", "it is empty"),
        ("global", "is not a region of Azure"),
    ],
)
def test_an_azure_region_that_does_not_exist_is_the_only_problem(region: str, words: str) -> None:
    report = configs.report({**configs.modernized(), "azure-native:location": region})
    assert list(report) == ["azure-native:location"]
    assert words in report["azure-native:location"]


@pytest.mark.parametrize("region", ["westeurope", "West Europe", "WestEurope", "WESTEUROPE"])
def test_an_azure_region_may_be_written_as_azure_shows_it(region: str) -> None:
    stack = settings.load({**configs.modernized(), "azure-native:location": region})
    assert stack.azure_location == "westeurope"


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
    ],
)
def test_a_region_of_an_isolated_partition_is_refused(region: str, partition: str) -> None:
    report = configs.report({**configs.modernized(), "aws:region": region})
    assert list(report) == ["aws:region"]
    assert f"{region} is a region of {partition}, an isolated partition" in report["aws:region"]


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-northwest-1", "eusc-de-east-1"])
def test_a_region_of_another_partition_is_taken(region: str) -> None:
    assert settings.load({**configs.modernized(), "aws:region": region}).aws_region == region


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")],
)
def test_a_region_tells_its_partition(region: str, partition: str) -> None:
    assert aws_regions.partition_of(region) == partition


@pytest.mark.parametrize("location", ["westus", "North Central US", "ukwest", "canadaeast"])
def test_a_zone_needs_a_region_that_has_zones(location: str) -> None:
    config = {**configs.modernized(), "azure-native:location": location}
    config["waves"]["data"]["target"] = {"availabilityZone": "1"}
    config["machines"]["web-01"]["target"] = {"availabilityZone": "2"}
    report = configs.report(config)
    assert set(report) == {
        "waves.data.target.availabilityZone",
        "machines.web-01.target.availabilityZone",
    }
    assert (
        f"{azure_regions.normalized(location)} has no availability zones"
        in (report["waves.data.target.availabilityZone"])
    )


@pytest.mark.parametrize(
    ("size", "arm", "premium"),
    [
        ("Standard_D2s_v5", False, True),
        ("standard_d2s_v5", False, True),
        ("Standard_D2_v3", False, False),
        ("Standard_D2ps_v5", True, True),
        ("Standard_D2pls_v5", True, True),
        ("Standard_E4pds_v6", True, True),
        ("Standard_B2pts_v2", True, True),
        ("Standard_DS2_v2", False, True),
        ("Standard_GS5", False, True),
        ("Standard_A2_v2", False, False),
        ("Basic_A1", False, False),
        ("Standard_B1ls", False, True),
        ("Standard_B2ms", False, True),
        ("Standard_E4-2s_v3", False, True),
        ("Standard_F4", False, False),
        ("Standard_F4s", False, True),
        ("Standard_L8s_v3", False, True),
        ("Standard_M416-208ms_v2", False, True),
        ("Standard_NP10s", False, True),
        ("Standard_HB120rs_v3", False, True),
        ("Standard_NC24ads_A100_v4", False, True),
        ("Standard_E2_v4", False, False),
        ("Standard_odd", False, True),
    ],
)
def test_a_size_tells_its_processors_and_disks_by_its_name(
    size: str, arm: bool, premium: bool
) -> None:
    assert (sizes.is_arm(size), sizes.takes_premium(size)) == (arm, premium)


def test_premium_disks_need_a_size_that_takes_them_wherever_the_two_are_written() -> None:
    config = configs.modernized()
    config["waves"]["data"]["target"] = {"vmSize": "Standard_D2_v3"}
    config["machines"]["web-02"]["target"] = {"diskType": "Premium_LRS"}
    report = configs.report(config)
    assert list(report) == ["waves.data.target.vmSize"]
    assert "takes no premium disks" in report["waves.data.target.vmSize"]
    config["machines"]["web-02"]["target"]["vmSize"] = "Standard_D2s_v3"
    assert configs.report(config) == {}


def test_an_arm_size_is_refused_where_it_is_written() -> None:
    config = configs.modernized()
    config["waves"]["data"]["target"] = {"vmSize": "Standard_D2ps_v5"}
    assert list(configs.report(config)) == ["waves.data.target.vmSize"]


@pytest.mark.parametrize("kind", ["c7g.2xlarge", "a1.xlarge", "im4gn.large", "x2gd.xlarge"])
def test_arm_types_of_ec2_are_known_by_their_names(kind: str) -> None:
    assert sizing.is_arm(kind)


def test_reserved_capacity_is_refused_by_name_where_site_recovery_has_no_field_for_it() -> None:
    group = (
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers"
        "/Microsoft.Compute/capacityReservationGroups/booked"
    )
    written = {"capacityReservationGroup": group}
    modern = configs.put(configs.modernized(), "waves", "data", "target", value=written)
    assert configs.report(modern) == {}
    report = configs.report(configs.changed("waves", "data", "target", value=written))
    assert list(report) == ["waves.data.target.capacityReservationGroup"]
    assert "for the modernized experience only" in str(report)
    wrong = {"capacityReservationGroup": group.replace("capacityReservationGroups", "disks")}
    config = configs.put(configs.modernized(), "machines", "web-01", "target", value=wrong)
    assert list(configs.report(config)) == ["machines.web-01.target.capacityReservationGroup"]
