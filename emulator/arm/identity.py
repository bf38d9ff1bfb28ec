"""The managed-identity endpoint that issues tokens, and the check of those tokens.

Source: "How to use managed identities for App Service", REST endpoint reference.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlsplit

from emulator.kernel.gate import unauthenticated
from emulator.kernel.long_running import origin
from emulator.kernel.routes import Routes
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
HEADER = "local"
LIFETIME_SECONDS = 24 * 3600
_AUDIENCES = frozenset(
    {
        *("management.azure.com", "management.core.windows.net"),
        *("management.usgovcloudapi.net", "management.chinacloudapi.cn"),
    }
)
"""Resource Manager in Microsoft's clouds, for a stack of any of them."""

routes = Routes()


@routes.route("GET", "/_identity/token", "_Identity_GetToken")
def get_token(world: World, request: Request) -> Response:
    """Issue a token for ARM: `{"access_token", "expires_on", "resource", "token_type"}`.

    Raises:
        ArmError: 400 without api-version 2019-08-01, the identity header or a known resource.
    """
    if request.query.get("api-version") not in ("2017-09-01", "2019-08-01"):
        raise ArmError(400, "BadRequest", "api-version 2019-08-01 is expected.")
    if HEADER not in (request.headers.get("x-identity-header"), request.headers.get("secret")):
        raise ArmError(
            400, "BadRequest", "The X-IDENTITY-HEADER header is missing or not IDENTITY_HEADER."
        )
    resource = request.query.get("resource", "")
    if urlsplit(resource).netloc not in _AUDIENCES | {urlsplit(origin(request)).netloc}:
        raise ArmError(
            400,
            "invalid_resource",
            f"The resource '{resource}' is not served here; ask for https://management.azure.com.",
        )
    expires_on = int(time.time()) + LIFETIME_SECONDS
    return Response(
        200,
        {
            "access_token": issue(world, expires_on, request.query.get("client_id", "")),
            "expires_on": str(expires_on),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": request.query.get("client_id") or world.guid("identity"),
        },
    )


def issue(world: World, expires_on: int | None = None, client: str = "") -> str:
    """A bearer token that this world accepts.

    Args:
        world: the world; its seed signs the token. This is no protection: it only shows who issued
            it.
        expires_on: the Unix time at which it expires, in real time; None stands for one day from
            now.
        client: the client id of a user-assigned identity; empty for the system's own.
    """
    end = int(time.time()) + LIFETIME_SECONDS if expires_on is None else expires_on
    caller = object_id(world, client)
    issuer = f"https://sts.windows.net/{TENANT}/"
    claims = {"iss": issuer, "tid": TENANT, "oid": caller, "exp": end}
    head = _encode(b'{"alg":"HS256","typ":"JWT"}')
    signed = f"{head}.{_encode(json.dumps(claims).encode())}"
    return f"{signed}.{_signature(world, signed)}"


def accept(world: World, token: str) -> None:
    """Accept a token.

    Raises:
        ArmError: 401 `InvalidAuthenticationToken` or `ExpiredAuthenticationToken`.
    """
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(world, signed).encode()):
        raise unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
    if _claims(token)["exp"] <= time.time():
        raise unauthenticated(
            "ExpiredAuthenticationToken", "The access token expiry UTC time is in the past."
        )


def accept_any(world: World, token: str) -> None:
    """Accept every token."""


def object_id(world: World, client: str = "") -> str:
    """The object id of an identity, by its client id; empty for the system's own."""
    return world.guid("caller", client.lower())


def caller(request: Request) -> str:
    """The object id in a request's token; empty for a token that has none."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    try:
        return str(_claims(token).get("oid", ""))
    except (ValueError, LookupError, AttributeError):  # A token that was not issued here.
        return ""


def register(world: World) -> None:
    """Register no events."""


def _signature(world: World, signed: str) -> str:
    key = f"emulator {world.seed}".encode()
    return _encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())


@functools.lru_cache(maxsize=256)
def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
