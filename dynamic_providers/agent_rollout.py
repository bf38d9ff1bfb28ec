"""The mobility agent on a wave's machines, as the one resource that waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import engine
from dynamic_providers.adapter import Inputs, MigrationProvider, own_urn, unknown
from site_recovery.aws import agent_rollout
from site_recovery.aws.agent_rollout import Progress, Rollout, State
from site_recovery.aws.associations import AssociationGoneError, Associations
from site_recovery.errors import MigrationError

_T = TypeVar("_T")
_COMPARED = ("region", "associations", "machines")


class MachineInputs(Inputs):
    """One machine: its EC2 instance, and `windows` or `linux`."""

    instance_id: str
    platform: str


class AgentRolloutInputs(Inputs):
    """Wire inputs; times in seconds of real time."""

    region: str
    associations: dict[str, str]
    machines: dict[str, MachineInputs]
    timeout_seconds: float
    poll_seconds: float
    urn: str

    def rollout(self) -> Rollout:
        """What the domain waits for."""
        return Rollout(
            tuple(self.associations[key] for key in sorted(self.associations)),
            {name: machine.instance_id for name, machine in self.machines.items()},
        )


class AgentRolloutProvider(MigrationProvider):
    """Waits for the machines, and never fails for one of them: it records who has no agent."""

    def associations(self, region: str) -> Associations:
        """How this process reaches Systems Manager."""
        return Associations(region)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Take the inputs as they are; their types are the component's."""
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A difference is another input, or a machine that has no agent as far as is known.

        A machine that was served and is not managed any more, because it was stopped or has
        moved to Azure, is none.
        """
        if unknown(news):
            return DiffResult(changes=True)
        inputs = AgentRolloutInputs.model_validate(news).wire()
        before = AgentRolloutInputs.model_validate(olds).wire()
        if any(inputs[name] != before[name] for name in _COMPARED):
            return DiffResult(changes=True)
        if (
            "bios_ids" not in olds
            or olds.get("failed")
            or set(olds.get("status") or {}) != set(inputs["machines"])
        ):
            return DiffResult(changes=True)
        progress = self._look(AgentRolloutInputs.model_validate(news))
        served = (State.INSTALLED, State.NOT_MANAGED)
        differs = progress is None or any(p.state not in served for p in progress.values())
        return DiffResult(changes=differs)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait for the machines: the associations ran when they were made."""
        inputs = AgentRolloutInputs.model_validate(props)
        progress = self._wait(inputs, again=False)
        outputs = {**inputs.wire(), **self._outputs(inputs, progress, {})}
        return CreateResult(inputs.urn.rsplit("::", 1)[-1], outputs)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Wait for the machines; those that failed are asked to try again now."""
        inputs = AgentRolloutInputs.model_validate(news)
        progress = self._wait(inputs, again=True)
        return UpdateResult({**inputs.wire(), **self._outputs(inputs, progress, olds)})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Record how far each machine is now; gone if an association is."""
        inputs = AgentRolloutInputs.model_validate(props)
        progress = self._look(inputs)
        if progress is None:
            return ReadResult("", {})
        outputs = {**inputs.wire(), **self._outputs(inputs, progress, props)}
        return ReadResult(id_, outputs, inputs.wire())

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Say that the agents stay: nothing at AWS is this resource's own."""
        inputs = AgentRolloutInputs.model_validate(props)
        engine.RowReporter(engine.current(), inputs.urn).event(
            f"the mobility agent stays on {', '.join(sorted(inputs.machines))}; remove it there "
            "where it is not wanted any more"
        )

    def _outputs(
        self, inputs: AgentRolloutInputs, progress: Mapping[str, Progress], before: dict[str, Any]
    ) -> dict[str, Any]:
        instances = inputs.rollout().machines
        known = before.get("bios_ids") or {}
        once = before.get("machines") or {}
        kept = {
            name: bios
            for name, bios in known.items()
            if (once.get(name) or {}).get("instance_id") == instances.get(name)
        }
        found = agent_rollout.bios_ids(progress, instances, self.associations(inputs.region))
        return {
            "failed": {
                machine: f"mobility agent {its}"
                for machine, its in progress.items()
                if its.state is not State.INSTALLED
            },
            "status": {machine: str(its) for machine, its in progress.items()},
            "bios_ids": {**kept, **found},
        }

    def _look(self, inputs: AgentRolloutInputs) -> dict[str, Progress] | None:
        """How far each machine is; None where an association is gone."""

        def work() -> dict[str, Progress] | None:
            aws = self.associations(inputs.region)
            try:
                return agent_rollout.look(inputs.rollout(), aws)[0]
            except AssociationGoneError:
                return None

        return _one_line(work)

    def _wait(self, inputs: AgentRolloutInputs, *, again: bool) -> dict[str, Progress]:
        current = engine.current()
        reporter = engine.RowReporter(current, inputs.urn)
        progress = _one_line(
            lambda: agent_rollout.wait(
                inputs.rollout(),
                self.associations(inputs.region),
                timedelta(seconds=inputs.timeout_seconds),
                timedelta(seconds=inputs.poll_seconds),
                reporter.status,
                again=again,
                going=current.alive,
            )
        )
        for machine, its in sorted(progress.items()):
            if its.state is not State.INSTALLED:
                current.log(inputs.urn, f"{machine}: mobility agent {its}", warning=True)
        return progress


class AgentRollout(Resource, module="site-recovery", name="AgentRollout"):
    """The mobility agent on the machines of a wave.

    Outputs: `failed` has the reason of each machine without a registered agent (failed, not
    managed by Systems Manager, or pending when the wait ended); `status` has where every machine
    is; `bios_ids` has the BIOS id of each machine on which the agent's installation found one.
    Nothing of it is secret.
    """

    failed: pulumi.Output[Mapping[str, str]]
    status: pulumi.Output[Mapping[str, str]]
    bios_ids: pulumi.Output[Mapping[str, str]]

    def __init__(
        self,
        name: str,
        *,
        region: pulumi.Input[str],
        associations: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        machines: pulumi.Input[Mapping[str, Mapping[str, str]]],
        timeout_seconds: pulumi.Input[float],
        poll_seconds: pulumi.Input[float],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            AgentRolloutProvider(),
            name,
            {
                "region": region,
                "associations": associations,
                "machines": machines,
                "timeout_seconds": timeout_seconds,
                "poll_seconds": poll_seconds,
                "urn": own_urn(AgentRollout, name, opts),
                "failed": None,
                "status": None,
                "bios_ids": None,
            },
            opts,
        )


def _one_line(work: Callable[[], _T]) -> _T:
    """Do something, and let the user see one line where it met a `MigrationError`.

    Raises:
        Exception: with one line for the user.
    """
    try:
        return work()
    except MigrationError as error:
        message = str(error)
    raise Exception(message)
