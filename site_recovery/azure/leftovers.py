"""Machines that replicate but are in no record of a wave.

If a run is killed or loses its connection while a wave is created, Pulumi records nothing of the
wave, but the service goes on replicating. The tags of an item say which machine it replicates.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.answers.reading import UnreadableError
from site_recovery.azure.connection import Connection
from site_recovery.azure.item_reads import Items, in_full, list_items
from site_recovery.azure.service import VaultService
from site_recovery.azure.vault import inside
from site_recovery.convergence import review
from site_recovery.convergence.interfaces import Pace, Reporter
from site_recovery.convergence.run import converge
from site_recovery.declared.tags import TAG_INSTANCE, TAG_MACHINE
from site_recovery.declared.target import TargetSpec
from site_recovery.errors import MigrationError
from site_recovery.fleet import UNKNOWN_LANDING_ZONE, Assignment, ExperienceName, Site
from site_recovery.operations import Operation
from site_recovery.planning import Rules
from site_recovery.polling import until
from site_recovery.snapshot import Machine, ProtectedItem

_DISABLE = Operation.DISABLE_PROTECTION.allowed_by
_NAMED = 5
"""The most machines that a message names; it counts the others."""


async def disable(
    connection: Connection,
    container: ContainerId,
    policy_id: str,
    experience_name: ExperienceName,
    pace: Pace,
    reporter: Reporter,
    stack: str,
    named: Container[str] = (),
) -> None:
    """Disable the replication of the machines in a container that use a policy.

    Args:
        connection: to the vault's subscription.
        container: the container of the server.
        policy_id: the ARM id of the policy.
        experience_name: how the machines replicate.
        pace: how long it may take.
        reporter: receives the progress.
        stack: distinguishes this stack from others that use the same vault.
        named: the instances that a wave of the stack names. Their machines are not leftovers.

    Raises:
        MigrationError: a machine is failed over, is named by a wave, or was not enabled by this
            program, and so nothing was changed; or a removal failed or did not end in time.
    """
    items = await _once_enabled(connection, container, policy_id, pace, reporter)
    policy = arm_ids.name(policy_id)
    foreign = sorted(item.name for item in items if TAG_INSTANCE not in item.tags)
    if foreign:
        raise MigrationError(
            f"policy {policy}: {', '.join(foreign)} replicate by it, and this "
            "stack did not enable that. Disable their replication in the vault, then run it again."
        )
    machines = [Assignment(_machine(item), "windows", TargetSpec(), None) for item in items]
    kept = sorted(each.machine.name for each in machines if each.machine.instance_id in named)
    if kept:
        raise MigrationError(
            f"policy {policy}: {', '.join(kept)} replicate by it, and a wave of this stack names "
            "them. Take them out of their waves with pulumi up first, then run it again."
        )
    if not items:
        return
    service = VaultService(connection, _site(container, experience_name), stack, leaving=True)
    review.raise_if_failed_over(machines, await service.observe())
    outcomes = await converge(service, machines, Rules(), pace, reporter)
    review.raise_unless_gone(outcomes)


async def _once_enabled(
    connection: Connection, container: ContainerId, policy_id: str, pace: Pace, reporter: Reporter
) -> Sequence[ProtectedItem]:
    """The items that use a policy, once those without tags are not being enabled any more.

    The modernized experience shows the tags of an item only after that.
    """
    began = connection.clock.now()

    async def look() -> Sequence[ProtectedItem] | None:
        items = await replicating(connection, container, policy_id)
        waiting = sorted(i.friendly_name or i.name for i in items if _is_being_enabled(i))
        ended = connection.clock.now() - began >= pace.wait or not pace.may_submit()
        if not waiting or ended:
            return items
        reporter.status(f"waiting until the protection of {', '.join(waiting)} is enabled")
        return None

    return await until(look, lambda: connection.pause(pace.longest_pause), pace.sleep)


def _is_being_enabled(item: ProtectedItem) -> bool:
    # While a job runs on an item, the service allows no operation.
    idle = item.scenario is None or _DISABLE in item.allowed_operations
    return not idle and TAG_INSTANCE not in item.tags


async def raise_if_any(connection: Connection, container: ContainerId, policy_id: str) -> None:
    """Check that no machine would lose its replication with the mapping of a container.

    Raises:
        MigrationError: machines replicate with the policy.
        VaultGoneError: the vault is gone.
    """
    items = await replicating(connection, container, policy_id)
    names = sorted(item.tags.get(TAG_MACHINE, item.name) for item in items)
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise MigrationError(
            f"policy {arm_ids.name(policy_id)}: {', '.join(names[:_NAMED])}{more} replicate by it, "
            "and its mapping to their server's container is to be replaced. Keep the vault and the "
            "server in the config (target, source) as they were, or take the machines out of their "
            "waves with pulumi up first."
        )


async def replicating(
    connection: Connection, container: ContainerId, policy_id: str
) -> Sequence[ProtectedItem]:
    """The protected items of a container that use a policy.

    Operations ReplicationProtectedItems_List and ReplicationProtectedItems_Get.

    Raises:
        VaultGoneError: the vault is gone.
        MigrationError: Azure did not answer or refused, or an item of the vault cannot be read.
    """
    where = container.vault
    async with inside(connection, where, f"vault {where.vault}"):
        listed = await list_items(connection.client, where)
        mine = tuple(
            item
            for item in listed.items
            if arm_ids.same(item.policy_id, policy_id)
            and arm_ids.same(str(ContainerId.parse(item.id)), str(container))
        )
        # The tags tell whose they are.
        found = await in_full(connection.client, Items(mine, listed.unreadable), {}, {})
    for odd in found.unreadable:
        raise UnreadableError(
            f"vault {where.vault}: its {odd.kind} {odd.name} cannot be read: {odd.what}. Look at "
            "it in the vault, then run pulumi up again.",
            odd.what,
        )
    return found.items


def _machine(item: ProtectedItem) -> Machine:
    name = item.tags.get(TAG_MACHINE, item.name)
    return Machine(name, item.tags[TAG_INSTANCE], "", name)


def _site(container: ContainerId, experience_name: ExperienceName) -> Site:
    """The parts of a site that a removal needs; the others are empty."""
    return Site(container, UNKNOWN_LANDING_ZONE, experience_name)
