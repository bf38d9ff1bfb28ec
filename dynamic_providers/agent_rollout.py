"""The resource that waits for the mobility agents on the machines of a wave."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import pulumi
from pulumi.dynamic import DiffResult
from pydantic import Field

from dynamic_providers import adapter, engine
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs, resource_name, unknown
from dynamic_providers.declared import DeclaredResource
from dynamic_providers.remembered import of_same_instances
from site_recovery.aws import agent_rollout
from site_recovery.aws.agent_rollout import Progress, Rollout, State
from site_recovery.aws.associations import AssociationGoneError, Associations

_COMPARED = {"region", "associations", "machines"}


class MachineInputs(Inputs):
    """One machine: its EC2 instance, and `windows` or `linux`."""

    instance_id: str
    platform: str


class AgentRolloutInputs(Inputs):
    """The inputs. Times are seconds of real time; `associations` has ids by platform."""

    region: str
    associations: dict[str, str]
    machines: dict[str, MachineInputs]
    timeout_seconds: float
    poll_seconds: float
    urn: str

    @property
    def instances(self) -> dict[str, str]:
        """Instance id by machine."""
        return {name: machine.instance_id for name, machine in self.machines.items()}

    @property
    def rollout(self) -> Rollout:
        """The rollout in the types of the domain."""
        associations = tuple(self.associations[key] for key in sorted(self.associations))
        return Rollout(associations, self.instances)


class AgentRolloutOutputs(Outputs):
    """The outputs, all of them by machine. None is a secret.

    Attributes:
        failed: why a machine has no registered agent: it failed, is not managed by Systems
            Manager, or was pending when the wait ended.
        status: how far each machine is.
        bios_ids: the BIOS id that the installation of the agent found, if it found one. None in
            records of older versions of this program.
    """

    failed: dict[str, str] = Field(default_factory=dict)
    status: dict[str, str] = Field(default_factory=dict)
    bios_ids: dict[str, str] | None = None


Recorded: TypeAlias = adapter.Recorded[AgentRolloutInputs, AgentRolloutOutputs]


class AgentRolloutProvider(MigrationProvider[AgentRolloutInputs, AgentRolloutOutputs]):
    """Waits for the agents. It records machines without one instead of failing."""

    def associations(self, region: str) -> Associations:
        """Connects to Systems Manager."""
        return Associations(region)

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A difference is a changed input, or a machine without an agent.

        A machine that is not managed, because it was stopped or moved to Azure, is no difference:
        nothing can be done for it until it is. A machine that left is none either.
        """
        if unknown(news):
            return DiffResult(changes=True)
        inputs, before = AgentRolloutInputs.model_validate(news), recorded.outputs
        here = inputs.machines.keys()
        still = {name: its for name, its in recorded.inputs.machines.items() if name in here}
        last = recorded.inputs.model_copy(update={"machines": still})
        if inputs.model_dump(include=_COMPARED) != last.model_dump(include=_COMPARED):
            return DiffResult(changes=True)
        if before.bios_ids is None or not here <= before.status.keys():
            return DiffResult(changes=True)
        progress = await self._look(inputs)
        return DiffResult(changes=progress is None or _differs(before, progress))

    async def on_create(self, inputs: AgentRolloutInputs) -> tuple[str, AgentRolloutOutputs]:
        """Wait for the machines. The associations started to run when they were created."""
        progress = await self._wait(inputs, again=False)
        return resource_name(inputs.urn), await self._outputs(inputs, progress, {})

    async def on_update(
        self, recorded: Recorded, inputs: AgentRolloutInputs
    ) -> AgentRolloutOutputs:
        """Wait for the machines. Failed ones are started again."""
        progress = await self._wait(inputs, again=True)
        return await self._outputs(inputs, progress, _known(recorded, inputs))

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[AgentRolloutInputs, AgentRolloutOutputs] | None:
        """Record how far each machine is now; gone if an association is."""
        inputs = recorded.inputs
        progress = await self._look(inputs)
        if progress is None:
            return None
        return inputs, await self._outputs(inputs, progress, _known(recorded, inputs))

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Say that the agents stay: this resource owns nothing in AWS."""
        inputs = recorded.inputs
        self.row(inputs.urn).event(
            f"the mobility agent stays on {', '.join(sorted(inputs.machines))}; remove it there "
            "if you do not want it any more"
        )

    async def _outputs(
        self,
        inputs: AgentRolloutInputs,
        progress: Mapping[str, Progress],
        known: Mapping[str, str],
    ) -> AgentRolloutOutputs:
        aws = self.associations(inputs.region)
        found = await asyncio.to_thread(agent_rollout.bios_ids, progress, inputs.instances, aws)
        return AgentRolloutOutputs(
            failed={
                machine: f"mobility agent {its}"
                for machine, its in progress.items()
                if its.state is not State.INSTALLED
            },
            status={machine: str(its) for machine, its in progress.items()},
            bios_ids={**known, **found},
        )

    async def _look(self, inputs: AgentRolloutInputs) -> dict[str, Progress] | None:
        """How far each machine is; None if an association is gone."""
        aws = self.associations(inputs.region)
        try:
            return (await asyncio.to_thread(agent_rollout.look, inputs.rollout, aws))[0]
        except AssociationGoneError:
            return None

    async def _wait(self, inputs: AgentRolloutInputs, *, again: bool) -> dict[str, Progress]:
        current = engine.current()
        progress = await asyncio.to_thread(
            agent_rollout.wait,
            inputs.rollout,
            self.associations(inputs.region),
            timedelta(seconds=inputs.timeout_seconds),
            timedelta(seconds=inputs.poll_seconds),
            self.row(inputs.urn).status,
            again=again,
            going=current.alive,
        )
        for machine, its in sorted(progress.items()):
            if its.state is not State.INSTALLED:
                current.log(inputs.urn, f"{machine}: mobility agent {its}", warning=True)
        return progress


class AgentRollout(
    DeclaredResource, name="Agents", former="AgentRollout", provider=AgentRolloutProvider
):
    """The mobility agent on the machines of a wave; see `AgentRolloutOutputs`."""

    failed: pulumi.Output[Mapping[str, str]]
    status: pulumi.Output[Mapping[str, str]]
    bios_ids: pulumi.Output[Mapping[str, str]]


def _differs(before: AgentRolloutOutputs, now: Mapping[str, Progress]) -> bool:
    """Whether an update could do something for a machine, or record something new of it."""
    for name, its in now.items():
        unmanaged = its.state is State.NOT_MANAGED
        if not unmanaged and its.state is not State.INSTALLED:
            return True
        was_unmanaged = before.status[name].startswith(State.NOT_MANAGED)
        if name in before.failed and not (unmanaged and was_unmanaged):
            return True
    return False


def _known(recorded: Recorded, inputs: AgentRolloutInputs) -> dict[str, str]:
    """The BIOS ids found before: the output of a command that found one does not stay for ever."""
    bios_ids = recorded.outputs.bios_ids or {}
    return of_same_instances(bios_ids, recorded.inputs.instances, inputs.instances)
