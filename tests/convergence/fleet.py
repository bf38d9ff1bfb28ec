"""A fleet on the emulator, which tests drive with the real convergence and the real SDK."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any, ParamSpec, Self, TypeVar

import uvicorn

from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.estate.machines import Instance
from emulator.http import Application
from emulator.in_process import AsyncWorldTransport
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.connection import Connect, Connection, connector
from site_recovery.azure.service import VaultService
from site_recovery.checks import Record, last_passed_test
from site_recovery.convergence.guarding import NONE, Guarding
from site_recovery.convergence.hooks import HookRunner
from site_recovery.convergence.interfaces import Pace, PlanOrder
from site_recovery.convergence.outcome import Outcome
from site_recovery.convergence.run import converge
from site_recovery.declared.checks import Check, effective
from site_recovery.declared.cutover import AfterFailover, Cutover, Mode
from site_recovery.declared.disks import DiskOrder
from site_recovery.declared.hooks import Hooks
from site_recovery.declared.interfaces import SourceInterface
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Assignment, Hardware, LandingZone
from site_recovery.fleet import Site as MigrationSite
from site_recovery.hooks import HookRecord
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.snapshot import Machine, Snapshot
from tests.convergence.sources import EstateSources
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    GROUP,
    NETWORK,
    STORAGE,
    TEST_NETWORK,
    AsyncCredential,
    Classic,
    Site,
)

_T = TypeVar("_T")
_P = ParamSpec("_P")
_STEP, _LONGEST_STEP = timedelta(seconds=30), timedelta(minutes=8)
LENIENT = Rules(require_test_failover=False)
PORTALS_WAY = Cutover(mode=Mode.LATEST)
STRICT = Rules(require_test_failover=True)


def _run(coroutine: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, _T]:
    """The same function, which runs its coroutine to the end."""

    @wraps(coroutine)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return asyncio.run(coroutine(*args, **kwargs))

    return run


class Recorder:
    """A reporter that keeps all lines, and shows each event to `watch`."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.events: list[str] = []
        self.watch: Callable[[str], None] = lambda text: None

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def event(self, text: str) -> None:
        self.events.append(text)
        self.watch(text)


class Fleet:
    """Machines with a registered configuration server, policy and mapping.

    Attributes:
        targets: the declared target by machine.
        hardware: the hardware by machine.
        disks: what is declared of the disks of machines, by name.
        cutovers: how machines fail over, by name; `latest` for the others.
        terminate_after: how long after its migration an instance is terminated.
        rolls_back: the machines whose failover is taken back.
        deletes_kept: those whose virtual machine is deleted then.
        after_failover: what becomes of machines that stay failed over.
        sources: the instances that runs may change; None if they touch none.
        migrated: the machines that are recorded as migrated.
        item_ids: their protected items by machine, as their wave recorded them.
        checks: the declared checks by machine; `running` alone for the others.
        checked: how the checks of each machine ended, as its wave records it.
        hooks: the declared hooks by machine.
        hooked: which hooks have run, as its wave records it.
        runner: runs commands and webhooks; None if nothing does.
        carrier: makes the transport of a connection in process.
        longest_pause: of `drive`.
        slept: the pauses of `drive` in seconds.

    Args:
        machines: the machines in AWS.
        wire: `in-process` or `http`.
        experience: classic or modernized.
        seed: of the emulator.
        further: the addresses of further interfaces, by the name of a machine.
    """

    def __init__(
        self,
        machines: list[Instance],
        wire: str = "in-process",
        experience: Classic = CLASSIC,
        seed: int = 7,
        further: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.experience = experience
        self.site = Site(machines, experience=experience, seed=seed, further=further).prepare()
        self.machines = {machine.name: machine for machine in machines}
        self.targets: dict[str, dict[str, Any]] = {}
        self.hardware: dict[str, Hardware] = {}
        self.disks: dict[str, tuple[DiskOrder, ...]] = {}
        self.migrated: set[str] = set()
        self.item_ids: dict[str, str] = {}
        self.checks: dict[str, list[dict[str, Any]]] = {}
        self.checked: dict[str, Record] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.hooked: dict[str, HookRecord] = {}
        self.runner: HookRunner | None = None
        self.cutovers: dict[str, Cutover] = {}
        self.rolls_back: set[str] = set()
        self.deletes_kept: set[str] = set()
        self.after_failover: AfterFailover | None = None
        self.terminate_after: timedelta | None = None
        self.sources: EstateSources | None = None
        self.carrier: Callable[[], AsyncWorldTransport] = self._in_process
        self.reporter = Recorder()
        self.longest_pause = _STEP
        self.slept: list[float] = []
        self.wire = wire
        self._server = contextlib.ExitStack()
        self._base_url = self._server.enter_context(_served(self)) if wire == "http" else None
        self.migration_site = self._migration_site()

    def close(self) -> None:
        self._server.close()

    def copy(self) -> Self:
        """Another fleet in the same state; of this one it changes nothing. In process only.

        Its emulator has been restarted: what that does not store, such as earlier answers for
        lists that lag behind, the copy does not have.
        """
        assert self._base_url is None
        kept = {id(self.site): self.site.copy(), id(self.experience): self.experience}
        return copy.deepcopy(self, kept)

    # -- what a person or a test does ------------------------------------------------------------

    async def driving(
        self,
        desired: Phase | dict[str, Phase | None] | None,
        *,
        rules: Rules = LENIENT,
        wait: timedelta = timedelta(hours=6),
        may_submit: Callable[[], bool] = lambda: True,
        plan: PlanOrder | None = None,
        leaving: bool = False,
        between_rounds: Callable[[], Awaitable[None]] | None = None,
        stack: str = "dev",
        guarding: Guarding = NONE,
    ) -> dict[str, Outcome]:
        """Converge the machines, as a run of the stack does.

        The emulator's clock advances half a minute per round while something is reported. From
        then on each step is twice as long as the one before, up to _LONGEST_STEP. In steps of half
        a minute, most rounds would only look at an initial replication.
        """
        step, reported = _STEP, len(self.reporter.events)

        async def sleep(seconds: float) -> None:
            nonlocal step, reported
            self.slept.append(seconds)
            if between_rounds is not None:
                await between_rounds()
            quiet = reported == len(self.reporter.events)
            step = min(2 * step, _LONGEST_STEP) if quiet else _STEP
            reported = len(self.reporter.events)
            self.site.pass_time(seconds=step.total_seconds())

        pace = Pace(wait, self.longest_pause, sleep, may_submit)

        async with self.service(leaving, stack) as service:
            outcomes = await converge(
                service,
                self.assignments(desired),
                replace(rules, discovers=self.experience.name == "classic"),
                pace,
                self.reporter,
                plan,
                self.sources,
                guarding,
                self.runner,
            )
        self.hooked |= {name: o.hooks for name, o in outcomes.items() if o.hooks is not None}
        self.checked |= {name: o.checks for name, o in outcomes.items() if o.checks is not None}
        return outcomes

    drive = _run(driving)

    def snapshot(self, *, leaving: bool = False) -> Snapshot:
        async def work() -> Snapshot:
            async with self.service(leaving) as service:
                return await service.observe()

        return asyncio.run(work())

    def assignments(self, desired: Phase | dict[str, Phase | None] | None) -> list[Assignment]:
        phases = desired if isinstance(desired, dict) else dict.fromkeys(self.machines, desired)
        return [
            Assignment(
                Machine(
                    name,
                    instance.id,
                    instance.private_ip,
                    name,
                    migrated=name in self.migrated,
                    rolls_back=name in self.rolls_back,
                    checked_test=last_passed_test(self.checked.get(name)),
                    deletes_kept=name in self.deletes_kept,
                    after_failover=self.after_failover,
                    not_before=self.cutovers.get(name, PORTALS_WAY).at,
                    item_id=self.item_ids.get(name, ""),
                ),
                "windows" if instance.platform == "windows" else "linux",
                TargetSpec.model_validate(self.targets.get(name, {}), by_name=True),
                phases[name],
                hardware=self.hardware.get(name),
                cutover=self.cutovers.get(name, PORTALS_WAY),
                terminate_after=self.terminate_after,
                checks=effective([Check.model_validate(c) for c in self.checks.get(name, [])]),
                checked=self.checked.get(name),
                hooks=Hooks.model_validate(self.hooks.get(name, {})),
                hooked=self.hooked.get(name),
                interfaces=self.interfaces(name),
                disks=self.disks.get(name, ()),
            ).placed(self.migration_site.landing_zone)
            for name, instance in self.machines.items()
            if name in phases
        ]

    def interfaces(self, name: str) -> tuple[SourceInterface, ...]:
        """The interfaces of a machine as EC2 shows them."""
        return tuple(
            SourceInterface(index=index, id=f"eni-{index:017x}", mac=one.mac, address=one.address)
            for index, one in enumerate(
                self.site.estate.network().interfaces_of(self.machines[name].id)
            )
        )

    def fault(self, **content: Any) -> None:
        """Set a fault through the control API."""
        response = self.site.call("POST", "/_emulator/faults?", content)
        assert response.status < 300, response.body

    def accepted(self, machine: str | None = None) -> list[str]:
        """The operation ids of all accepted changes to machines, in order."""
        return [
            entry["operation"]
            for entry in self.site.world.audited()
            if entry.get("machine") and machine in (None, entry["machine"])
        ]

    @property
    def server_name(self) -> str:
        """The host name of the configuration server or the appliance."""
        fabric = self.site.get(self.site.fabric)["properties"]
        if self.experience.name == "classic":
            return str(fabric["friendlyName"])
        return str(fabric["customDetails"]["processServers"][0]["name"])

    def items(self) -> dict[str, Any]:
        container = self.site.container
        listed = self.site.get(f"{container}/replicationProtectedItems")["value"]
        return {item["name"]: item["properties"] for item in listed}

    # -- parts ---------------------------------------------------------------------------------

    def ask(self, work: Callable[[Connection], Coroutine[Any, Any, _T]]) -> _T:
        """Run a coroutine with a connection."""

        async def connected() -> _T:
            async with self._connect() as connection:
                return await work(connection)

        return asyncio.run(connected())

    @asynccontextmanager
    async def service(
        self, leaving: bool = False, stack: str = "dev"
    ) -> AsyncIterator[VaultService]:
        """The vault service of a run."""
        async with self._connect() as connection:
            yield VaultService(connection, self.migration_site, stack, leaving=leaving)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Connection]:
        async with self.connector()(SUBSCRIPTION) as connection:
            yield connection

    def connector(self) -> Connect:
        """Connects to this emulator."""
        return connector(
            credential=lambda: AsyncCredential(self.site.token),
            transport=self.carrier if self._base_url is None else None,
            base_url=self._base_url,
            limited=False,
        )

    def _in_process(self) -> AsyncWorldTransport:
        return AsyncWorldTransport(self.site.world)

    def _migration_site(self) -> MigrationSite:
        modernized = self.experience.name == "modernized"
        fabric = self.site.get(self.site.fabric)["properties"]["customDetails"]
        return MigrationSite(
            experience="modernized" if modernized else "classic",
            machines_site_id=fabric["physicalSiteId"] if modernized else "",
            container=ContainerId.parse(self.site.container),
            policy_id=self.site.policy,
            process_server_id=self.site.host,
            master_target_id=self.site.host,
            run_as_accounts={"windows": "1", "linux": "2"},
            landing_zone=LandingZone(GROUP, NETWORK, "servers", TEST_NETWORK, STORAGE, "servers"),
        )


@contextlib.contextmanager
def _served(fleet: Fleet) -> Iterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # The Date header is the emulator's, in its own time.
    application = Application(fleet.site.world)
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", date_header=False))
    started = threading.Event()
    server_startup = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await server_startup(sockets)
        started.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
