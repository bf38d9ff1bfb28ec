"""The target settings in items, and in updates, which also send the unchanged values."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.azure.experiences.classic.experience import Classic
from site_recovery.azure.experiences.modernized.experience import Modernized
from site_recovery.target_settings import DYNAMIC, TargetSettings

NETWORK, OTHER = "/networks/prod", "/networks/other"
CLASSIC: dict[str, Any] = {
    "instanceType": "InMageAzureV2",
    "recoveryAzureVMName": "web-01",
    "recoveryAzureVMSize": "Standard_D2s_v5",
    "recoveryAzureResourceGroupId": "/groups/machines",
    "selectedRecoveryAzureNetworkId": NETWORK,
    "selectedSourceNicId": "nic-b",
    "recoveryAvailabilitySetId": "/sets/a",
    "targetProximityPlacementGroupId": "/groups/near",
    "targetAvailabilityZone": None,
    "licenseType": "NotSpecified",
    "targetVmTags": {"team": "shop"},
    "vmNics": [
        {
            "nicId": "nic-a",
            "tfoRecoveryNicName": "test-nic",
            "ipConfigs": [{"name": "a", "isPrimary": True, "recoverySubnetName": "old"}],
        },
        {
            "nicId": "nic-b",
            "selectionType": "SelectedByUser",
            "ipConfigs": [
                {"name": "b1", "isPrimary": False, "recoverySubnetName": "old"},
                {
                    "name": "b2",
                    "isPrimary": True,
                    "recoverySubnetName": "/networks/prod/subnets/old",
                    "recoveryStaticIPAddress": "10.0.0.9",
                    "recoveryIPAddressType": "Static",
                },
            ],
        },
    ],
}
MODERNIZED: dict[str, Any] = {
    "instanceType": "InMageRcm",
    "targetVmName": "web-01",
    "targetVmSize": "Standard_D2s_v5",
    "targetResourceGroupId": "/groups/machines",
    "targetNetworkId": NETWORK,
    "testNetworkId": "",
    "targetAvailabilitySetId": "/sets/a",
    "targetAvailabilityZone": "",
    "targetCapacityReservationGroupId": "/groups/reserved",
    "licenseType": "NotSpecified",
    "targetVmTags": [{"tagName": "team", "tagValue": "shop"}, {"tagName": "bare"}],
    "vmNics": [
        {"nicId": "nic-a", "isPrimaryNic": None, "targetSubnetName": "old"},
        {
            "nicId": "nic-b",
            "isPrimaryNic": "true",
            "targetSubnetName": "old",
            "targetIPAddress": "10.0.0.9",
            "targetIPAddressType": "Static",
        },
    ],
}


class TestWhatAnItemSays:
    @pytest.mark.parametrize(
        "shown", [Classic().target_settings(CLASSIC), Modernized().target_settings(MODERNIZED)]
    )
    def test_is_the_same_of_both_experiences(self, shown: TargetSettings) -> None:
        assert shown.vm_name == "web-01"
        assert shown.vm_size == "Standard_D2s_v5"
        assert shown.network_id == NETWORK
        assert shown.subnet == "old"
        assert shown.private_ip == "10.0.0.9"
        assert shown.availability_zone == ""
        assert shown.interfaces == 2
        assert (shown.tags or {})["team"] == "shop"

    @pytest.mark.parametrize("read", [Classic().target_settings, Modernized().target_settings])
    def test_that_shows_no_tags_differs_in_none(self, read: Any) -> None:
        assert TargetSettings(tags={"team": "shop"}).differences(read({})) == ()

    @pytest.mark.parametrize("read", [Classic().target_settings, Modernized().target_settings])
    def test_without_an_interface_it_has_no_address_yet(self, read: Any) -> None:
        assert read({}).private_ip == DYNAMIC

    @pytest.mark.parametrize("read", [Classic().target_settings, Modernized().target_settings])
    def test_a_tag_may_have_no_value_and_is_nothing_without_a_name(self, read: Any) -> None:
        listed = [{"tagName": "bare"}, {"tagValue": "lost"}, {"tagName": "a", "tagValue": "b"}]
        assert read({"targetVmTags": listed}).tags == {"bare": "", "a": "b"}


class TestAnUpdate:
    def test_by_classic_changes_the_first_interface_and_leaves_the_rest(self) -> None:
        wanted = TargetSettings(private_ip="10.0.0.10", tags={"wave": "1"})
        body = Classic().update_target(CLASSIC, wanted)["properties"]
        first, other = body["vmNics"]
        assert first["nicId"] == "nic-b"
        assert [a.get("recoveryStaticIPAddress") for a in first["ipConfigs"]] == [None, "10.0.0.10"]
        assert [a["recoverySubnetName"] for a in first["ipConfigs"]] == ["old", "old"]
        assert other["tfoNicName"] == "test-nic"
        assert other["ipConfigs"][0]["recoverySubnetName"] == "old"
        part = body["providerSpecificDetails"]
        assert part["targetVmTags"] == {"team": "shop", "wave": "1"}
        assert part["targetProximityPlacementGroupId"] == "/groups/near"
        assert body["recoveryAvailabilitySetId"] == "/sets/a"

    def test_by_modernized_changes_the_primary_interface_and_leaves_the_rest(self) -> None:
        wanted = TargetSettings(private_ip="10.0.0.10", tags={"wave": "1"})
        part = Modernized().update_target(MODERNIZED, wanted)["properties"][
            "providerSpecificDetails"
        ]
        primary, other = part["vmNics"]
        assert (other["isPrimaryNic"], primary["isPrimaryNic"]) == ("false", "true")
        assert primary["targetStaticIPAddress"] == "10.0.0.10"
        assert "targetStaticIPAddress" not in other
        assert {tag["tagName"] for tag in part["targetVmTags"]} == {"team", "bare", "wave"}
        assert part["targetCapacityReservationGroupId"] == "/groups/reserved"
        wanted = TargetSettings(capacity_reservation_group="/groups/other")
        assert wanted.differences(Modernized().target_settings(MODERNIZED))
        body = Modernized().update_target(MODERNIZED, wanted)["properties"]
        assert (
            body["providerSpecificDetails"]["targetCapacityReservationGroupId"] == "/groups/other"
        )
        assert part["targetAvailabilitySetId"] == "/sets/a"

    def test_to_another_network_takes_every_interface_along(self) -> None:
        wanted = TargetSettings(network_id=OTHER, subnet="new")
        body = Classic().update_target(CLASSIC, wanted)["properties"]
        subnets = {a["recoverySubnetName"] for nic in body["vmNics"] for a in nic["ipConfigs"]}
        assert subnets == {"new"}
        part = Modernized().update_target(MODERNIZED, wanted)["properties"][
            "providerSpecificDetails"
        ]
        assert {nic["targetSubnetName"] for nic in part["vmNics"]} == {"new"}

    def test_to_a_zone_leaves_the_availability_set(self) -> None:
        wanted = TargetSettings(availability_zone="2")
        body = Classic().update_target(CLASSIC, wanted)["properties"]
        assert "recoveryAvailabilitySetId" not in body
        part = Modernized().update_target(MODERNIZED, wanted)["properties"][
            "providerSpecificDetails"
        ]
        assert part["targetAvailabilitySetId"] == ""


@pytest.mark.parametrize(
    ("wanted", "present", "words"),
    [
        ({"vm_size": "STANDARD_D2S_V5"}, {"vm_size": "Standard_D2s_v5"}, ()),
        ({"vm_size": "Standard_D4s_v5"}, {"vm_size": "Standard_D2s_v5"}, ("size",)),
        ({"vm_size": "Standard_D4s_v5"}, {}, ()),
        ({}, {"vm_size": "Standard_D2s_v5"}, ()),
        ({"license_type": "NoLicenseType"}, {"license_type": "NotSpecified"}, ()),
        ({"license_type": "WindowsServer"}, {"license_type": "NotSpecified"}, ("licence",)),
        ({"availability_zone": "2"}, {"availability_zone": ""}, ("availability zone",)),
        ({"tags": {"a": "1"}}, {"tags": {"a": "1", "b": "2"}}, ()),
        ({"tags": {"a": "1"}}, {"tags": {"a": "2"}}, ("tags",)),
        ({"private_ip": "10.0.0.9"}, {"private_ip": DYNAMIC}, ("private address",)),
        ({"private_ip": None}, {"private_ip": "10.0.0.9"}, ()),
    ],
)
def test_what_differs_is_what_is_wanted_and_shown_otherwise(
    wanted: dict[str, Any], present: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert TargetSettings(**wanted).differences(TargetSettings(**present)) == words
