"""Availability sets, placement groups, reservations and disk encryption sets are kept as ARM does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import Arm

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
RESERVED = f"{COMPUTE}/capacityReservationGroups/booked"
KINDS = [
    *("availabilitySets", "proximityPlacementGroups", "capacityReservationGroups"),
    "diskEncryptionSets",
]
HERE = {"location": "westeurope"}


def versioned(path: str) -> str:
    disks = "diskEncryptionSets" in path
    return f"{path}?api-version={'2024-03-02' if disks else '2024-07-01'}"


@pytest.fixture
def group(arm: Arm) -> Arm:
    arm.put(GROUP, HERE)
    return arm


def put(arm: Arm, path: str, **body: Any) -> Any:
    return arm.call("PUT", versioned(path), {**HERE, **body})


def refused(arm: Arm, path: str, **body: Any) -> tuple[int, str]:
    answer = put(arm, path, **body)
    return answer.status, answer.body["error"]["code"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_shown_listed_changed_and_deleted(group: Arm, kind: str) -> None:
    one = f"{COMPUTE}/{kind}/web"
    assert put(group, one).status == 201
    assert put(group, one, tags={"team": "shop"}).status == 200
    shown = group.call("GET", versioned(one)).body
    assert (shown["type"], shown["tags"]) == (f"Microsoft.Compute/{kind}", {"team": "shop"})
    subscription = GROUP.partition("/resourceGroups")[0]
    for path in (f"{COMPUTE}/{kind}", f"{subscription}/providers/Microsoft.Compute/{kind}"):
        assert group.call("GET", versioned(path)).body["value"] == [shown]
    assert refused(group, one, location="northeurope") == (409, "InvalidResourceLocation")
    assert [group.call("DELETE", versioned(one)).status for _ in range(2)] == [200, 204]
    assert group.call("GET", versioned(one)).status == 404


def test_a_set_keeps_its_kind(group: Arm) -> None:
    one = f"{COMPUTE}/availabilitySets/web"
    assert put(group, one).body["sku"] == {"name": "Classic"}
    assert refused(group, one, sku={"name": "Aligned"}) == (409, "PropertyChangeNotAllowed")


def test_a_placement_group_takes_a_zone_only_with_sizes(group: Arm) -> None:
    one = f"{COMPUTE}/proximityPlacementGroups/near"
    assert refused(group, one, zones=["1"]) == (400, "InvalidParameter")
    intent = {"intent": {"vmSizes": ["Standard_D2s_v5"]}}
    assert refused(group, one, zones=["1", "2"], properties=intent) == (400, "InvalidParameter")
    assert put(group, one, zones=["1"], properties=intent).body["zones"] == ["1"]


def test_a_reservation_is_of_one_size_and_of_a_zone_of_its_group(group: Arm) -> None:
    one, size = f"{RESERVED}/capacityReservations/d2", {"name": "standard_d2s_v5", "capacity": 2}
    assert refused(group, one, sku=size) == (404, "ParentResourceNotFound")
    put(group, RESERVED, zones=["1", "2"])
    assert refused(group, one, sku=size, zones=["3"]) == (400, "InvalidParameter")
    assert refused(group, one, sku={"name": "Standard_Q9"}) == (400, "InvalidParameter")
    assert refused(group, one, sku=size, location="northeurope")[0] == 409
    assert put(group, one, sku=size, zones=["1"]).body["sku"]["name"] == "Standard_D2s_v5"
    assert refused(group, f"{one}-again", sku=size, zones=["1"]) == (409, "Conflict")
    assert put(group, f"{one}-two", sku=size, zones=["2"]).status == 201
    held = group.call("GET", versioned(f"{RESERVED}/capacityReservations")).body["value"]
    assert [each["name"] for each in held] == ["d2", "d2-two"]
    assert group.call("DELETE", versioned(RESERVED)).status == 409
    for each in held:
        assert group.call("GET", versioned(each["id"])).body == each
        assert [group.call("DELETE", versioned(each["id"])).status for _ in range(2)] == [200, 204]
    assert group.call("DELETE", versioned(RESERVED)).status == 200
