"""Config keys of the providers that choose another account or cloud than the program would use.

The plugins read them, and the program's own clients read the environment only. So one run could
work in two accounts.

Sources: "AWS Classic: configuration options", "Azure Native: configuration options" (Pulumi
registry).
"""

from __future__ import annotations

from collections.abc import Iterable

from site_recovery.problems import Problem

_AWS = {
    "profile": "AWS_PROFILE",
    "accessKey": "AWS_ACCESS_KEY_ID",
    "secretKey": "AWS_SECRET_ACCESS_KEY",
    "token": "AWS_SESSION_TOKEN",
    "assumeRole": "a profile with role_arn, named in AWS_PROFILE",
    "assumeRoles": "a profile with role_arn, named in AWS_PROFILE",
    "assumeRoleWithWebIdentity": "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
    "sharedConfigFiles": "AWS_CONFIG_FILE",
    "sharedCredentialsFiles": "AWS_SHARED_CREDENTIALS_FILE",
    "endpoints": "AWS_ENDPOINT_URL",
    "customCaBundle": "AWS_CA_BUNDLE",
}
_AZURE = {
    "environment": "ARM_ENVIRONMENT",
    "metadataHost": "ARM_METADATA_HOSTNAME",
    "tenantId": "AZURE_TENANT_ID and ARM_TENANT_ID",
    "auxiliaryTenantIds": "the tenant of the subscription",
    "clientId": "AZURE_CLIENT_ID and ARM_CLIENT_ID",
    "clientSecret": "AZURE_CLIENT_SECRET and ARM_CLIENT_SECRET",
    "clientCertificatePath": "AZURE_CLIENT_CERTIFICATE_PATH and ARM_CLIENT_CERTIFICATE_PATH",
    "clientCertificatePassword": "AZURE_CLIENT_CERTIFICATE_PASSWORD and "
    "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "useMsi": "ARM_USE_MSI",
    "msiEndpoint": "ARM_MSI_ENDPOINT",
    "useOidc": "ARM_USE_OIDC, and AZURE_FEDERATED_TOKEN_FILE",
    "useDefaultAzureCredential": "the environment",
    "oidcToken": "ARM_OIDC_TOKEN, and AZURE_FEDERATED_TOKEN_FILE",
    "oidcTokenFilePath": "ARM_OIDC_TOKEN_FILE_PATH and AZURE_FEDERATED_TOKEN_FILE",
    "oidcRequestToken": "ARM_OIDC_REQUEST_TOKEN",
    "oidcRequestUrl": "ARM_OIDC_REQUEST_URL",
}
INSTEAD = {
    **{f"aws:{key}": instead for key, instead in _AWS.items()},
    **{f"azure-native:{key}": instead for key, instead in _AZURE.items()},
}
"""What says the same to plugins and program, by full key."""


def problems(config: Iterable[str]) -> list[Problem]:
    """Refuse such keys by name.

    Args:
        config: the full keys of the stack's config. `aws:assumeRoles[0].roleArn` is one of
            `aws:assumeRoles` that was set without `--path`.
    """
    found = []
    for key in sorted(config):
        known = key.split("[")[0].split(".")[0]
        if known in INSTEAD:
            found.append(
                Problem(
                    key,
                    "the plugin would use it and the program's own clients would not, so that one "
                    "run might work in two accounts",
                    f"Remove it; both read the environment: set {INSTEAD[known]}",
                )
            )
    return found
