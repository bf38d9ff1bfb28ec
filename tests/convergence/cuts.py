"""Strikes a cutover at one of its steps: the driver is killed, a reply is lost, or the step fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from emulator.in_process import AsyncWorldTransport
from emulator.kernel.clock import Clock
from emulator.kernel.wire import Request, Response
from site_recovery import cutover_memory
from site_recovery.convergence.sources import Ran
from site_recovery.errors import MigrationError
from tests.convergence.fleet import Fleet
from tests.convergence.sources import EstateSources, Killed

KILLED = ("killed before", "killed after")
WAYS = (*KILLED, "reply lost", "refused", "failing")
FAIL_OVER = "fail over"
REQUEST = "ReplicationProtectedItems_UnplannedFailover"
_ASYNCHRONOUS = ("quiesce", "prove", "choose", "stop", FAIL_OVER)
"""The forward steps that can fail after they were accepted."""
FORWARD = (
    "begin",
    "quiesce",
    "note the quiesce",
    "fence",
    "prove",
    "note the fence",
    "choose",
    "note the stop",
    "stop",
    FAIL_OVER,
    "mark",
)
"""The changes of a cutover in their order."""
BACK = ("note the restoring", "give the groups", "start", "resume", "forget")
"""The changes that give a source back, in their order."""

_TAGS = (
    (cutover_memory.BEGAN, "begin"),
    (cutover_memory.RESTORING, "note the restoring"),
    (cutover_memory.MIGRATED_TO, "mark"),
    (cutover_memory.STOPPED, "note the stop"),
    (cutover_memory.POINT, "choose"),
    (cutover_memory.FENCED, "note the fence"),
    (cutover_memory.QUIESCED, "note the quiesce"),
)
_JOB = {
    "errorCode": "150097",
    "errorMessage": "The disk is not consistent",
    "possibleCauses": "The machine was under load",
    "recommendedAction": "Run it again",
}
_FAILED = Ran("Failed", "", "it does not work")


@dataclass(frozen=True)
class Cut:
    """What happens at which step of a cutover."""

    step: str
    way: str

    def __str__(self) -> str:
        return f"{self.step}, {self.way}"


def cuts(*steps: str) -> list[Cut]:
    """Every way at every one of these steps. What ends at once cannot fail after it was accepted."""
    return [
        Cut(step, way)
        for step in steps
        for way in WAYS
        if way != "failing" or step in _ASYNCHRONOUS
    ]


def is_killed(error: BaseException) -> bool:
    """Whether a run ended because its driver was killed."""
    return isinstance(error, Killed) or (
        isinstance(error, BaseExceptionGroup) and any(map(is_killed, error.exceptions))
    )


class Strike:
    """A cut of the cutover of one machine, in force as long as it is entered.

    Attributes:
        clock: the time of the world that it stands in front of.
        struck: whether the step was met.
    """

    def __init__(self, fleet: Fleet, machine: str, cut: Cut) -> None:
        assert fleet.sources is not None
        self._fleet, self._cut, self._machine = fleet, cut, machine
        self._sources: EstateSources = fleet.sources
        self._instance = fleet.machines[machine].id
        self._declared = fleet.cutovers[machine]
        self._carrier = fleet.carrier
        self._step = ""
        self.clock: Clock = fleet.site.world.clock
        self.struck = False

    def __enter__(self) -> Strike:
        self._sources.before, self._sources.after = self._before, self._after
        match self._cut:
            case Cut("fail over"):
                self._arm()
            case Cut("choose", "failing"):
                self.struck = True
                self._fleet.cutovers[self._machine] = self._declared.model_copy(
                    update={
                        "consistency": "application",
                        "recovery_point_wait": timedelta(minutes=10),
                    }
                )
        return self

    def __exit__(self, *_: object) -> None:
        quiet: Callable[[str, str], None] = lambda verb, instance: None  # noqa: E731
        self._sources.before = self._sources.after = quiet
        self._sources.results.clear()
        self._sources.stops = {}
        self._fleet.cutovers[self._machine] = self._declared
        self._fleet.carrier = self._carrier
        self._fleet.site.call("DELETE", "/_emulator/faults?")

    # -- the changes of the source ----------------------------------------------------------

    def _before(self, verb: str, instance: str) -> None:
        if instance != self._instance:
            return
        self._step = self._named(verb)
        if self._step != self._cut.step:
            return
        match self._cut.way:
            case "killed before":
                self._strike(Killed())
            case "refused":
                self.struck = True
                raise MigrationError(f"EC2: UnauthorizedOperation: {verb}")
            case "failing":
                self._fail()

    def _after(self, verb: str, instance: str) -> None:
        if instance != self._instance or self._step != self._cut.step:
            return
        self._sources.results.clear()
        match self._cut.way:
            case "killed after":
                self._strike(Killed())
            case "reply lost":
                self._strike(MigrationError("EC2 did not answer"))

    def _strike(self, error: BaseException) -> None:
        """Strike once: the driver is gone, or goes on after it."""
        if not self.struck:
            self.struck = True
            raise error

    def _fail(self) -> None:
        self.struck = True
        match self._cut.step:
            case "stop":
                self._sources.stops = {self._instance: "running"}
            case _:
                self._sources.results[self._instance, ""] = _FAILED

    def _named(self, verb: str) -> str:
        memory = self._sources.source(self._instance).memory
        back = bool(memory.restoring)
        match verb:
            case "tag":
                return next(step for tag, step in _TAGS if tag in self._sources.tagging)
            case "send":
                return "resume" if back else "prove" if memory.quiesced else "quiesce"
            case "groups":
                return "give the groups" if back else "fence"
            case "untag":
                return "forget"
            case _:
                return verb

    # -- the request of the failover --------------------------------------------------------

    def _arm(self) -> None:
        match self._cut.way:
            case "reply lost":
                self._fault(operation=REQUEST, drop="after")
            case "refused":
                self._fault(operation=REQUEST, status=400, code="Denied", message="no", times=9)
            case "failing":
                self._fault(operation="UnplannedFailover", job=_JOB)
            case _:
                self._fleet.carrier = lambda: AsyncWorldTransport(self)

    def _fault(self, **content: object) -> None:
        self.struck = True
        self._fleet.fault(match=self._machine, **content)

    def handle(self, request: Request) -> Response:
        """Carry a request to the world. Around that of the failover the driver is killed."""
        path = request.path.lower()
        asked = path.endswith("/unplannedfailover") and self._machine in path
        if asked and self._cut.way == "killed before":
            self._strike(Killed())
        response = self._fleet.site.world.handle(request)
        if asked:
            self._strike(Killed())
        return response
