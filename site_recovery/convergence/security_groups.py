"""Gives the interfaces of machines that failed over the network security group that is declared.

Site Recovery gives none to the machines that it makes: its page on network security groups has them
attached afterwards, by a script of a recovery plan. Here it is a step of the run, between the
failover and the checks. A group that is there already is never replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from site_recovery import arm_ids
from site_recovery.convergence.interfaces import NetworkInterfaces
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage
from site_recovery.phases import Phase
from site_recovery.planning import goal, has_arrived
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot, VirtualMachine
from site_recovery.steps import Blocked, Step

_UNANSWERED = 5
"""Consecutive rounds without an answer after which a machine fails."""


def machine_with(
    assignment: Assignment, observed: Observed, snapshot: Snapshot
) -> VirtualMachine | None:
    """The virtual machine whose interfaces should have a declared group now; None if none should.

    That is between a failover and Complete Migration. Before, there are no interfaces; after it, the
    machine is its owner's.
    """
    declared = assignment.target.network_security_group is not None
    onward = goal(assignment.desired, observed) in (Phase.FAILED_OVER, Phase.MIGRATED)
    if not declared or not onward or observed.stage is not Stage.FAILED_OVER:
        return None
    tagged = snapshot.virtual_machines_by.get(("tag", assignment.machine.instance_id), ())
    return next((each for each in tagged if each.id == observed.azure_vm_id), None)


def lacking(group: str, groups: Mapping[str, str]) -> list[str] | Blocked:
    """The interfaces that have no group yet, or why they cannot have the declared one.

    Args:
        group: the id of the declared group.
        groups: the group of each interface, by its id; empty if it has none.
    """
    for interface, present in groups.items():
        if present and not arm_ids.same(present, group):
            return Blocked(
                Reason.SECURITY_GROUP,
                f"its network interface {arm_ids.name(interface)} has network security group "
                f"{present}, which this program did not attach, and target.networkSecurityGroup "
                f"is {group}",
                "Declare the one that it has, or detach that in Azure, then run pulumi up again",
            )
    return [interface for interface, present in groups.items() if not present]


class SecurityGroups:
    """The groups of one run.

    Args:
        interfaces: those of the virtual machines.
        may_submit: whether anything may still be changed.
        event: reports a change as a permanent line.
    """

    def __init__(
        self,
        interfaces: NetworkInterfaces,
        may_submit: Callable[[], bool],
        event: Callable[[str], None],
    ) -> None:
        self._interfaces = interfaces
        self._may_submit = may_submit
        self._event = event
        self._seen: set[str] = set()
        self._unanswered: dict[str, int] = {}

    async def takes(
        self, machine: MachineRun, step: Step, observed: Observed, snapshot: Snapshot
    ) -> bool:
        """Take the groups of a machine further, if it has failed over.

        Returns:
            Whether the machine has nothing else to do in this round.
        """
        assignment = machine.assignment
        found = machine_with(assignment, observed, snapshot)
        group = assignment.target.network_security_group
        if found is None or group is None or not has_arrived(step, observed):
            return False
        if found.id in self._seen:
            return False
        try:
            done = await self._attached(machine, observed, group, found.interfaces)
        except MigrationError as error:
            misses = self._unanswered[machine.name] = self._unanswered.get(machine.name, 0) + 1
            machine.attempts.tell(Reason.UNAVAILABLE, str(error))
            if misses >= _UNANSWERED:
                machine.fail(observed, Failure(Reason.UNAVAILABLE, str(error)))
            return True
        self._unanswered.pop(machine.name, None)
        if done:
            self._seen.add(found.id)
        return not done

    async def _attached(
        self, machine: MachineRun, observed: Observed, group: str, interfaces: Sequence[str]
    ) -> bool:
        """Whether all interfaces have the group; asks for it where one lacks it."""
        lacks = lacking(group, await self._interfaces.security_groups(interfaces))
        if isinstance(lacks, Blocked):
            machine.fail(observed, Failure(lacks.reason, str(lacks)))
            return False
        for interface in lacks:
            if self._may_submit():
                await self._interfaces.attach(interface, group)
        if lacks or not interfaces:
            # Whether it has taken effect shows in the next round.
            told = f"network security group {arm_ids.name(group)} is being attached"
            if machine.attempts.message != told:
                self._event(f"{machine.name}: {told}")
            machine.attempts.tell(Reason.SECURITY_GROUP, told)
        return not lacks and bool(interfaces)
