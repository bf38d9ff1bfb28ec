from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta

import pytest

from emulator.kernel.clock import EPOCH, Clock
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document, Store
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World, resumed_clock
from tests.emulator.conftest import GROUP, Arm


def make_world(
    store: Store | None = None, clock: Clock | None = None, **handlers: Callable[..., Response]
) -> World:
    routes = Routes()
    for name, handler in handlers.items():
        routes.route("POST", f"/{name}", name)(handler)
    return World(store or Store(), clock or Clock(), routes, seed=3)


def post(world: World, name: str) -> Response:
    return world.handle(Request("POST", f"/{name}"))


def test_events_run_in_order_of_their_time_before_the_next_request() -> None:
    seen: list[tuple[int, int]] = []

    def plan(world: World, request: Request) -> Response:
        for seconds in (30, 10, 20):
            world.schedule(timedelta(seconds=seconds), "note", {"after": seconds})
        return Response(200)

    world = make_world(plan=plan, nothing=lambda world, request: Response(200))
    world.on(
        "note",
        lambda world, payload: seen.append((payload["after"], (world.now - EPOCH).seconds)),
    )
    post(world, "plan")
    world.clock.advance(timedelta(seconds=25))
    post(world, "nothing")
    assert seen == [(10, 10), (20, 20)]
    world.clock.advance(timedelta(seconds=100))
    world.settle()
    assert seen == [(10, 10), (20, 20), (30, 30)]
    assert world.now - EPOCH == timedelta(seconds=125)


def test_an_event_may_schedule_another_that_is_due_at_once() -> None:
    seen: list[float] = []

    def tick(world: World, payload: Document) -> None:
        seen.append((world.now - EPOCH).total_seconds())
        if len(seen) < 3:
            world.schedule(timedelta(seconds=10), "tick", {})

    world = make_world()
    world.on("tick", tick)
    with world.store.transaction():
        world.schedule(timedelta(seconds=10), "tick", {})
    world.clock.advance(timedelta(minutes=5))
    world.settle()
    assert seen == [10, 20, 30]


def test_a_refused_request_changes_nothing_and_schedules_nothing() -> None:
    seen: list[str] = []

    def refuse(world: World, request: Request) -> Response:
        world.store.put("thing", "/t", {})
        world.schedule(timedelta(seconds=1), "note", {})
        world.audit("refuse")
        raise ArmError(409, "Conflict", "Not now.")

    world = make_world(refuse=refuse)
    world.on("note", lambda world, payload: seen.append("ran"))
    response = post(world, "refuse")
    assert (response.status, response.body["error"]["code"]) == (409, "Conflict")
    world.clock.advance(timedelta(seconds=5))
    world.settle()
    assert (seen, world.store.list("thing"), world.audited()) == ([], [], [])


def test_a_handler_that_breaks_is_answered_500_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(world: World, request: Request) -> Response:
        world.store.put("thing", "/t", {})
        raise KeyError("unforeseen")

    world = make_world(broken=broken)
    response = post(world, "broken")
    assert (response.status, response.body["error"]["code"]) == (500, "InternalServerError")
    assert world.store.list("thing") == []
    assert "unforeseen" in caplog.text


def test_an_event_that_breaks_is_dropped_and_time_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    def broken(world: World, payload: Document) -> None:
        world.store.put("thing", "/t", {})
        raise KeyError("unforeseen")

    world = make_world()
    world.on("broken", broken)
    world.on("note", lambda world, payload: seen.append("ran"))
    with world.store.transaction():
        world.schedule(timedelta(seconds=1), "broken", {})
        world.schedule(timedelta(seconds=2), "note", {})
    world.clock.advance(timedelta(seconds=5))
    world.settle()
    world.settle()
    assert (seen, world.store.list("thing"), world.store.list("event")) == (["ran"], [], [])
    assert caplog.text.count("the event broken failed") == 1


def test_an_event_that_could_not_be_written_comes_due_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    world = make_world(nothing=lambda world, request: Response(200))
    world.on("note", lambda world, payload: seen.append("ran"))
    with world.store.transaction():
        world.schedule(timedelta(seconds=1), "note", {})
    world.clock.advance(timedelta(seconds=5))

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "_write", full)
        assert post(world, "nothing").status == 500
        assert len(world.store.list("event")) == 1
    assert post(world, "nothing").status == 200
    assert (seen, world.store.list("event")) == (["ran", "ran"], [])


def test_chance_follows_from_the_seed_and_the_subject_alone() -> None:
    one, other = make_world(), make_world()
    with one.store.transaction():
        one.guid()
    assert one.guid("vault", 1) == other.guid("vault", 1)
    assert one.guid("vault", 1) != one.guid("vault", 2)
    assert one.random("jitter").random() == other.random("jitter").random()


def test_changes_are_audited_once_by_operation_unless_the_handler_says_more() -> None:
    def plain(world: World, request: Request) -> Response:
        return Response(200)

    def telling(world: World, request: Request) -> Response:
        world.audit("failover", machine="web-01", job="j1")
        return Response(202)

    world = make_world(plain=plain, telling=telling)
    post(world, "plain")
    post(world, "telling")
    post(world, "plain")
    told = [(entry["operation"], entry.get("machine")) for entry in world.audited()]
    assert told == [("plain", None), ("failover", "web-01"), ("plain", None)]
    numbers = [entry["number"] for entry in world.audited()]
    assert numbers == sorted(set(numbers))


def test_time_events_and_state_go_on_in_a_new_process(reopened: Callable[[], Arm]) -> None:
    arm = reopened()
    vault = (
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
        "/providers/Microsoft.RecoveryServices/vaults/rsv"
    )
    arm.put(vault.partition("/providers")[0], {"location": "westeurope"})
    arm.pass_time(3600)
    arm.put(vault, {"location": "westeurope", "sku": {"name": "Standard"}})
    stood = arm.world.now

    arm = reopened()
    assert arm.world.clock.now() == stood
    assert arm.get(vault)["properties"]["provisioningState"] == "Provisioning"
    arm.pass_time(60)
    assert arm.get(vault)["properties"]["provisioningState"] == "Succeeded"


def test_no_answer_told_a_later_time_than_a_killed_world_goes_on_from(
    reopened: Callable[[], Arm],
) -> None:
    arm = reopened()
    told = []
    for path in ("/_emulator/health?", f"{GROUP}?api-version=2024-03-01", "/nowhere?"):
        arm.world.clock.advance(timedelta(seconds=17))
        told.append(arm.call("GET", path).headers["Date"])
        arm = reopened()
        assert arm.call("GET", "/_emulator/health?").headers["Date"] == told[-1]
    assert told == sorted(set(told))


def test_the_scale_is_kept_with_the_time(reopened: Callable[[], Arm]) -> None:
    arm = reopened()
    assert arm.call("PUT", "/_emulator/clock", {"scale": 12.5}).status == 200
    assert reopened().world.clock.scale == 12.5


def test_a_resumed_clock_refuses_a_negative_scale() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        resumed_clock(Store(), -1)


def test_unknown_paths_and_methods_are_refused_as_arm_does() -> None:
    world = make_world(thing=lambda world, request: Response(200))
    assert world.handle(Request("GET", "/nowhere")).status == 404
    response = world.handle(Request("PATCH", "/thing"))
    assert (response.status, response.headers["Allow"]) == (405, "POST")


def test_every_answer_tells_the_virtual_time() -> None:
    world = make_world(thing=lambda world, request: Response(200))
    world.clock.advance(timedelta(hours=2))
    assert post(world, "thing").headers["Date"] == "Mon, 05 Jan 2026 10:00:00 GMT"
