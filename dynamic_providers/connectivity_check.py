"""The resource that checks whether a wave's machines and their server can reach each other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias

import pulumi
from pulumi.dynamic import CheckResult, DiffResult
from pydantic import Field

from dynamic_providers import adapter
from dynamic_providers.adapter import (
    Inputs,
    MigrationProvider,
    Outputs,
    is_unknown,
    resource_name,
    unknown,
)
from dynamic_providers.declared import DeclaredResource
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName
from site_recovery.reachability import check as reachability
from site_recovery.reachability import ec2_network
from site_recovery.reachability.connections import (
    OF_ALL,
    Check,
    Connection,
    Machine,
    Proxy,
    Server,
)
from site_recovery.reachability.rows import Row, blocked, table, with_attempts_of
from site_recovery.reachability.run_command import Connector, RunCommand
from site_recovery.server_names import SERVER_NAMES


class ServerInputs(Inputs):
    """The server.

    Attributes:
        subnet_id: empty for a server that this stack did not make.
        private_ip: None while it is not known yet.
        security_group_ids: None while they are not known yet.
        instance_id: empty unless the server may be asked to connect too.
    """

    subnet_id: str = ""
    private_ip: str | None = None
    security_group_ids: tuple[str, ...] | None = None
    instance_id: str = ""


class MachineInputs(Inputs):
    """A running machine.

    Attributes:
        platform: `windows` or `linux`.
        proxied: whether the installation of its agent goes through the proxy.
    """

    instance_id: str
    private_ip: str
    platform: str
    proxied: bool = False


class ProxyInputs(Inputs):
    """The proxy of the config: an address or a name, and a TCP port."""

    host: str
    port: int


class ConnectivityCheckInputs(Inputs):
    """The inputs: what to check.

    Attributes:
        region: the AWS region.
        vpc_id: the VPC of machines and server.
        push: whether the server installs the agents of the machines.
        proxy: the proxy through which the server and the installation of agents go out.
        offline_preview: whether a preview reads nothing.
    """

    region: str
    vpc_id: str
    experience: ExperienceName
    push: bool
    server: ServerInputs
    machines: dict[str, MachineInputs]
    proxy: ProxyInputs | None = None
    offline_preview: bool = False
    urn: str = ""

    @property
    def role(self) -> str:
        """The name of the server for people."""
        return SERVER_NAMES[self.experience]

    def order(self) -> Check:
        """The check in the types of the domain."""
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
                name: Machine(one.instance_id, one.private_ip, one.platform, one.proxied)
                for name, one in self.machines.items()
            },
            self.push,
            None if self.proxy is None else Proxy(self.proxy.host, self.proxy.port),
        )


class ConnectivityCheckOutputs(Outputs):
    """The result of the check.

    Attributes:
        blocked: by machine, why its protection must not start.
        rows: `machine`, `direction`, `port`, `open`, `evidence` and `attempt` of each connection.
    """

    blocked: dict[str, str] = Field(default_factory=dict)
    rows: list[dict[str, Any]] = Field(default_factory=list)

    @classmethod
    def of(cls, inputs: ConnectivityCheckInputs, rows: list[Row]) -> ConnectivityCheckOutputs:
        """The outputs for these rows, with the machines that they block."""
        return cls(
            blocked=blocked(rows, inputs.machines, inputs.role), rows=[row.wire() for row in rows]
        )

    def parsed(self) -> list[Row]:
        """The rows in the types of the domain."""
        return [Row.of(row) for row in self.rows]


Recorded: TypeAlias = adapter.Recorded[ConnectivityCheckInputs, ConnectivityCheckOutputs]

_ONLY_THE_PROXY = "the server may not get its way to Azure through the proxy as things stand:"
_NOT_COMPARED = {"urn", "offline_preview"}
_looked_ahead: dict[str, tuple[Check, list[Row]]] = {}
"""What `check` has read in a preview, by URN, for the `diff` that the engine asks for next."""


class ConnectivityCheckProvider(
    MigrationProvider[ConnectivityCheckInputs, ConnectivityCheckOutputs]
):
    """Reads the evidence and lets the machines try. A blocked machine is not an error."""

    only_for_check = ("preview",)

    def judge(self, inputs: ConnectivityCheckInputs) -> list[Row]:
        """The evidence as it is now, without attempts.

        Raises:
            MigrationError: EC2 could not be read.
        """
        order = inputs.order()
        return reachability.judge(order, ec2_network.read(order, inputs.region))

    def connector(self, region: str) -> Connector:
        """Makes the machines try to connect."""
        return RunCommand(region)

    async def on_check(
        self, olds: dict[str, Any], news: dict[str, Any], check_only: Mapping[str, Any]
    ) -> CheckResult:
        """Report in preview which machines would be blocked now. Nothing is refused."""
        if check_only["preview"]:
            lines = await self._look_ahead(olds, news)
            if lines:
                self.row(news["urn"]).event("\n".join(lines))
        return CheckResult(news, [])

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A difference is a changed input, a blocked machine, or changed evidence.

        A machine that is checked no more is none: it left, or its cutover stopped it.
        """
        if unknown(news):
            return DiffResult(changes=True)
        inputs = ConnectivityCheckInputs.model_validate(news)
        here = inputs.machines.keys()
        if not recorded.outputs.blocked.keys().isdisjoint(here):
            return DiffResult(changes=True)
        still = {name: its for name, its in recorded.inputs.machines.items() if name in here}
        before = recorded.inputs.model_copy(update={"machines": still})
        if inputs.model_dump(exclude=_NOT_COMPARED) != before.model_dump(exclude=_NOT_COMPARED):
            return DiffResult(changes=True)
        if inputs.offline_preview:
            return DiffResult(changes=False)
        known = [
            row
            for row in recorded.outputs.parsed()
            if row.machine in here or row.direction in OF_ALL
        ]
        order, rows = _looked_ahead.pop(inputs.urn, (None, []))
        if order != inputs.order():
            rows = await self._judged(inputs)
        differs = bool(here) and _verdicts(rows) != _verdicts(known)
        return DiffResult(changes=differs)

    async def on_create(
        self, inputs: ConnectivityCheckInputs
    ) -> tuple[str, ConnectivityCheckOutputs]:
        """Check all machines, and report which are blocked and why."""
        return resource_name(inputs.urn), await self._checked(inputs)

    async def on_update(
        self, recorded: Recorded, inputs: ConnectivityCheckInputs
    ) -> ConnectivityCheckOutputs:
        """Check all machines again."""
        return await self._checked(inputs)

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[ConnectivityCheckInputs, ConnectivityCheckOutputs] | None:
        """Record the evidence as it is now; attempts stay as they were recorded."""
        inputs = recorded.inputs
        rows = with_attempts_of(await self._judged(inputs), recorded.outputs.parsed())
        return inputs, ConnectivityCheckOutputs.of(inputs, rows)

    async def _checked(self, inputs: ConnectivityCheckInputs) -> ConnectivityCheckOutputs:
        row = self.row(inputs.urn)
        row.status(f"reading the network between {len(inputs.machines)} machines and the server")
        rows = await self._judged(inputs)
        row.status("trying to connect")
        rows = await asyncio.to_thread(
            reachability.attempt, inputs.order(), rows, self.connector(inputs.region)
        )
        outputs = ConnectivityCheckOutputs.of(inputs, rows)
        closed = table(rows, inputs.role)
        if closed:
            share = f"{len(outputs.blocked)} of {len(inputs.machines)} machines"
            heading = f"{share} are blocked, protection does not begin for them:"
            row.event("\n".join([heading if outputs.blocked else _ONLY_THE_PROXY, *closed]))
        else:
            row.status("machines and server reach each other")
        return outputs

    async def _judged(self, inputs: ConnectivityCheckInputs) -> list[Row]:
        # Migrated machines are not in the inputs. Once all are migrated, the network may be gone.
        return await asyncio.to_thread(self.judge, inputs) if inputs.machines else []

    async def _look_ahead(self, olds: dict[str, Any], news: dict[str, Any]) -> list[str]:
        """What a preview can check already: ACLs and routes, and groups that exist."""
        server = news.get("server")
        if news.get("offline_preview") or is_unknown(server) or not isinstance(server, Mapping):
            return []
        known = {name: value for name, value in server.items() if not unknown(value)}
        rest = {name: value for name, value in news.items() if name != "server"}
        if unknown(rest) or not {"subnet_id", "private_ip"} & set(known):
            return []
        inputs = ConnectivityCheckInputs.model_validate({**rest, "server": known})
        try:
            rows = await asyncio.to_thread(self._foreseen, inputs, olds.get("machines") or {})
        except MigrationError as error:
            return [f"reachability is not known in this preview: {error}"]
        closed = table(rows, inputs.role)
        count = len(blocked(rows, inputs.machines, inputs.role))
        heading = f"{count} of {len(inputs.machines)} machines would be blocked as things stand:"
        return [heading if count else _ONLY_THE_PROXY, *closed] if closed else []

    def _foreseen(self, inputs: ConnectivityCheckInputs, before: Mapping[str, Any]) -> list[Row]:
        """The evidence, without the groups of new machines, which get them in this run."""
        new = {name: one for name, one in inputs.machines.items() if name not in before}
        staying = {name: one for name, one in inputs.machines.items() if name in before}
        without_groups = inputs.server.model_copy(update={"security_group_ids": None})
        order = inputs.model_copy(update={"machines": staying})
        rows = self.judge(order) if staying else []
        _looked_ahead[inputs.urn] = order.order(), list(rows)
        if new:
            rows += self.judge(
                inputs.model_copy(update={"machines": new, "server": without_groups})
            )
        return list({row.connection: row for row in reversed(rows)}.values())[::-1]


class ConnectivityCheck(
    DeclaredResource,
    name="Connectivity",
    former="ConnectivityCheck",
    provider=ConnectivityCheckProvider,
):
    """The check that machines and server can reach each other, before protection starts.

    It does not fail because a machine is blocked; see `ConnectivityCheckOutputs`.
    """

    blocked: pulumi.Output[Mapping[str, str]]
    rows: pulumi.Output[list[Mapping[str, Any]]]


def _verdicts(rows: list[Row]) -> dict[Connection, bool]:
    return {row.connection: row.open for row in rows}
