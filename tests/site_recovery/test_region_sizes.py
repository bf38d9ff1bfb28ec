"""What Azure's list of SKUs says of the sizes of a region."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.azure.answers.region_sizes import region_size
from site_recovery.convergence import region_sizes
from site_recovery.declared.target import TargetSpec


def sku(name: str = "Standard_D2s_v5", **changes: Any) -> dict[str, Any]:
    capabilities = {
        "vCPUs": "2",
        "MemoryGB": "8",
        "MaxDataDiskCount": "4",
        "PremiumIO": "True",
        "CpuArchitectureType": "x64",
        **changes.pop("able", {}),
    }
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "locationInfo": [{"location": "westeurope", "zones": ["3", "1", "2"]}],
        "capabilities": [{"name": n, "value": v} for n, v in capabilities.items()],
        "restrictions": [],
        **changes,
    }


RESTRICTED = {
    "type": "Location",
    "values": ["westeurope"],
    "restrictionInfo": {"locations": ["westeurope"]},
    "reasonCode": "NotAvailableForSubscription",
}
ZONES = {
    "type": "Zone",
    "values": ["westeurope"],
    "restrictionInfo": {"locations": ["westeurope"], "zones": ["1", "2"]},
    "reasonCode": "NotAvailableForSubscription",
}
"""Both as ResourceSkus_List answers for a subscription that lacks a size."""


@pytest.mark.parametrize(
    ("offered", "target", "disks", "words"),
    [
        (sku(), {}, 4, None),
        (sku(), {"availabilityZone": "2", "diskType": "Premium_LRS"}, 4, None),
        (sku(), {}, 5, "it has 5 data disks"),
        (sku(able={"CpuArchitectureType": "Arm64"}), {}, 0, "has Arm processors"),
        (sku(able={"PremiumIO": "False"}), {}, 0, None),
        (sku(able={"PremiumIO": "False"}), {"diskType": "Premium_LRS"}, 0, "no premium disks"),
        (sku(able={"PremiumIO": "False"}), {"diskType": "Standard_LRS"}, 0, None),
        (sku(restrictions=[RESTRICTED]), {}, 0, "(NotAvailableForSubscription)"),
        (sku(restrictions=[RESTRICTED]), {"availabilityZone": "1"}, 0, "not available to this"),
        (sku(restrictions=[ZONES]), {}, 0, None),
        (sku(restrictions=[ZONES]), {"availabilityZone": "3"}, 0, None),
        (sku(restrictions=[ZONES]), {"availabilityZone": "1"}, 0, "in zone 3 only"),
        (sku(locationInfo=[]), {"availabilityZone": "1"}, 0, "in no zone"),
        (sku("Standard_D4s_v5"), {}, 0, "no size Standard_D2s_v5 in westeurope. Near it"),
        (sku("Standard_M416"), {}, 0, "Choose another one"),
        (sku(resourceType="disks"), {}, 0, "offers no size"),
        (sku(able={"MaxDataDiskCount": "many"}), {"availabilityZone": "1"}, 9, None),
        (sku(capabilities="odd"), {}, 0, None),
    ],
)
def test_a_declared_size_is_judged_by_what_the_subscription_can_have(
    offered: dict[str, Any], target: dict[str, Any], disks: int, words: str | None
) -> None:
    size = region_size(offered)
    sizes = {size.size.name.lower(): size} if size else {}
    spec = TargetSpec.model_validate({"vmSize": "Standard_D2s_v5", **target})
    why = region_sizes.problem(spec, disks, sizes, "westeurope")
    assert (why is None) if words is None else (words in (why or ""))


@pytest.mark.parametrize(("interfaces", "fits"), [(1, True), (2, True), (3, False)])
def test_a_declared_size_has_to_take_all_interfaces(interfaces: int, fits: bool) -> None:
    size = region_size(sku(able={"MaxNetworkInterfaces": "2"}))
    assert size is not None
    spec = TargetSpec(vmSize="Standard_D2s_v5")
    sizes = {"standard_d2s_v5": size}
    why = region_sizes.problem(spec, 0, sizes, "westeurope", interfaces=interfaces)
    assert (why is None) == fits
    assert fits or "it has 3 network interfaces, and Standard_D2s_v5 takes 2 at most" in str(why)


@pytest.mark.parametrize("odd", [None, 7, "text", {}, {"resourceType": 3}])
def test_what_is_no_size_is_left_out(odd: Any) -> None:
    assert region_size(odd) is None
    assert region_size({"resourceType": "virtualMachines", "name": odd}) is None or odd == "text"
