"""Whether a wave's machines and their server can reach each other, as a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from dynamic_providers import engine
from dynamic_providers.adapter import Inputs, MigrationProvider, is_unknown, own_urn, run, unknown
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName
from site_recovery.reachability import check as reachability
from site_recovery.reachability import ec2_network
from site_recovery.reachability.connections import Check, Machine, Server
from site_recovery.reachability.rows import Row, blocked, table, with_attempts_of
from site_recovery.reachability.run_command import Connector, RunCommand
from site_recovery.server_names import SERVER_NAMES


class ServerInputs(Inputs):
    """The server on the wire; without address or groups while they are not known, and without
    a subnet where it is there by another's hand."""

    subnet_id: str = ""
    private_ip: str | None = None
    security_group_ids: tuple[str, ...] | None = None
    instance_id: str = ""


class MachineInputs(Inputs):
    """A machine on the wire; `platform` is `windows` or `linux`."""

    instance_id: str
    private_ip: str
    platform: str


class ConnectivityCheckInputs(Inputs):
    """Wire inputs."""

    region: str
    vpc_id: str
    experience: ExperienceName
    push: bool
    server: ServerInputs
    machines: dict[str, MachineInputs]
    offline_preview: bool = False
    urn: str = ""

    @property
    def role(self) -> str:
        """What a person calls the server."""
        return SERVER_NAMES[self.experience]

    def order(self) -> Check:
        """What is to be checked, as the domain takes it."""
        groups = self.server.security_group_ids
        return Check(
            self.vpc_id,
            Server(
                self.role,
                self.server.subnet_id,
                self.server.private_ip,
                None if groups is None else frozenset(groups),
                self.server.instance_id,
            ),
            {
                name: Machine(one.instance_id, one.private_ip, one.platform)
                for name, one in self.machines.items()
            },
            self.push,
        )


_PASSING = {"urn", "offline_preview"}
"""What may change without making it another check."""


class ConnectivityCheckProvider(MigrationProvider):
    """Reads the evidence and has the machines try; a blocked machine is a result, no failure."""

    def judge(self, inputs: ConnectivityCheckInputs) -> list[Row]:
        """The evidence as it is now, without attempts.

        Raises:
            MigrationError: EC2 could not be read.
        """
        order = inputs.order()
        return reachability.judge(order, ec2_network.read(order, inputs.region))

    def connector(self, region: str) -> Connector:
        """What has machines try to connect."""
        return RunCommand(region)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Say in preview which machines would be blocked as things stand; refuse nothing."""
        if news.pop("preview", False):
            lines = self._look_ahead(olds, news)
            if lines:
                engine.RowReporter(engine.current(), news["urn"]).event("\n".join(lines))
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another input, a machine that was blocked, or evidence that says otherwise now."""
        if unknown(news) or olds.get("blocked"):
            return DiffResult(changes=True)
        inputs = ConnectivityCheckInputs.model_validate(news)
        before = ConnectivityCheckInputs.model_validate(olds)
        if inputs.model_dump(exclude=_PASSING) != before.model_dump(exclude=_PASSING):
            return DiffResult(changes=True)
        if inputs.offline_preview:
            return DiffResult(changes=False)
        recorded = [Row.of(row) for row in olds.get("rows") or []]
        return DiffResult(changes=_verdicts(self._judged(inputs)) != _verdicts(recorded))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Check every machine, and tell which are blocked and by what."""
        inputs = ConnectivityCheckInputs.model_validate(props)
        return CreateResult(inputs.urn.rsplit("::", 1)[-1], self._check(inputs))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Check every machine again."""
        return UpdateResult(self._check(ConnectivityCheckInputs.model_validate(news)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Record the evidence as it is now; attempts stay what they were."""
        inputs = ConnectivityCheckInputs.model_validate(props)
        recorded = [Row.of(row) for row in props.get("rows") or []]
        rows = with_attempts_of(self._judged(inputs), recorded)
        return ReadResult(id_, _outputs(inputs, rows), inputs.wire())

    def _check(self, inputs: ConnectivityCheckInputs) -> dict[str, Any]:
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        reporter.status(f"reading what lies between {len(inputs.machines)} machines and the server")
        rows = self._judged(inputs)
        reporter.status("trying to connect")
        rows = reachability.attempt(inputs.order(), rows, self.connector(inputs.region))
        outputs = _outputs(inputs, rows)
        closed = table(rows, inputs.role)
        share = f"{len(outputs['blocked'])} of {len(inputs.machines)} machines"
        if closed:
            heading = f"{share} are blocked, protection does not begin for them:"
            reporter.event("\n".join([heading, *closed]))
        else:
            reporter.status("machines and server reach each other")
        return outputs

    def _judged(self, inputs: ConnectivityCheckInputs) -> list[Row]:
        async def work() -> list[Row]:
            return self.judge(inputs)

        # Machines that were migrated are left out; with the last of them the network may be gone.
        return run(work) if inputs.machines else []

    def _look_ahead(self, olds: dict[str, Any], news: dict[str, Any]) -> list[str]:
        """What a preview can say already: ACLs and routes, and groups where they exist."""
        server = news.get("server")
        if news.get("offline_preview") or is_unknown(server) or not isinstance(server, Mapping):
            return []
        known = {name: value for name, value in server.items() if not unknown(value)}
        rest = {name: value for name, value in news.items() if name != "server"}
        if unknown(rest) or not {"subnet_id", "private_ip"} & set(known):
            return []
        inputs = ConnectivityCheckInputs.model_validate({**rest, "server": known})
        try:
            rows = self._foreseen(inputs, olds.get("machines") or {})
        except MigrationError as error:
            return [f"reachability is not known in this preview: {error}"]
        closed = table(rows, inputs.role)
        share = f"{len(blocked(rows, inputs.machines, inputs.role))} of {len(inputs.machines)}"
        return [f"{share} machines would be blocked as things stand:", *closed] if closed else []

    def _foreseen(self, inputs: ConnectivityCheckInputs, before: Mapping[str, Any]) -> list[Row]:
        """The evidence, but for the groups of machines that come in and get theirs in this run."""
        coming = {name: one for name, one in inputs.machines.items() if name not in before}
        blind = inputs.server.model_copy(update={"security_group_ids": None})
        staying = {name: one for name, one in inputs.machines.items() if name in before}
        rows = self.judge(inputs.model_copy(update={"machines": staying})) if staying else []
        if coming:
            rows += self.judge(inputs.model_copy(update={"machines": coming, "server": blind}))
        return list({row.connection: row for row in reversed(rows)}.values())[::-1]


class ConnectivityCheck(Resource, module="site-recovery", name="ConnectivityCheck"):
    """The check that machines and server can reach each other, before protection begins.

    `blocked` holds the reason for each machine whose protection must not begin; `rows` holds
    `machine`, `direction`, `port`, `open`, `evidence` and `attempt` of each connection. It does
    not fail because a machine is blocked.

    Args:
        name: the resource's name.
        region: the AWS region.
        vpc_id: the VPC of machines and server.
        experience: `classic` or `modernized`.
        push: whether the server installs the machines' agents.
        server: `private_ip`, `subnet_id` (not of one that is there by another's hand),
            `security_group_ids`, and `instance_id` where the server may be asked to connect too.
        machines: `instance_id`, `private_ip` and `platform` by machine; all of them running.
        offline_preview: whether a preview reads nothing.
        opts: the resource's options.
    """

    blocked: pulumi.Output[Mapping[str, str]]
    rows: pulumi.Output[list[Mapping[str, Any]]]

    def __init__(
        self,
        name: str,
        *,
        region: pulumi.Input[str],
        vpc_id: pulumi.Input[str],
        experience: pulumi.Input[str],
        push: pulumi.Input[bool],
        server: pulumi.Input[Mapping[str, Any]],
        machines: pulumi.Input[Mapping[str, Any]],
        offline_preview: pulumi.Input[bool] = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            ConnectivityCheckProvider(),
            name,
            {
                "region": region,
                "vpc_id": vpc_id,
                "experience": experience,
                "push": push,
                "server": server,
                "machines": machines,
                "offline_preview": offline_preview,
                "urn": own_urn(ConnectivityCheck, name, opts),
                # Told to `check`, which takes it out again.
                "preview": pulumi.runtime.is_dry_run(),
                "blocked": None,
                "rows": None,
            },
            opts,
        )


def _outputs(inputs: ConnectivityCheckInputs, rows: list[Row]) -> dict[str, Any]:
    return {
        **inputs.wire(),
        "blocked": blocked(rows, inputs.machines, inputs.role),
        "rows": [row.wire() for row in rows],
    }


def _verdicts(rows: list[Row]) -> dict[Any, bool]:
    return {row.connection: row.open for row in rows}
