"""ARM's checks of every request before a service sees it: token, subscription and api-version."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from emulator.kernel.routes import Route
from emulator.kernel.wire import ArmError, Request, Response

if TYPE_CHECKING:
    from emulator.kernel.world import Interceptor, World

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+(\.\d+)?)?", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PROVIDER = re.compile(r"/providers/([^/]+)/([^/]+)", re.IGNORECASE)
_LOCATED = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)


def require_token(accepts: Callable[[World, str], None]) -> Interceptor:
    """An interceptor that refuses ARM requests without a valid bearer token.

    Args:
        accepts: raises ArmError for a token that is not valid.
    """

    def intercept(world: World, request: Request, route: Route) -> Response | None:
        if route.api_versions:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if not scheme:
                raise unauthenticated(
                    "AuthenticationFailed",
                    "Authentication failed. The 'Authorization' header is missing.",
                )
            if scheme.lower() != "bearer" or not token.strip():
                raise unauthenticated(
                    "AuthenticationFailed",
                    "Authentication failed. The 'Authorization' header is provided in an "
                    "invalid format.",
                )
            accepts(world, token.strip())
        return None

    return intercept


def unauthenticated(code: str, message: str) -> ArmError:
    """ARM's 401, with its challenge."""
    challenge = (
        'Bearer authorization_uri="https://login.microsoftonline.com/common", '
        f'error="invalid_token", error_description="{message}"'
    )
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def require_api_version(world: World, request: Request, route: Route) -> Response | None:
    """An interceptor that refuses ARM requests with an api-version that the route does not answer.

    Raises:
        ArmError: 400 `MissingApiVersionParameter`, `InvalidApiVersionParameter` or
            `NoRegisteredProviderFound`.
    """
    if not route.api_versions:
        return None
    version = request.query.get("api-version", "")
    if not version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if version.lower() in route.api_versions:
        return None
    supported = ",".join(sorted(route.api_versions, reverse=True))
    provider = _PROVIDER.findall(route.template)
    if not _VERSION.fullmatch(version) or not provider:
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{supported}'.",
        )
    namespace, kind = provider[-1]
    raise ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for API version '{version}' for type "
        f"'{kind}' in the namespace '{namespace}'. The supported api-versions are "
        f"'{supported}'.",
    )


def require_subscription(subscriptions: Collection[str]) -> Interceptor:
    """An interceptor that refuses requests for other subscriptions.

    Args:
        subscriptions: their GUIDs, in lower case.
    """

    def intercept(world: World, request: Request, route: Route) -> Response | None:
        match = _LOCATED.match(request.path) if route.api_versions else None
        if match is None:
            return None
        subscription = match.group(1)
        if not _GUID.fullmatch(subscription):
            raise ArmError(
                400,
                "InvalidSubscriptionId",
                f"The provided subscription identifier '{subscription}' is malformed or invalid.",
            )
        if subscription.lower() not in subscriptions:
            raise ArmError(
                404,
                "SubscriptionNotFound",
                f"The subscription '{subscription}' could not be found.",
            )
        return None

    return intercept
