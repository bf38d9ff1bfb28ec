"""The front: the routes and events of every service, in one world."""

from __future__ import annotations

from emulator import (
    arm,
    control,
    guests,
    off_azure,
    recovery_services,
    role_assignments,
    throttling,
)
from emulator.arm.governance import locks, policies
from emulator.arm.subscriptions import SUBSCRIPTIONS
from emulator.estate.machines import Estate
from emulator.faults import HttpFaults
from emulator.kernel import gate
from emulator.kernel.clock import Clock
from emulator.kernel.routes import Routes
from emulator.kernel.store import Store
from emulator.kernel.world import World

_SERVICES = (arm, guests, recovery_services)


def _every_route() -> Routes:
    routes = Routes()
    for part in (control, off_azure, role_assignments, throttling):
        routes.include(part.routes)
    routes.include(locks.control)
    for service in _SERVICES:
        routes.include(service.routes)
    return routes


# No world changes them, and making them takes most of the time in which a world is made.
_ROUTES = _every_route()


def create(
    store: Store,
    clock: Clock,
    seed: int = 0,
    estate: Estate | None = None,
    *,
    any_token: bool = False,
) -> World:
    """Make the world of the emulator.

    Args:
        store: the state; a store that was used before continues from its last state.
        clock: virtual time; `resumed_clock(store)` continues from the time of the store's world.
        seed: the random seed of a new world.
        estate: the AWS side as the guests see it; None is an estate without machines.
        any_token: accept every bearer token; otherwise only those that were issued here.
    """
    world = World(store, clock, _ROUTES, seed, estate)
    world.interceptors += [
        gate.require_token(arm.identity.accept_any if any_token else arm.identity.accept),
        gate.require_subscription(frozenset(SUBSCRIPTIONS)),
    ]
    throttling.Throttle().install(world)
    role_assignments.Access().install(world)
    world.interceptors += [gate.require_api_version, locks.refuse, policies.refuse]
    HttpFaults().install(world)
    with store.transaction():
        for service in _SERVICES:
            service.register(world)
    return world
