"""ARM's throttling: token buckets for reads, writes and deletes, filled in virtual time.

Source: "Understand how Azure Resource Manager throttles requests" (limits, refill rates and the
global limit of 15 times as much); error code and headers as ARM answers them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from emulator.arm import identity
from emulator.kernel import schema
from emulator.kernel.long_running import retry_after
from emulator.kernel.routes import Route, Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_KIND, _KEY = "throttling", "settings"
_GLOBAL_TIMES = 15
_MOST = 1_000_000
_WORDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_LIMIT = {"capacity": int, "refillPerSecond": float}
_SHAPE = {
    "mode": schema.OneOf("auto", "on", "off"),
    "limits": {"reads": _LIMIT, "writes": _LIMIT, "deletes": _LIMIT},
}
_DEFAULTS: Document = {
    "mode": "auto",
    "limits": {
        "reads": {"capacity": 250, "refillPerSecond": 25.0},
        "writes": {"capacity": 200, "refillPerSecond": 10.0},
        "deletes": {"capacity": 200, "refillPerSecond": 10.0},
    },
}

routes = Routes()


@routes.route("GET", "/_emulator/throttling", "_Emulator_GetThrottling")
def get_throttling(world: World, request: Request) -> Response:
    """The settings, and whether they are `active` now."""
    return Response(200, _shown(world))


@routes.route("PUT", "/_emulator/throttling", "_Emulator_SetThrottling", changes=False)
def set_throttling(world: World, request: Request) -> Response:
    """Set the throttling: `{"mode"?, "limits"?}`; the defaults are those of ARM.

    Modes: `on`, `off`, and `auto`, which is on while the clock runs and off while it stands
    still, because a bucket never fills when no time passes.
    """
    given = schema.body(request, _SHAPE)
    limits = {
        name: {**default, **given.get("limits", {}).get(name, {})}
        for name, default in _DEFAULTS["limits"].items()
    }
    for name, limit in limits.items():
        capacity, refill = limit["capacity"], limit["refillPerSecond"]
        if not 1 <= capacity <= _MOST or not 0 < refill <= _MOST:
            raise ArmError(
                400,
                "InvalidRequestContent",
                f"'limits.{name}' needs a capacity of 1 to {_MOST} and a refillPerSecond above 0 "
                f"and up to {_MOST}.",
            )
    mode = str(given.get("mode", _DEFAULTS["mode"])).lower()
    world.store.put(_KIND, _KEY, {"mode": mode, "limits": limits})
    return Response(200, _shown(world))


@dataclass
class _Bucket:
    """A token bucket: the number of requests that are left at a moment."""

    tokens: float
    at: datetime


class Throttle:
    """Counts every ARM request, and refuses those for which a bucket is empty.

    There is a bucket for each subscription (or the tenant), caller and kind of request, and one
    for all callers of a subscription together. The buckets are in memory only: after a restart
    they are full, as after 20 seconds without requests.
    """

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self._limits: Document = {}
        self._headers: dict[str, str] = {}

    def install(self, world: World) -> None:
        """Check every request of this world from now on, after the check of its token."""
        world.interceptors.append(self.before)
        world.finishers.append(self.after)

    def before(self, world: World, request: Request, route: Route) -> Response | None:
        """Take a token from each bucket that the request needs, or refuse it."""
        self._headers = {}
        if not route.api_versions:
            return None
        settings = world.store.get(_KIND, _KEY) or _DEFAULTS
        if not _active(world, settings):
            return None
        if settings["limits"] != self._limits:
            # New limits begin with full buckets.
            self._limits = settings["limits"]
            self._buckets = {}
        word = _WORDS.get(request.method, "writes")
        capacity = self._limits[word]["capacity"]
        refill = self._limits[word]["refillPerSecond"]
        match = _SUBSCRIPTION.match(request.path)
        scope = match.group(1).lower() if match else "tenant"
        caller = identity.caller(request)
        own = self._filled((scope, word, caller), capacity, refill, world.now)
        shared = self._filled(
            (scope, word), capacity * _GLOBAL_TIMES, refill * _GLOBAL_TIMES, world.now
        )
        refused = own.tokens < 1 or shared.tokens < 1
        wait = max(
            (1 - own.tokens) / refill,
            (1 - shared.tokens) / (refill * _GLOBAL_TIMES),
        )
        if not refused:
            own.tokens -= 1
            shared.tokens -= 1
        prefix = f"x-ms-ratelimit-remaining-{'subscription' if match else 'tenant'}"
        self._headers[f"{prefix}-{word}"] = str(int(own.tokens))
        if match:
            self._headers[f"{prefix}-global-{word}"] = str(int(shared.tokens))
        return _refusal(world, scope, word, caller, wait) if refused else None

    def after(self, world: World, request: Request, response: Response) -> None:
        """Add the headers that say how many requests are left, also to refusals."""
        response.headers.update(self._headers)
        self._headers = {}

    def _filled(self, key: tuple[str, ...], capacity: int, refill: float, now: datetime) -> _Bucket:
        bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
        gained = (now - bucket.at).total_seconds() * refill
        bucket.tokens, bucket.at = min(float(capacity), bucket.tokens + gained), now
        return bucket


def _active(world: World, settings: Document) -> bool:
    mode = settings["mode"]
    return bool(mode == "on" or (mode == "auto" and world.clock.scale > 0))


def _shown(world: World) -> Document:
    settings = world.store.get(_KIND, _KEY) or _DEFAULTS
    return {**settings, "active": _active(world, settings)}


def _refusal(world: World, scope: str, word: str, caller: str, wait: float) -> Response:
    seconds = max(1, math.ceil(wait))
    where = f"subscription '{scope}'" if scope != "tenant" else "the tenant"
    refusal = ArmError(
        429,
        "SubscriptionRequestsThrottled" if scope != "tenant" else "TenantRequestsThrottled",
        f"Number of '{word[:-1]}' requests for {where} actor '{caller}' exceeded. Please try "
        f"again after '{seconds}' seconds after additional tokens are available. Refer to "
        "https://aka.ms/arm-throttling for additional information.",
        headers=retry_after(world, seconds),
    )
    # Returned, not raised: there is nothing to roll back.
    return refusal.response()
