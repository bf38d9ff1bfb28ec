"""Keys of the providers that would make plugins and program work in two accounts."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

import settings
from components.mobility_agent import document
from settings.accounts import Accounts, differences, uncompared
from settings.providers import HARMLESS, HONOURED, INSTEAD
from site_recovery.aws import regions, roles
from site_recovery.azure import clouds
from site_recovery.azure.clouds import VARIABLES
from site_recovery.azure.connection import connector, endpoint
from site_recovery.problems import Problem


@pytest.mark.parametrize(
    "key",
    [
        *INSTEAD,
        "aws:endpoints[0].ec2",
        "aws:assumeRole.roleArn",
    ],
)
def test_a_key_that_chooses_another_account_is_refused_by_name(key: str) -> None:
    [problem] = problems({key: "x", "aws:region": "eu-west-1", "p:waves": "{}"})
    assert problem.path == key
    assert "the plugin would use it and the program's own clients would not" in problem.what


OLDER = {"aws:assumeRole"}
"""Keys of earlier versions of the SDKs."""


def keys_of(sdk: str, namespace: str) -> set[str]:
    """The config keys of an installed SDK, from its module `config.vars`, by their full names."""
    spec = importlib.util.find_spec(sdk)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    source = ast.parse(
        Path(spec.submodule_search_locations[0], "config", "vars.py").read_text("utf-8")
    )
    return {
        f"{namespace}:{call.args[0].value!s}"
        for call in ast.walk(source)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "__config__"
        and isinstance(call.args[0], ast.Constant)
    }


@pytest.mark.parametrize(
    ("sdk", "namespace"), [("pulumi_aws", "aws"), ("pulumi_azure_native", "azure-native")]
)
def test_every_key_of_an_sdk_is_honoured_refused_or_said_to_be_harmless(
    sdk: str, namespace: str
) -> None:
    ours = [*HONOURED, *INSTEAD, *HARMLESS]
    assert len(ours) == len(set(ours)), "a key is one of the three"
    known = {key for key in ours if key.startswith(f"{namespace}:")}
    assert len(known) > 20
    assert keys_of(sdk, namespace) == known - OLDER


ROLE = "arn:aws-us-gov:iam::123456789012:role/migrations/runner"


@pytest.mark.parametrize(
    "key",
    [*sorted(set(HONOURED) - {roles.KEY}), *HARMLESS, "ec2-to-azure:profile", "azuread:clientId"],
)
def test_other_keys_of_the_providers_are_not_refused(key: str) -> None:
    assert problems({key: "public"}) == []


@pytest.mark.parametrize(
    "role",
    [{"roleArn": ROLE}, {"roleArn": ROLE, "externalId": "x", "sessionName": "migration"}],
)
def test_one_role_of_another_account_is_taken(role: dict[str, str]) -> None:
    assert problems({roles.KEY: json.dumps([role])}) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "it is not a list of one role"),
        (json.dumps({"roleArn": ROLE}), "it is not a list of one role"),
        (json.dumps([{"roleArn": ROLE}] * 2), "it is not a list of one role"),
        (json.dumps([{"roleArn": ROLE, "policy": "{}"}]), "clients do not read policy"),
        (json.dumps([{"externalId": "x"}]), "roleArn is missing"),
        (json.dumps([{"roleArn": "runner"}]), "roleArn runner is not the ARN of a role"),
    ],
)
def test_a_role_that_plugin_and_program_would_not_take_alike_is_refused(
    text: str, said: str
) -> None:
    [problem] = problems({roles.KEY: text})
    assert problem.path == roles.KEY
    assert said in problem.what


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("eusc-de-east-1", "aws-eusc")],
)
def test_a_role_of_another_partition_than_the_region_is_refused(
    region: str, partition: str
) -> None:
    roles_ = json.dumps([{"roleArn": ROLE}])
    [problem] = problems({roles.KEY: roles_, "aws:region": region})
    assert f"{ROLE} is a role of aws-us-gov, and {region} is a region of {partition}" in str(
        problem
    )
    assert problems({roles.KEY: roles_, "aws:region": "us-gov-east-1"}) == []


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("aws:Profile", "Write 'aws:profile', if that is meant"),
        ("aws:defaultTag", "Write 'aws:defaultTags', if that is meant"),
        ("azure-native:tenantID", "Write 'azure-native:tenantId', if that is meant"),
        ("azure-native:zzz", "Remove it"),
    ],
)
def test_a_key_that_no_plugin_has_is_refused_because_nobody_reads_it(key: str, meant: str) -> None:
    [problem] = problems({key: "x"})
    assert problem.path == key
    assert "has no such key, so nothing reads it" in problem.what
    assert meant in str(problem)


def test_further_tenants_are_refused_with_what_helps() -> None:
    [problem] = problems({"azure-native:auxiliaryTenantIds": '["x"]'})
    assert "Remove it, and sign in to the tenant of the subscriptions" in str(problem)


def test_a_role_that_was_set_without_a_path_is_refused_because_nobody_reads_it() -> None:
    [problem] = problems({f"{roles.KEY}[0].roleArn": ROLE})
    assert "it was set without --path" in problem.what


def problems(config: dict[str, str], **environment: str) -> list[Problem]:
    return settings.provider_problems(config, environment)


@pytest.mark.parametrize(
    ("location", "environment", "variables"),
    [
        ("westeurope", None, {}),
        ("westeurope", "public", {"ARM_ENVIRONMENT": "usgovernment"}),
        ("usgovvirginia", "usgovernment", {}),
        ("usdodeast", "USGov", {}),
        ("usgovvirginia", None, {"ARM_ENVIRONMENT": "usgovernment"}),
        ("usgovvirginia", None, {"AZURE_ENVIRONMENT": "AzureUSGovernment"}),
        ("chinaeast2", "china", {}),
        ("chinaeast2", None, {"AZURE_RESOURCE_MANAGER_ENDPOINT": "http://127.0.0.1:5000"}),
        ("nowhere", "china", {}),
    ],
)
def test_a_region_of_the_cloud_that_is_named_is_taken(
    location: str, environment: str | None, variables: dict[str, str]
) -> None:
    config = {"azure-native:location": location}
    if environment:
        config["azure-native:environment"] = environment
    assert problems(config, **variables) == []


@pytest.mark.parametrize(
    ("location", "environment", "variables", "said"),
    [
        ("westeurope", "mars", {}, "'mars' is no cloud of Azure"),
        ("usgovvirginia", None, {}, "region of cloud usgovernment"),
        ("US Gov Virginia", None, {}, "would work in cloud public"),
        ("westeurope", "china", {}, "region of cloud public"),
        ("chinaeast2", None, {"ARM_ENVIRONMENT": "usgovernment"}, "in cloud usgovernment"),
    ],
)
def test_a_cloud_in_which_the_stack_cannot_be_is_refused(
    location: str, environment: str | None, variables: dict[str, str], said: str
) -> None:
    config = {"azure-native:location": location}
    if environment:
        config["azure-native:environment"] = environment
    [problem] = problems(config, **variables)
    assert problem.path == "azure-native:environment"
    assert said in problem.what


@pytest.mark.parametrize("key", ["", "westeurope"])
def test_a_host_that_tells_the_plugin_alone_its_cloud_is_refused(key: str) -> None:
    config = {"azure-native:location": key} if key else {}
    [problem] = problems(config, ARM_METADATA_HOSTNAME="metadata.example.com")
    assert problem.path == "ARM_METADATA_HOSTNAME"
    assert "Unset it, and name the cloud in ARM_ENVIRONMENT" in str(problem)
    assert problems(config, ARM_METADATA_HOSTNAME="") == []


@pytest.mark.parametrize("region", sorted(regions.partitions()))
def test_the_agents_document_takes_region_and_secret_of_every_partition(region: str) -> None:
    parameters = json.loads(document.content("linux"))["parameters"]
    secret = f"arn:{regions.partition_of(region)}:secretsmanager:{region}:123456789012:secret:p-1"
    assert re.search(parameters["Region"]["allowedPattern"], region)
    assert re.search(parameters["SecretId"]["allowedPattern"], secret)


@pytest.mark.parametrize(
    ("region", "principal", "secrets"),
    [
        ("eu-west-1", "ec2.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "ec2.amazonaws.com", "secretsmanager.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "ec2.amazonaws.com.cn", "secretsmanager.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "ec2.amazonaws.com", "secretsmanager.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_names_of_services_are_those_of_the_partition(
    region: str, principal: str, secrets: str
) -> None:
    assert regions.ec2_principal(region) == principal
    assert regions.host_of("secretsmanager", region) == secrets


PUBLIC = ("https://management.azure.com", "login.microsoftonline.com")
GOVERNMENT = ("https://management.usgovcloudapi.net", "login.microsoftonline.us")
CHINA = ("https://management.chinacloudapi.cn", "login.chinacloudapi.cn")
LOCAL = {"AZURE_RESOURCE_MANAGER_ENDPOINT": "http://127.0.0.1:5000"}


@pytest.mark.parametrize(
    ("variables", "configured", "url", "cloud"),
    [
        ({}, None, PUBLIC[0], PUBLIC),
        ({"ARM_ENVIRONMENT": "usgovernment"}, None, GOVERNMENT[0], GOVERNMENT),
        ({"ARM_ENVIRONMENT": "usgovernment"}, "china", CHINA[0], CHINA),
        ({"AZURE_ENVIRONMENT": "AzureChinaCloud"}, None, CHINA[0], CHINA),
        ({}, "usgov", GOVERNMENT[0], GOVERNMENT),
        ({}, "mars", PUBLIC[0], PUBLIC),
        (LOCAL, None, "http://127.0.0.1:5000", PUBLIC),
        (LOCAL, "china", "http://127.0.0.1:5000", CHINA),
        (
            {"AZURE_RESOURCE_MANAGER_ENDPOINT": f"{GOVERNMENT[0]}:443/"},
            None,
            f"{GOVERNMENT[0]}:443",
            GOVERNMENT,
        ),
        (
            {"AZURE_RESOURCE_MANAGER_ENDPOINT": f"{GOVERNMENT[0]}.evil.example"},
            None,
            f"{GOVERNMENT[0]}.evil.example",
            PUBLIC,
        ),
        (
            {"AZURE_AUTHORITY_HOST": "login.example.com"},
            None,
            PUBLIC[0],
            (PUBLIC[0], "login.example.com"),
        ),
    ],
)
def test_endpoint_audience_and_authority_are_those_of_one_cloud(
    variables: dict[str, str],
    configured: str | None,
    url: str,
    cloud: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str, Any] = {}

    class Credential:
        def __init__(self, **options: Any) -> None:
            made.update(options)

        async def __aenter__(self) -> Credential:
            return self

        async def __aexit__(self, *_: object) -> None:
            return None

        async def get_token(self, *scopes: str, **_: Any) -> Any:
            made["scopes"] = scopes
            raise ClientAuthenticationError("enough is seen")

    for name in (*VARIABLES, "AZURE_RESOURCE_MANAGER_ENDPOINT", "AZURE_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ARM_ENVIRONMENT", os.environ.get("ARM_ENVIRONMENT", ""))
    monkeypatch.setattr("azure.identity.aio.DefaultAzureCredential", Credential)

    async def tenant() -> str:
        async with connector()("11111111-1111-1111-1111-111111111111") as connection:
            told: str = await connection.tenant()
            return told

    clouds.use(configured)
    assert endpoint() == url
    with pytest.raises(ClientAuthenticationError):
        asyncio.run(tenant())
    assert (made["scopes"], made["authority"]) == ((f"{cloud[0]}/.default",), cloud[1])


def test_a_recorded_stack_says_its_cloud() -> None:
    provider = {"type": "pulumi:providers:azure-native", "inputs": {"environment": "china"}}
    aws = {"type": "pulumi:providers:aws", "inputs": {"environment": "x"}}
    assert clouds.recorded({"resources": [aws, provider]}) == "china"
    assert clouds.recorded({"resources": [aws, {**provider, "inputs": {}}]}) is None
    assert clouds.recorded({}) is None


@pytest.mark.parametrize(
    ("program", "plugins", "told"),
    [("", "123456789012", True), ("", "", False), ("123456789012", "", False)],
)
def test_an_account_that_nobody_tells_is_not_taken_for_the_same_in_silence(
    program: str, plugins: str, *, told: bool
) -> None:
    """Where both are silent, or the plugin is, something else says so."""
    own, other = Accounts(aws=program), Accounts(aws=plugins)
    assert differences(own, other) == []
    text = uncompared(own, other)
    assert (text is not None) is told
    if text is not None:
        assert plugins in text
        assert "sts" in text.lower()
