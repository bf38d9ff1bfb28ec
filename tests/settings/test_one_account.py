"""Keys of the providers that would make plugins and program work in two accounts."""

from __future__ import annotations

import pytest

import settings
from permissions.rendering import Names
from settings.providers import INSTEAD
from site_recovery.aws import regions
from site_recovery.azure.connection import audience


@pytest.mark.parametrize(
    "key",
    [
        *INSTEAD,
        "aws:assumeRoles[0].roleArn",
        "aws:endpoints[0].ec2",
        "aws:assumeRole.roleArn",
    ],
)
def test_a_key_that_chooses_another_account_is_refused_by_name(key: str) -> None:
    [problem] = settings.provider_problems([key, "aws:region", "p:waves"])
    assert problem.path == key
    assert "two accounts" in problem.what


@pytest.mark.parametrize(
    "key",
    [
        "aws:region",
        "aws:defaultTags",
        "aws:allowedAccountIds",
        "aws:maxRetries",
        "azure-native:location",
        "azure-native:subscriptionId",
        "ec2-to-azure:profile",
        "azuread:clientId",
    ],
)
def test_other_keys_of_the_providers_are_not_ours_to_judge(key: str) -> None:
    assert settings.provider_problems([key]) == []


@pytest.mark.parametrize("region", sorted(regions.partitions()))
def test_permission_files_have_the_partition_of_the_region(region: str) -> None:
    names = Names("p", region, "*", "vpc-1", "s")
    assert names.partition == regions.partition_of(region)


@pytest.mark.parametrize(
    ("url", "cloud"),
    [
        ("https://management.azure.com", "https://management.azure.com"),
        ("https://westeurope.management.azure.com", "https://management.azure.com"),
        ("https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net"),
        ("https://management.usgovcloudapi.net:443/", "https://management.usgovcloudapi.net"),
        ("https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
        ("http://127.0.0.1:5000", "https://management.azure.com"),
        ("https://management.usgovcloudapi.net.evil.example", "https://management.azure.com"),
    ],
)
def test_a_token_is_for_the_cloud_that_is_asked(url: str, cloud: str) -> None:
    assert audience(url) == cloud
