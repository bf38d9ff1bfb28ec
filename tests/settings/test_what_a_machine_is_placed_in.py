"""Odd values of where a machine is put, what it takes along and how it is found are refused."""

from __future__ import annotations

from typing import Any

import pytest

import settings
from site_recovery.aws.ec2 import TaggedInstance
from tests.settings import configs

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
MACHINES_GROUP = "rg-migration-machines"
KINDS = {
    "availabilitySet": "Microsoft.Compute/availabilitySets",
    "proximityPlacementGroup": "Microsoft.Compute/proximityPlacementGroups",
    "capacityReservationGroup": "Microsoft.Compute/capacityReservationGroups",
    "diskEncryptionSet": "Microsoft.Compute/diskEncryptionSets",
    "networkSecurityGroup": "Microsoft.Network/networkSecurityGroups",
}
TARGET = ("waves", "pilot", "target")


def id_of(key: str, name: str = "web", group: str = MACHINES_GROUP) -> str:
    kind = KINDS[key]
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{kind}/{name}"


def problems(*location: str, value: Any) -> dict[str, str]:
    return configs.report(configs.put(configs.modernized(), *location, value=value))


@pytest.mark.parametrize("key", KINDS)
class TestAnId:
    @pytest.mark.parametrize("name", ["web", "W-1_2.3", "a" * 80, "x_"])
    def test_is_taken_as_azure_has_it(self, key: str, name: str) -> None:
        assert problems(*TARGET, key, value=id_of(key, name)) == {}
        assert problems(*TARGET, key, value=id_of(key, name).upper()) == {}

    @pytest.mark.parametrize(
        "name", ["web ", "web\n", "a b", "é", "-web", "web-", "web.", "_web", "a" * 81, "web/x", ""]
    )
    def test_of_a_name_that_azure_refuses_is_refused(self, key: str, name: str) -> None:
        [(place, said)] = problems(*TARGET, key, value=id_of(key, name)).items()
        assert place == f"waves.pilot.target.{key}"
        assert "is not a valid id of a" in said

    @pytest.mark.parametrize("group", ["r" * 91, "rg.", "a b", "rg\n"])
    def test_of_a_group_that_azure_refuses_is_refused(self, key: str, group: str) -> None:
        assert list(problems(*TARGET, key, value=id_of(key, group=group))) == [
            f"waves.pilot.target.{key}"
        ]


class TestACapacityReservationGroup:
    @pytest.mark.parametrize(
        ("key", "what"),
        [
            ("availabilitySet", "an availability set"),
            ("proximityPlacementGroup", "a proximity placement group"),
        ],
    )
    def test_does_not_go_together_with(self, key: str, what: str) -> None:
        group = id_of("capacityReservationGroup")
        found = problems(*TARGET, value={key: id_of(key), "capacityReservationGroup": group})
        assert set(found) == {"waves.pilot.target.capacityReservationGroup"}
        [said] = set(found.values())
        assert f"would be in {what} too, which Azure does not take" in said

    def test_goes_together_with_a_zone(self) -> None:
        group = id_of("capacityReservationGroup")
        target = {"availabilityZone": "2", "capacityReservationGroup": group}
        assert problems(*TARGET, value=target) == {}


class TestAnAvailabilitySet:
    def test_is_in_the_resource_group_of_the_machines(self) -> None:
        found = problems(*TARGET, "availabilitySet", value=id_of("availabilitySet", group="rg-web"))
        assert found == {
            "waves.pilot.target.availabilitySet": "it is in resource group rg-web, and the "
            "machines will be in rg-migration-machines: Azure puts a machine into a set of its own "
            "group only. Name a set of that group, or set target.machinesResourceGroup"
        }

    def test_whatever_the_case_of_that(self) -> None:
        other = id_of("availabilitySet", group=MACHINES_GROUP.upper())
        assert problems(*TARGET, "availabilitySet", value=other) == {}

    def test_which_a_proximity_placement_group_need_not_be(self) -> None:
        other = id_of("proximityPlacementGroup", group="rg-web")
        assert problems(*TARGET, "proximityPlacementGroup", value=other) == {}


class TestTheSystem:
    @pytest.mark.parametrize("value", ["", "  ", {"name": ""}, {"name": " "}])
    def test_that_is_empty_is_refused(self, value: Any) -> None:
        [said] = problems("machines", "web-01", "os", value=value).values()
        assert said.startswith("it is empty")

    def test_is_accepted_by_a_word_and_not_by_true(self) -> None:
        value = {"name": "rhel-9.9", "unsupported": True}
        [said] = problems("machines", "web-01", "os", value=value).values()
        assert said.endswith("Use accepted")


class TestAWaveByTags:
    @staticmethod
    def found(wave: dict[str, Any]) -> dict[str, str]:
        asked: list[Any] = []

        def find(vpc: str, tags: Any, region: str) -> tuple[list[TaggedInstance], list[Any]]:
            asked.append(tags)
            return [TaggedInstance("i-00000000000000007", {"Name": "app-07"})], []

        config = configs.put(configs.modernized(), "waves", "tagged", value=wave)
        told = {
            each.path: f"{each.what}. {each.way_out}"
            for each in settings.read(config, find).problems
        }
        assert not asked or not told, "EC2 is asked for what it can answer only"
        return told

    @pytest.mark.parametrize("key", ["", " ", "a" * 129, "a\nb"])
    def test_of_a_key_that_no_tag_has_is_refused_before_ec2_is_asked(self, key: str) -> None:
        found = self.found({"phase": "protected", "select": {key: "x"}})
        assert len(found) == 1
        [place] = found
        assert place.startswith("waves.tagged.select")

    def test_nor_can_a_tag_have_a_value_of_300_characters(self) -> None:
        found = self.found({"phase": "protected", "select": {"team": "x" * 300}})
        assert list(found) == ["waves.tagged.select.team"]

    @pytest.mark.parametrize("name", ["", " ", "a" * 129, 5, None])
    def test_nor_is_it_asked_for_names_that_no_tag_gives(self, name: Any) -> None:
        wave = {"phase": "protected", "select": {"team": "web"}, "selectName": name}
        assert list(self.found(wave)) == ["waves.tagged.selectName"]
