"""Config keys of the providers: which the program reads too, which it refuses, and which do not matter.

The plugins read all of them, and the program's own clients read the environment. So one run could
work in two accounts. `tests/settings/test_one_account.py` compares these tables with the keys that
the SDKs have.

Sources: "AWS Classic: configuration options", "Azure Native: configuration options" (Pulumi
registry); the provider's `auth_azidentity.go` for what it reads of the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from settings.stack import OTHER_NAMESPACES
from settings.translation import suggestion
from site_recovery.aws import regions, roles
from site_recovery.azure import clouds
from site_recovery.azure.errors import ENDPOINT_VARIABLE
from site_recovery.declared import azure_regions
from site_recovery.declared.wording import said
from site_recovery.errors import MigrationError
from site_recovery.problems import Problem

_ENVIRONMENT = "azure-native:environment"

_ROLE = "a profile with role_arn, named in AWS_PROFILE"
_FEDERATED = "ARM_OIDC_TOKEN_FILE_PATH and AZURE_FEDERATED_TOKEN_FILE"
_ONE_TENANT = ""
"""Nothing says the same: a run is in one tenant."""
_ACCOUNT = {
    "aws:profile": "AWS_PROFILE",
    "aws:accessKey": "AWS_ACCESS_KEY_ID",
    "aws:secretKey": "AWS_SECRET_ACCESS_KEY",
    "aws:token": "AWS_SESSION_TOKEN",
    "aws:assumeRole": _ROLE,
    "aws:assumeRoleWithWebIdentity": "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
    "aws:sharedConfigFiles": "AWS_CONFIG_FILE",
    "aws:sharedCredentialsFiles": "AWS_SHARED_CREDENTIALS_FILE",
    "aws:endpoints": "AWS_ENDPOINT_URL",
    "aws:ec2MetadataServiceEndpoint": "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "aws:ec2MetadataServiceEndpointMode": "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "azure-native:tenantId": "AZURE_TENANT_ID and ARM_TENANT_ID",
    "azure-native:clientId": "AZURE_CLIENT_ID and ARM_CLIENT_ID",
    "azure-native:clientSecret": "AZURE_CLIENT_SECRET and ARM_CLIENT_SECRET",
    "azure-native:clientCertificatePath": (
        "AZURE_CLIENT_CERTIFICATE_PATH and ARM_CLIENT_CERTIFICATE_PATH"
    ),
    "azure-native:clientCertificatePassword": (
        "AZURE_CLIENT_CERTIFICATE_PASSWORD and ARM_CLIENT_CERTIFICATE_PASSWORD"
    ),
    "azure-native:auxiliaryTenantIds": _ONE_TENANT,
    "azure-native:metadataHost": "ARM_ENVIRONMENT",
    "azure-native:useMsi": "ARM_USE_MSI",
    "azure-native:msiEndpoint": "IDENTITY_ENDPOINT",
    "azure-native:useOidc": "ARM_USE_OIDC, and AZURE_FEDERATED_TOKEN_FILE",
    "azure-native:oidcToken": _FEDERATED,
    "azure-native:oidcTokenFilePath": _FEDERATED,
    "azure-native:oidcRequestToken": _FEDERATED,
    "azure-native:oidcRequestUrl": _FEDERATED,
}
_WAY = {
    "aws:customCaBundle": "AWS_CA_BUNDLE",
    "aws:insecure": "AWS_CA_BUNDLE, to the authority of what is in between",
    "aws:httpProxy": "HTTP_PROXY",
    "aws:httpsProxy": "HTTPS_PROXY",
    "aws:noProxy": "NO_PROXY",
    "aws:useFipsEndpoint": "AWS_USE_FIPS_ENDPOINT",
    "aws:useDualstackEndpoint": "AWS_USE_DUALSTACK_ENDPOINT",
}
_METADATA_HOST = "ARM_METADATA_HOSTNAME"
"""With it the plugin asks a host which clouds there are, and takes no `environment`."""

INSTEAD = {**_ACCOUNT, **_WAY}
"""Keys that are refused: what says the same to plugins and program, by full key."""

HONOURED = (*OTHER_NAMESPACES, _ENVIRONMENT, roles.KEY)
"""Keys that the program reads like the plugins."""

HARMLESS = {
    "aws:allowedAccountIds": "the plugin refuses others, and its account is compared with ours",
    "aws:forbiddenAccountIds": "the plugin refuses them, and its account is compared with ours",
    "aws:defaultTags": "only what the plugin makes has them",
    "aws:ignoreTags": "tags that the plugin leaves alone on what it makes",
    "aws:tagPolicyCompliance": "what the plugin makes of tag policies",
    "aws:maxRetries": "how often the plugin tries",
    "aws:retryMode": "how the plugin tries again",
    "aws:tokenBucketRateLimiterCapacity": "how often the plugin tries again",
    "aws:s3UsEast1RegionalEndpoint": "nothing here uses S3 through the plugin",
    "aws:s3UsePathStyle": "nothing here uses S3 through the plugin",
    "aws:skipCredentialsValidation": "what the plugin checks when it starts",
    "aws:skipMetadataApiCheck": (
        "whether the plugin takes the role of its instance; its account is compared with ours"
    ),
    "aws:skipRegionValidation": "what the plugin checks when it starts",
    "aws:skipRequestingAccountId": "what the plugin asks when it starts",
    "aws:stsRegion": "which STS the plugin asks for its account; roles are refused above",
    "aws:userAgents": "how the plugin calls itself",
    "azure-native:disableInstanceDiscovery": "how the plugin checks where it gets its tokens",
    "azure-native:disablePulumiPartnerId": "how the plugin calls itself",
    "azure-native:partnerId": "how the plugin calls itself",
    "azure-native:useDefaultAzureCredential": (
        "the program looks for credentials in this way too; the tenants are compared"
    ),
}
"""Why each other key makes no difference between plugins and program."""

PROVIDER_KEYS = (*HONOURED, *HARMLESS)
"""Keys that a stack's config may have, of both providers."""

ALL = (*PROVIDER_KEYS, *INSTEAD)
"""All keys of both providers."""

_PLUGINS = {"aws:": "pulumi-aws", "azure-native:": "pulumi-azure-native"}


def problems(
    config: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> list[Problem]:
    """Refuse such keys by name, and a cloud of Azure in which the stack cannot be.

    Args:
        config: values by full key, of the stack's config. `aws:assumeRoles[0].roleArn` is one of
            `aws:assumeRoles` that was set without `--path`.
        environment: the variables; by default those of this process.
    """
    environment = os.environ if environment is None else environment
    return [
        *_refused(config),
        *_other_role(config),
        *_other_host(environment),
        *_other_cloud(config, environment),
    ]


def _refused(config: Iterable[str]) -> Iterator[Problem]:
    for key in sorted(config):
        known = key.split("[")[0].split(".")[0]
        if known == roles.KEY and key != known:
            yield Problem(
                key,
                "it was set without --path, and the plugin does not read it",
                f"Run `pulumi config rm '{key}'`, and set it with --path",
            )
        elif known in _ACCOUNT:
            yield Problem(
                key,
                "the plugin would use it and the program's own clients would not, so that one "
                "run might work in two accounts",
                f"Remove it; both read the environment: set {INSTEAD[known]}"
                if INSTEAD[known]
                else "Remove it, and sign in to the tenant of the subscriptions",
            )
        elif known in _WAY:
            yield Problem(
                key,
                "the plugin would use it and the program's own clients would not, so that one of "
                "them might not reach AWS",
                f"Remove it; both read the environment: set {INSTEAD[known]}",
            )
        elif known.startswith(tuple(_PLUGINS)) and known not in PROVIDER_KEYS:
            yield _no_key(key, known)


def _no_key(key: str, known: str) -> Problem:
    namespace = f"{known.partition(':')[0]}:"
    # Without the namespace, which would make all of them alike.
    names = (each.removeprefix(namespace) for each in ALL if each.startswith(namespace))
    meant = suggestion(known.removeprefix(namespace), names)
    return Problem(
        key,
        f"{_PLUGINS[namespace]} has no such key, so nothing reads it",
        meant.replace("'", f"'{namespace}", 1) if meant.startswith("Write") else "Remove it",
    )


def _other_role(config: Mapping[str, str]) -> Iterator[Problem]:
    if roles.KEY not in config:
        return
    region = config.get("aws:region") or ""
    try:
        role = roles.read(config[roles.KEY])
    except roles.RoleError as error:
        yield Problem(
            roles.KEY,
            str(error),
            "Write one role with roleArn, and externalId and sessionName if you need them; a profile "
            "named in AWS_PROFILE can say more",
        )
        return
    partition = regions.partitions().get(region, role.partition)
    if role.partition != partition:
        yield Problem(
            roles.KEY,
            f"{role.arn} is a role of {role.partition}, and {region} is a region of {partition}",
            f"Name a role of {partition}, or correct aws:region: an account is in one of them",
        )


def _other_host(environment: Mapping[str, str]) -> Iterator[Problem]:
    if environment.get(_METADATA_HOST):
        yield Problem(
            _METADATA_HOST,
            "the plugin would ask this host for its cloud and the program's own clients would "
            "not, so that one run might work in two clouds",
            f"Unset it, and name the cloud in {clouds.VARIABLES[0]}",
        )


def _other_cloud(config: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Problem]:
    name = config.get(_ENVIRONMENT)
    if name is not None and clouds.named(name) is None:
        yield Problem(
            _ENVIRONMENT,
            f"{said(name)} is no cloud of Azure, and the plugin would take the public one",
            f"Write {clouds.CHOICE}",
        )
        return
    location = azure_regions.normalized(config.get("azure-native:location") or "")
    if location not in azure_regions.REGIONS or environment.get(ENDPOINT_VARIABLE):
        return
    try:
        cloud = (clouds.named(name) if name else None) or clouds.of_environment(environment)
    except MigrationError:
        return  # The check of the endpoint says it.
    own = clouds.of_region(location)
    if own != cloud:
        yield Problem(
            _ENVIRONMENT,
            f"{location} is a region of cloud {own.name}, and the run would work in cloud "
            f"{cloud.name}",
            f"Run `pulumi config set {_ENVIRONMENT} {own.name}`, or correct azure-native:location",
        )
