"""Azure Site Recovery: fabrics, discovery, replication, failovers, jobs."""

from __future__ import annotations

from emulator.kernel.routes import Routes
from emulator.kernel.world import World
from emulator.recovery_services.experiences import agent_rollout, registry
from emulator.recovery_services.experiences.modernized import appliances
from emulator.recovery_services.fabrics import containers, fabrics, mappings, policies
from emulator.recovery_services.items import items, refusals
from emulator.recovery_services.items import routes as protected_items
from emulator.recovery_services.jobs import jobs, operations
from emulator.recovery_services.plans import operations as plan_operations
from emulator.recovery_services.plans import plans, runs
from emulator.recovery_services.replication import recovery_points, supported_systems, target_sizes
from emulator.recovery_services.servers import registrations, server_setup
from emulator.recovery_services.vault import (
    alert_settings,
    control,
    empty_lists,
    events,
    health,
    job_export,
    job_routes,
)
from emulator.recovery_services.wire import refusals as wire_refusals

__all__ = ["register", "routes"]

routes = Routes()
for _service in (
    fabrics,
    containers,
    policies,
    mappings,
    protected_items,
    recovery_points,
    target_sizes,
    job_routes,
    operations,
    events,
    health,
    control,
    plans,
    plan_operations,
    registrations,
    appliances,
    refusals,
    alert_settings,
    job_export,
    supported_systems,
    empty_lists,
):
    routes.include(_service.routes)
routes.include(job_export.files)


def register(world: World) -> None:
    """Register the event handlers of Site Recovery and its guests."""
    wire_refusals.register(world)
    jobs.register(world)
    items.register(world)
    runs.register(world)
    registry.register(world)
    server_setup.register(world)
    agent_rollout.register(world)
