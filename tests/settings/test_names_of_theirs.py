"""Names of theirs: what Azure accepts is accepted, in any case and any alphabet."""

from __future__ import annotations

import pytest

import settings
from site_recovery.arm_ids import VaultId
from tests.settings import configs


@pytest.mark.parametrize("name", ["größe", "日本", "rg(1)", "r", "_", "Ä" * 90])
def test_a_resource_group_may_have_letters_of_any_alphabet(name: str) -> None:
    config = configs.put(configs.modernized(), "target", "resourceGroup", value=name)
    stack = settings.load(config)
    assert len(stack.target.machines_resource_group) <= 90
    config["target"]["adopt"] = ["resourceGroup", "vault"]
    identifier = settings.load(config).adopted_vault_id
    assert identifier is not None
    assert VaultId.parse(identifier).resource_group == name


@pytest.mark.parametrize("name", ["rg.", "a b", "a/b", "", "x" * 91, "a\u200bb", "a\n"])
def test_what_azure_refuses_of_a_resource_group_is_refused(name: str) -> None:
    report = configs.report(
        configs.put(configs.modernized(), "target", "resourceGroup", value=name)
    )
    assert "target.resourceGroup" in report


@pytest.mark.parametrize("size", ["standard_d2s_v5", "STANDARD_D2S_V5", "Standard_d2S_v5"])
def test_a_size_may_be_written_in_any_case(size: str) -> None:
    config = configs.put(configs.modernized(), "waves", "data", "target", value={"vmSize": size})
    assert configs.report(config) == {}


@pytest.mark.parametrize("system", ["RHEL-8.4", "Windows-Server-2019", "Sles-15-SP3"])
def test_an_operating_system_may_be_written_in_any_case(system: str) -> None:
    config = configs.put(configs.modernized(), "machines", "web-01", "os", value=system)
    assert settings.load(config).machines["web-01"].system == system.lower()


@pytest.mark.parametrize("name", ["GatewaySubnet", "gatewaysubnet", "AzureBastionSubnet"])
def test_a_subnet_of_a_service_takes_no_machines(name: str) -> None:
    config = configs.put(configs.modernized(), "target", "network", "subnet", "name", value=name)
    assert "subnet of an Azure service" in configs.report(config)["target.network.subnet.name"]


@pytest.mark.parametrize(
    ("prefix", "accepted"),
    [
        ("10.0.0.0/8", True),
        ("64.0.0.0/2", False),
        ("0.0.0.0/2", True),
        ("100.64.0.0/10", True),
        ("8.0.0.0/7", True),
        ("127.1.0.0/16", False),
        ("169.254.0.0/17", False),
        ("168.63.0.0/16", False),
        ("224.0.0.0/24", False),
        ("239.1.0.0/16", False),
        ("255.255.255.248/29", False),
        ("10.0.0.0/30", False),
        ("10.0.0.0/016", False),
        ("010.0.0.0/16", False),
        ("10.0.0.0", False),
    ],
)
def test_ranges_that_azure_keeps_are_refused(prefix: str, accepted: bool) -> None:
    config = configs.put(configs.modernized(), "target", "network", "addressSpace", value=prefix)
    assert ("target.network.addressSpace" not in configs.report(config)) == accepted
