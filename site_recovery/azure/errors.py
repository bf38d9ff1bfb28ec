"""Turns errors of the Azure SDK into messages for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)

from site_recovery import authorities
from site_recovery.azure.forbidden import forbids
from site_recovery.distrust import WAY_OUT, distrusted
from site_recovery.errors import MigrationError, ServiceUnavailableError

ENDPOINT_VARIABLE = "AZURE_RESOURCE_MANAGER_ENDPOINT"


@contextmanager
def explained(
    about: str, *, passing: type[AzureError] | tuple[type[AzureError], ...] = ()
) -> Iterator[None]:
    """Raise a `MigrationError` in place of an error of the SDK.

    Args:
        about: what the calls inside are about, such as `vault v1`; the message begins with it.
        passing: errors of the SDK that the caller handles and that are not replaced.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    try:
        yield
    except passing:
        raise
    except AzureError as error:
        raise explain(error, about) from error


def explain(error: AzureError, about: str) -> MigrationError:
    """An error of the SDK as one line that names what it is about and the way out."""
    # Before the credentials: one that was asked for over TLS fails as one that cannot be used.
    untrusted = distrusted(error)
    if untrusted is not None:
        return ServiceUnavailableError(f"{about}: {untrusted}. {WAY_OUT}.")
    unproxied = authorities.unproxied(error)
    if unproxied is not None:
        return ServiceUnavailableError(f"{about}: {unproxied}. {authorities.PROXY_WAY_OUT}.")
    # If no credential can be used, the error has no response.
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return ServiceUnavailableError(
            f"{about}: no usable Azure credentials. Run `az login`, or set AZURE_CLIENT_ID, "
            "AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or run where a managed identity gives them."
        )
    if isinstance(error, ClientAuthenticationError):
        return ServiceUnavailableError(
            f"{about}: Azure refused the credentials ({_brief(error)}). Sign in again with an "
            "identity that may manage Site Recovery in this subscription."
        )
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return ServiceUnavailableError(
            f"{about}: Azure does not answer ({_brief(error)}). Check the network and "
            f"{ENDPOINT_VARIABLE}; for local clouds run `make up`. Nothing was changed by this call."
            if never_sent(error)
            else f"{about}: the connection to Azure broke ({_brief(error)}). Run pulumi up again: "
            "it goes on from where the services are."
        )
    if isinstance(error, DecodeError):
        return ServiceUnavailableError(
            f"{about}: the answer is not one of Azure ({_brief(error)}). A proxy or gateway may "
            f"have answered in its place: check the network and {ENDPOINT_VARIABLE}, then run "
            "pulumi up again."
        )
    refused = forbids(error)
    if refused is not None:
        return MigrationError(f"{about}: {refused}")
    if isinstance(error, HttpResponseError) and error.status_code == 403:
        return ServiceUnavailableError(
            f"{about}: Azure denied access ({_brief(error).rstrip('.')}). Compare the roles of the "
            "identity with those that `make permissions` writes for this stack "
            "(docs/permissions.md); Site Recovery Contributor alone is not enough."
        )
    return MigrationError(f"{about}: {_brief(error)}")


def never_sent(error: AzureError) -> bool:
    """Whether a request certainly did not reach the service, because no connection was made.

    azure-core also raises `ServiceRequestError` for a connection that broke after the request
    was sent: for aiohttp that is a `ClientError` too.
    """
    # Imported here because the program, which connects to nothing, imports this module.
    from aiohttp import ClientConnectorError, ClientHttpProxyError

    return isinstance(error, ServiceRequestTimeoutError) or (
        isinstance(error, ServiceRequestError)
        and isinstance(error.inner_exception, ClientConnectorError | ClientHttpProxyError)
    )


def _brief(error: AzureError) -> str:
    if isinstance(error, HttpResponseError) and error.error is not None:
        return f"{error.error.code}: {error.error.message}"
    return " ".join(str(error.message).split())[:400]
