"""Poll URLs of long-running operations: signed, of an older api-version, good only verbatim.

The service hands out URLs of some 2.7 KB whose query carries a time, a certificate and a
signature (`t`, `c`, `s`, `h`); a client that rebuilds them from parts is refused, and so it is
here. The real URLs may name another (regional) host. On loopback that other host is the second
name of the same server: `localhost` for who asked `127.0.0.1`, and the other way round.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

from emulator.kernel.long_running import origin
from emulator.kernel.resources import normalized_location
from emulator.kernel.wire import ArmError, Request
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import POLL_API_VERSION, VAULT_KIND, vault_of

_CERTIFICATE_BYTES = 1150
_PUBLIC = "https://management.azure.com"
_OTHER_NAMES = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


def signed_url(world: World, request: Request, path: str) -> str:
    """An absolute URL of `path` with a query that only this URL may carry."""
    ticks = str(639_000_000_000_000_000 + world.sequence())
    certificate = _certificate(world)
    signature = _signature(world, path, ticks)
    digest = _digest(path, ticks, signature)
    query = f"api-version={POLL_API_VERSION}&t={ticks}&c={certificate}&s={signature}&h={digest}"
    return f"{_other_origin(world, request, path)}{quote(path)}?{query}"


def require_signature(world: World, request: Request) -> None:
    """Refuse a poll whose query differs from the one that was issued.

    Raises:
        ArmError: 403 `InvalidAsyncOperationToken`; the code is [inferred].
    """
    ticks = request.query.get("t", "")
    signature = _signature(world, request.path, ticks)
    genuine = (
        request.query.get("api-version") == POLL_API_VERSION
        and request.query.get("c") == _certificate(world)
        and hmac.compare_digest(request.query.get("s", "").encode(), signature.encode())
        and request.query.get("h") == _digest(request.path, ticks, signature)
    )
    if not genuine:
        raise ArmError(
            403,
            "InvalidAsyncOperationToken",
            "The signature of this operation URL is missing or does not match. Use the URL of the "
            "'Location' or 'Azure-AsyncOperation' header exactly as it was returned.",
        )


def _other_origin(world: World, request: Request, path: str) -> str:
    """The scheme and host of poll URLs: another host than that of the request, if there is one."""
    asked = origin(request)
    if asked == _PUBLIC:
        vault = world.store.get(VAULT_KIND, vault_of(path)) or {}
        region = normalized_location(vault.get("location", ""))
        return f"https://{region}.management.azure.com" if region else asked
    scheme, _, host = asked.partition("://")
    name, colon, port = host.partition(":")
    return f"{scheme}://{_OTHER_NAMES.get(name, name)}{colon}{port}"


def _signature(world: World, path: str, ticks: str) -> str:
    message = f"{path.lower()}\n{POLL_API_VERSION}\n{ticks}".encode()
    secret = f"poll:{world.seed}".encode()
    return _text(hmac.new(secret, message, hashlib.sha512).digest() * 4)


def _digest(path: str, ticks: str, signature: str) -> str:
    return _text(hashlib.sha256(f"{path.lower()}{ticks}{signature}".encode()).digest())


def _certificate(world: World) -> str:
    return _text(world.random("poll-certificate").randbytes(_CERTIFICATE_BYTES))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
