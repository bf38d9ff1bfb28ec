"""The kinds of fault, each with the calls that it can meet and what it excuses."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from emulator.kernel.wire import ArmError, Response
from site_recovery.convergence.sources import Ran
from site_recovery.cutover_memory import Source
from tests.faults.wire import AWS, Call, Wire, older

ATTEMPTS = 4
"""How often azure-core sends a read that fails: once, and three times again."""
ROUNDS = 6
LONG_ROUNDS = 8
_LATE = timedelta(minutes=3)
_POINTS_LAG = timedelta(minutes=20)
"""Shorter than a cutover waits for a recovery point. Rounds without news are up to 8 minutes long."""

PLANS = "ReplicationRecoveryPlans_"
ITEMS = "ReplicationProtectedItems_"
_DISCOVER = "ReplicationProtectionContainers_DiscoverProtectableItem"
_SCENARIOS = {
    _DISCOVER: "DiscoverPhysicalMachine",
    f"{ITEMS}Create": "EnableDr",
    f"{ITEMS}Update": "UpdateVmProperties",
    f"{ITEMS}Delete": "DisableDr",
}
"""The scenarios whose names are not the last part of the operation's id."""
_ERROR = {
    "errorCode": "150097",
    "errorMessage": "The disk is not consistent",
    "possibleCauses": "The machine was under load",
    "recommendedAction": "Run it again at night",
}

_FAILED = Ran("Failed", "", "it does not work")
_HANGS = timedelta(minutes=25)
"""Longer than a cutover waits for an instance that is asked to stop."""
_AWS_LAG = timedelta(seconds=50)
"""How old what AWS shows may be. A run relies on less than a minute."""
_AWS_LAGS_FOR = timedelta(minutes=5)
_REFUSALS = 7
"""More than the five rounds after which a cutover gives up."""

LOOK = f"{AWS}look"
QUIESCED = f"{AWS}quiesce"

_NO_WORD = re.compile("[^a-z0-9]+")

Act = Callable[[Wire, Call], Response]


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: its name in plans and in the table.
        meets: whether it can meet a call, and would change something there.
        act: answers the call that it meets.
        ends_run: whether the run may end without having got there. What comes after is then up to
            the next run. Otherwise the run itself must get there.
        repeats: operations that may be accepted once more because of it, given the one it met.
        kills: whether its driver is gone, with all that it knew.
        lags: whether lists lag because of it.
    """

    name: str
    meets: Callable[[Wire, Call], bool]
    act: Act
    ends_run: bool = False
    repeats: Callable[[str], Collection[str]] = lambda operation: ()
    kills: bool = False
    lags: bool = False

    @property
    def slug(self) -> str:
        """The name as the names of plans have it."""
        return _NO_WORD.sub("-", self.name.lower())


def on_read(wire: Wire, call: Call) -> bool:
    """Any call of Azure that changes nothing."""
    return not call.changes and not call.of_aws


def on_change(wire: Wire, call: Call) -> bool:
    """Any call of Azure that changes something."""
    return call.changes and not call.of_aws


def on_aws_change(wire: Wire, call: Call) -> bool:
    """Any call of AWS that changes something."""
    return call.changes and call.of_aws


def _on_aws_read(wire: Wire, call: Call) -> bool:
    return not call.changes and call.of_aws


def _on_azure(wire: Wire, call: Call) -> bool:
    return not call.of_aws


def _on_any_change(wire: Wire, call: Call) -> bool:
    return call.changes


def _any(wire: Wire, call: Call) -> bool:
    return True


# -- the answer is lost, or another one -------------------------------------------------------


def _refusal(status: int, code: str) -> Response:
    headers = {}
    if status == 429:
        headers["Retry-After"] = "5"
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return ArmError(status, code, "A fault of the campaign.", headers=headers).response()


def _dropped() -> Response:
    return Response(503, dropped=True)


def _instead(answer: Callable[[], Response], *, accepted: bool = False, times: int = 1) -> Act:
    """Answer the call, and the next ones that are the same, otherwise than the service."""

    def act(wire: Wire, call: Call) -> Response:
        left = times - 1

        def again(later: Call) -> Response | None:
            nonlocal left
            if left == 0 or (later.url, later.changes) != (call.url, call.changes):
                return None
            left -= 1
            return answer()

        if accepted:
            wire.pass_on(call)
        wire.effects.append(again)
        return answer()

    return act


def _late(wire: Wire, call: Call) -> Response:
    answer = wire.pass_on(call)
    wire.clock.advance(_LATE)
    return answer


# -- lists that lag ----------------------------------------------------------------------------


def _lag(wire: Wire, bodies: dict[str, Any], rounds: int) -> None:
    left, points_until = dict.fromkeys(bodies, rounds), wire.clock.now() + _POINTS_LAG

    def answer(later: Call) -> Response | None:
        if later.changes or not left.get(later.url):
            return None
        if "/recoverypoints?" in later.url and wire.clock.now() >= points_until:
            return None
        left[later.url] -= 1
        return Response(200, bodies[later.url])

    wire.effects.append(answer)


def _urls(wire: Wire, call: Call, which: str) -> list[str]:
    return [url for url in wire.past if (url == call.url) is (which == "this")]


def _lagging(name: str, which: str, how: str) -> Kind:
    """Lists that lag from a read on: `this` one, or the `others`, so that they disagree."""

    def bodies(wire: Wire, call: Call) -> dict[str, Any]:
        return older(wire, _urls(wire, call, which), how)

    def meets(wire: Wire, call: Call) -> bool:
        return call.lists and bool(bodies(wire, call))

    def act(wire: Wire, call: Call) -> Response:
        _lag(wire, bodies(wire, call), ROUNDS)
        return next(filter(None, (effect(call) for effect in wire.effects)), wire.pass_on(call))

    return Kind(name, meets, act, lags=True)


def _and_lag(act: Act, rounds: int) -> Act:
    """From a change on, all lists answer as before it."""

    def acting(wire: Wire, call: Call) -> Response:
        _lag(wire, older(wire, wire.past, "newest"), rounds)
        return act(wire, call)

    return acting


# -- jobs ----------------------------------------------------------------------------------------


def _in_job(job: dict[str, Any] | None, delay: timedelta | None, *, of_plan: bool = False) -> Act:
    """Let the job that a change starts fail or take longer."""

    def act(wire: Wire, call: Call) -> Response:
        scenario = _SCENARIOS.get(call.operation, call.operation.rpartition("_")[2])
        wire.set_fault(
            {
                "operation": call.operation if of_plan else scenario,
                **({"job": job} if job is not None else {}),
                **({"delaySeconds": delay.total_seconds()} if delay is not None else {}),
            }
        )
        return wire.pass_on(call)

    return act


def _on_job(wire: Wire, call: Call) -> bool:
    # The job that changes a plan is no operation of a machine, and repeated in the same run.
    # A virtual machine is switched off and tagged without a job.
    others = (f"{PLANS}Create", f"{PLANS}Update")
    return (
        call.changes and call.operation.startswith("Replication") and call.operation not in others
    )


def _on_plan_job(wire: Wire, call: Call) -> bool:
    return _on_job(wire, call) and call.operation.startswith(PLANS)


def _after_failure(operation: str) -> set[str]:
    part = operation.rpartition("_")[2]
    repeated = {operation, f"{ITEMS}{part}", f"{PLANS}{part}"}
    # A replication that did not begin is removed before it begins anew.
    return repeated | ({f"{ITEMS}Delete"} if part == "Create" else set())


def shows_in_lists_only(operation: str) -> Collection[str]:
    # A discovery or a plan that is being saved cannot be read by itself. A driver that knows
    # nothing of it, and whose lists lag, asks again, which changes nothing.
    return _DISCOVER, f"{PLANS}Create", f"{PLANS}Update"


def _at_the_same_moment(operation: str) -> Collection[str]:
    # Two stacks that look before either has asked both ask for a discovery: no single read tells
    # of it, and the service accepts both. A machine that is known already is not added again, and
    # if the second job fails, the machine goes on. Everything else the service accepts once: it
    # is busy, or the item has the name already.
    return (_DISCOVER,)


def _shown(state: str, of: tuple[str, ...], task: str | None) -> tuple[Callable[..., bool], Act]:
    """Show one job in another state than its tasks, in this answer."""

    def job(call: Call) -> dict[str, Any] | None:
        if call.answer is None or not call.operation.startswith("ReplicationJobs_"):
            return None
        body: Any = call.answer.body
        jobs = body.get("value", [body]) if isinstance(body, dict) else []
        known = [each for each in jobs if each.get("properties", {}).get("state") in of]
        return next(iter(known), None)

    def meets(wire: Wire, call: Call) -> bool:
        return job(call) is not None

    def act(wire: Wire, call: Call) -> Response:
        answer = copy.deepcopy(wire.pass_on(call))
        call.answer = answer
        properties = (job(call) or {})["properties"]
        properties["state"] = state
        if task is not None and properties.get("tasks"):
            properties["tasks"][0]["state"] = task
        return answer

    return meets, act


def _disagreeing(name: str, state: str, of: tuple[str, ...], task: str | None = None) -> Kind:
    return Kind(name, *_shown(state, of, task))


# -- AWS -----------------------------------------------------------------------------------------


def _on_scripts(*which: str) -> Callable[[Wire, Call], bool]:
    return lambda wire, call: call.operation in {f"{AWS}{script}" for script in which}


def _script_fails(wire: Wire, call: Call) -> Response:
    assert wire.sources is not None
    wire.sources.results[call.instance, ""] = _FAILED
    try:
        return wire.pass_on(call)
    finally:
        wire.sources.results.clear()


def _does_not_stop(wire: Wire, call: Call) -> Response:
    """For a while EC2 shows it as running again, however often it is asked to stop."""
    sources, until = wire.sources, wire.clock.now() + _HANGS
    assert sources is not None
    sources.stops = {**sources.stops, call.instance: "running"}

    def over(later: Call) -> None:
        if wire.clock.now() >= until:
            sources.stops = {}

    wire.effects.append(over)
    return wire.pass_on(call)


def _aws_lags(wire: Wire) -> None:
    """For some minutes AWS shows instances as they were some seconds ago."""
    until = wire.clock.now() + _AWS_LAGS_FOR

    def answer(later: Call) -> Response | None:
        now = wire.clock.now()
        if later.operation != LOOK or now >= until:
            return None
        true: dict[str, Source] = wire.pass_on(later).body["returned"]
        wire.remember_sources(true)
        shown = {
            instance: next(source for source, at in wire.seen[instance] if now - at <= _AWS_LAG)
            for instance in true
        }
        return Response(200, {"returned": shown})

    wire.effects.append(answer)


def _on_look(wire: Wire, call: Call) -> bool:
    return call.operation == LOOK


def _aws_lagging(wire: Wire, call: Call) -> Response:
    _aws_lags(wire)
    answer = wire.effects[-1](call)
    assert answer is not None
    return answer


def _and_aws_lags(act: Act) -> Act:
    """From a change on, AWS shows instances as they were some seconds ago."""

    def acting(wire: Wire, call: Call) -> Response:
        _aws_lags(wire)
        return act(wire, call)

    return acting


def _anew(operation: str) -> Collection[str]:
    # A step fails, so the source is given back, and the next run begins its cutover anew.
    return (QUIESCED,)


# -- drivers -------------------------------------------------------------------------------------


def _killed_before(wire: Wire, call: Call) -> Response:
    wire.kill()
    raise AssertionError


def _killed_after(wire: Wire, call: Call) -> Response:
    wire.pass_on(call)
    return _killed_before(wire, call)


def _joined(wire: Wire, call: Call) -> Response:
    wire.start_another()
    return wire.pass_on(call)


def _unauthorized() -> Response:
    return _refusal(403, "UnauthorizedOperation")


_refused = _instead(_unauthorized, times=_REFUSALS)


def _on_stop(wire: Wire, call: Call) -> bool:
    return call.operation == f"{AWS}stop"


KINDS = (
    Kind("dropped before acceptance", on_change, _instead(_dropped)),
    Kind("dropped after acceptance", on_change, _instead(_dropped, accepted=True)),
    Kind(
        "dropped after acceptance, lists lag",
        on_change,
        _and_lag(_instead(_dropped, accepted=True), LONG_ROUNDS),
        lags=True,
    ),
    Kind("503 before acceptance", on_change, _instead(lambda: _refusal(503, "ServerBusy"))),
    Kind(
        "500 after acceptance",
        on_change,
        _instead(lambda: _refusal(500, "InternalServerError"), accepted=True),
    ),
    Kind(
        "500 after acceptance, lists lag",
        on_change,
        _and_lag(
            _instead(lambda: _refusal(500, "InternalServerError"), accepted=True), LONG_ROUNDS
        ),
        lags=True,
    ),
    Kind(
        "accepted, lists lag",
        on_change,
        _and_lag(lambda w, c: w.pass_on(c), LONG_ROUNDS),
        lags=True,
    ),
    Kind("429", on_change, _instead(lambda: _refusal(429, "TooManyRequests"))),
    Kind("409", on_change, _instead(lambda: _refusal(409, "Conflict"))),
    Kind("read: dropped", on_read, _instead(_dropped, times=ATTEMPTS)),
    Kind("read: 429", on_read, _instead(lambda: _refusal(429, "TooManyRequests"), times=ATTEMPTS)),
    Kind("read: 500", on_read, _instead(lambda: _refusal(500, "Internal"), times=ATTEMPTS)),
    Kind("read: 503", on_read, _instead(lambda: _refusal(503, "ServerBusy"), times=ATTEMPTS)),
    Kind("read: 404 once", on_read, _instead(lambda: _refusal(404, "ResourceNotFound"))),
    Kind("token expired", _on_azure, _instead(lambda: _refusal(401, "ExpiredAuthenticationToken"))),
    Kind("late answer", _any, _late),
    _lagging("list: before its last change", "this", "before"),
    _lagging("list: as in the beginning", "this", "first"),
    _lagging("list: empty", "this", "empty"),
    _lagging("other lists: before their last change", "others", "before"),
    _lagging("other lists: as in the beginning", "others", "first"),
    _lagging("other lists: empty", "others", "empty"),
    Kind("job fails", _on_job, _in_job(_ERROR, None), ends_run=True, repeats=_after_failure),
    Kind(
        "job of the plan fails",
        _on_plan_job,
        _in_job(_ERROR, None, of_plan=True),
        ends_run=True,
        repeats=_after_failure,
    ),
    Kind("job takes an hour longer", _on_job, _in_job(None, timedelta(hours=1))),
    _disagreeing("job ahead of its tasks", "Succeeded", ("InProgress",)),
    _disagreeing("job behind its tasks", "InProgress", ("Succeeded",)),
    _disagreeing("job ahead of a failed task", "InProgress", ("InProgress",), "Failed"),
    Kind("driver killed before", _any, _killed_before, ends_run=True, kills=True),
    Kind("driver killed after", _on_any_change, _killed_after, ends_run=True, kills=True),
    Kind(
        "driver killed after, lists lag",
        on_change,
        _and_lag(_killed_after, ROUNDS),
        ends_run=True,
        repeats=shows_in_lists_only,
        kills=True,
        lags=True,
    ),
    Kind("AWS: refused", on_aws_change, _instead(_unauthorized)),
    Kind("AWS: refused in several rounds", on_aws_change, _refused, ends_run=True, repeats=_anew),
    Kind("AWS: no answer after acceptance", on_aws_change, _instead(_dropped, accepted=True)),
    Kind("AWS: read refused", _on_aws_read, _instead(_unauthorized)),
    Kind("AWS: instances shown late", _on_look, _aws_lagging),
    Kind("AWS: script fails", _on_scripts("quiesce", "fence"), _script_fails, True, _anew),
    Kind("AWS: instance does not stop", _on_stop, _does_not_stop, ends_run=True, repeats=_anew),
    Kind(
        "driver killed after, AWS lags",
        on_aws_change,
        _and_aws_lags(_killed_after),
        ends_run=True,
        repeats=_anew,
        kills=True,
    ),
    Kind("a second driver", _any, _joined, ends_run=True, repeats=_at_the_same_moment),
)
BY_SLUG = {kind.slug: kind for kind in KINDS}
