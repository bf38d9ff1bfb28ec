"""The next step of a cutover, forward and back, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_recovery import cutover, cutover_end, cutover_memory
from site_recovery.cutover_memory import Interface, Memory, Source
from site_recovery.declared.cutover import Commands, Cutover, Mode, Quiesce
from site_recovery.fencing import Fencing
from site_recovery.reasons import Reason
from site_recovery.snapshot import RecoveryPoint

NOW = datetime(2026, 12, 5, 22, tzinfo=UTC)
FENCE, OWN = "sg-fence", "sg-own"
FENCING = Fencing(FENCE, frozenset({OWN, "sg-own-2"}))
LOSSLESS = Cutover(mode=Mode.LOSSLESS)
QUIESCING = Cutover(
    mode=Mode.LOSSLESS,
    quiesce=Quiesce(ssm=Commands(linux=["stop"]), resume=Commands(linux=["start"])),
)
FREE = Source("i-1", "running", (Interface("eni-1", ("sg-a", "sg-b")),))


def with_tags(source: Source, **tags: str) -> Source:
    added = {f"site-recovery:cutover-{name}": text for name, text in tags.items()}
    return replace(source, tags={**source.tags, **added})


def having(source: Source, *groups: str) -> Source:
    return replace(source, interfaces=(Interface("eni-1", groups),))


BEGUN = replace(FREE, tags=cutover_memory.beginning(FREE, NOW, FENCE))
FENCED = replace(BEGUN, interfaces=(Interface("eni-1", (FENCE,)),))
PROVEN = with_tags(FENCED, fenced=NOW.isoformat())
CHOSEN = with_tags(PROVEN, point="p1")
STOPPING = replace(with_tags(CHOSEN, stopped=NOW.isoformat()), state="stopping")
STOPPED = replace(STOPPING, state="stopped")


@pytest.mark.parametrize(
    ("source", "declared", "step"),
    [
        (FREE, LOSSLESS, cutover.Remember()),
        (BEGUN, LOSSLESS, cutover.Fence(("eni-1",))),
        (BEGUN, QUIESCING, cutover.RunQuiesce()),
        (with_tags(BEGUN, quiesced="x"), QUIESCING, cutover.Fence(("eni-1",))),
        (FENCED, LOSSLESS, cutover.Prove()),
        (FENCED, Cutover(mode=Mode.STOP_FIRST), cutover.NoteFence()),
        (PROVEN, LOSSLESS, cutover.ChoosePoint(NOW)),
        (CHOSEN, LOSSLESS, cutover.Stop()),
        (replace(STOPPING, state="running"), LOSSLESS, cutover.Stop()),
        (STOPPED, LOSSLESS, cutover.Ready("p1")),
        # A refresh and the run after it put the stack's own group beside the fence.
        (having(FENCED, FENCE, OWN), LOSSLESS, cutover.Fence(("eni-1",))),
        (having(PROVEN, FENCE, OWN), LOSSLESS, cutover.FenceAnew()),
        (having(CHOSEN, OWN, FENCE), Cutover(mode=Mode.STOP_FIRST), cutover.FenceAnew()),
        (
            replace(having(STOPPING, FENCE, OWN), state="running"),
            LOSSLESS,
            cutover.FenceAnew(),
        ),
        (having(STOPPING, FENCE, OWN), LOSSLESS, cutover.Fence(("eni-1",))),
        (having(STOPPED, FENCE, OWN), LOSSLESS, cutover.Fence(("eni-1",))),
        # Quiesce that was declared when the fence was proven already is not run any more.
        (STOPPED, QUIESCING, cutover.Ready("p1")),
    ],
)
def test_the_next_step_forward(source: Source, declared: Cutover, step: cutover.Step) -> None:
    assert cutover.next_step(declared, source, FENCING, NOW) == step


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (replace(FREE, state="stopped"), Reason.SOURCE_UNAVAILABLE),
        (replace(BEGUN, state="stopped"), Reason.CUTOVER_DISTURBED),
        (replace(CHOSEN, interfaces=FREE.interfaces), Reason.CUTOVER_DISTURBED),
        (having(CHOSEN, OWN), Reason.CUTOVER_DISTURBED),
        (having(CHOSEN, FENCE, OWN, "sg-a"), Reason.CUTOVER_DISTURBED),
        (having(STOPPED, FENCE, "sg-a"), Reason.CUTOVER_DISTURBED),
    ],
)
def test_what_somebody_else_changed_ends_it(source: Source, reason: Reason) -> None:
    step = cutover.next_step(LOSSLESS, source, FENCING, NOW)
    assert isinstance(step, cutover.GiveUp)
    assert step.reason is reason


def test_an_instance_that_was_asked_to_stop_is_waited_for() -> None:
    assert cutover.next_step(LOSSLESS, STOPPING, FENCING, NOW, asked=NOW) == cutover.AwaitStop()


@pytest.mark.parametrize(
    ("source", "forward", "back"),
    [
        (replace(STOPPED, state="terminated"), cutover.Ready("p1"), cutover.Lost()),
        (replace(CHOSEN, state="terminated"), cutover.Ready("p1"), cutover.Lost()),
        (
            replace(PROVEN, state="terminated"),
            cutover.GiveUp(Reason.SOURCE_UNAVAILABLE, "instance i-1 is terminated"),
            cutover.Lost(),
        ),
        # Nothing is noted of it before its end: what is being given back does not go on to Azure.
        (replace(CHOSEN, state="shutting-down"), cutover.AwaitStop(), cutover.AwaitStart()),
    ],
)
def test_an_instance_that_somebody_terminates_can_only_go_forward(
    source: Source, forward: cutover.Step, back: cutover.BackStep
) -> None:
    later = NOW + timedelta(hours=5)
    assert cutover.next_step(LOSSLESS, source, FENCING, later) == forward
    assert cutover.next_back(LOSSLESS, source, FENCING, later, resumed=False) == back


def test_an_instance_that_hangs_ends_it() -> None:
    now = NOW + timedelta(minutes=21)
    step = cutover.next_step(LOSSLESS, STOPPING, FENCING, now, asked=NOW)
    assert isinstance(step, cutover.GiveUp)
    assert step.reason is Reason.SOURCE_DOES_NOT_STOP
    assert "21 minutes" in step.what


@pytest.mark.parametrize("state", ["running", "stopping"])
def test_a_stop_that_an_earlier_run_noted_is_asked_for_again(state: str) -> None:
    """That run may have been killed before it asked for it."""
    source, now = replace(STOPPING, state=state), NOW + timedelta(hours=5)
    assert cutover.next_step(LOSSLESS, source, FENCING, now) == cutover.Stop()


BACK = with_tags(STOPPED, restoring="why", quiesced="x")


@pytest.mark.parametrize(
    ("source", "resumed", "step"),
    [
        (FREE, False, cutover.Restored()),
        (STOPPED, False, cutover.NoteRestoring()),
        (BACK, False, cutover.GiveGroups({"eni-1": ("sg-a", "sg-b")})),
        (replace(BACK, interfaces=FREE.interfaces), False, cutover.Start()),
        (
            replace(BACK, interfaces=FREE.interfaces, state="stopping"),
            False,
            cutover.AwaitStart(),
        ),
        (replace(BACK, interfaces=FREE.interfaces, state="running"), False, cutover.RunResume()),
        (replace(BACK, interfaces=FREE.interfaces, state="running"), True, cutover.Forget()),
        # An interface that was detached meanwhile has nothing to get back.
        (replace(BACK, interfaces=(), state="running"), True, cutover.Forget()),
    ],
)
def test_the_next_step_back(source: Source, resumed: bool, step: cutover.BackStep) -> None:
    later = NOW + timedelta(hours=1)
    assert cutover.next_back(QUIESCING, source, FENCING, later, resumed=resumed) == step


@pytest.mark.parametrize("again", [True, False], ids=["by this run", "by another run"])
def test_an_instance_that_was_just_asked_to_stop_may_stop_yet(*, again: bool) -> None:
    """EC2 may show it as running, and then nobody would start it again."""
    source = replace(BACK, interfaces=FREE.interfaces, state="running")
    asked = NOW + timedelta(hours=5) if again else None
    now = (asked or NOW) + timedelta(seconds=50)
    step = cutover.next_back(QUIESCING, source, FENCING, now, resumed=True, asked=asked)
    assert step == cutover.AwaitStart()
    later = now + timedelta(seconds=10)
    step = cutover.next_back(QUIESCING, source, FENCING, later, resumed=True, asked=asked)
    assert step == cutover.Forget()


@pytest.mark.parametrize(
    ("noted", "held", "gives", "keeps"),
    [
        (FENCE, (FENCE,), True, False),
        (FENCE, (FENCE, OWN), True, False),
        ("sg-fence-of-an-earlier-stack", ("sg-fence-of-an-earlier-stack",), True, False),
        (FENCE, ("sg-else",), False, True),
        (FENCE, ("sg-a",), False, True),
        (FENCE, ("sg-b", "sg-a"), False, False),
        # The stack gave it its own group since.
        (FENCE, ("sg-a", "sg-b", OWN), False, False),
        # It began before the fence was noted.
        ("", ("sg-else",), True, False),
    ],
)
def test_groups_are_given_back_in_place_of_a_fence_only(
    noted: str, held: tuple[str, ...], *, gives: bool, keeps: bool
) -> None:
    begun = with_tags(BEGUN, restoring="why", fence=noted)
    source = replace(begun, interfaces=(Interface("eni-1", held),))
    step = cutover.next_back(LOSSLESS, source, FENCING, NOW, resumed=False)
    assert step == (cutover.GiveGroups({"eni-1": ("sg-a", "sg-b")}) if gives else cutover.Forget())
    assert cutover.kept(source, FENCING) == (("eni-1",) if keeps else ())


@pytest.mark.parametrize(("later", "counts"), [(-1, False), (1, True)])
def test_a_note_of_an_earlier_migration_does_not_count(later: int, *, counts: bool) -> None:
    noted = NOW + timedelta(minutes=later)
    source = replace(STOPPED, tags={**STOPPED.tags, cutover_memory.MIGRATED_AT: noted.isoformat()})
    assert source.memory.migrated_at == (noted if counts else None)


def test_an_instance_that_somebody_else_stopped_is_not_started() -> None:
    begun = with_tags(replace(BEGUN, state="stopped"), restoring="why")
    assert cutover.next_back(LOSSLESS, begun, FENCING, NOW, resumed=False) == cutover.Forget()


MIGRATED = replace(
    STOPPED,
    tags={
        **STOPPED.tags,
        cutover_memory.MIGRATED_TO: "vm",
        cutover_memory.MIGRATED_AT: NOW.isoformat(),
    },
)


@pytest.mark.parametrize(
    ("groups", "step"),
    [
        ((FENCE,), cutover_end.Terminate()),
        ((FENCE, OWN), cutover_end.Terminate()),
        ((OWN,), cutover_end.Keep("it is not fenced any more")),
        ((FENCE, OWN, "sg-a"), cutover_end.Keep("it is not fenced any more")),
    ],
)
def test_a_source_that_is_due_is_terminated_if_it_is_fenced(
    groups: tuple[str, ...], step: cutover_end.EndStep
) -> None:
    source, after = having(MIGRATED, *groups), timedelta(days=14)
    assert cutover_end.next_end(source, FENCING, after, NOW + after) == step


ids = st.text("0123456789abcdef", min_size=17, max_size=17)


@given(
    st.dictionaries(
        ids.map("eni-{}".format),
        st.lists(ids.map("sg-{}".format), min_size=1, max_size=16, unique=True),
        min_size=1,
        max_size=4,
    )
)
def test_the_tags_remember_every_group_of_every_interface(groups: dict[str, list[str]]) -> None:
    interfaces = tuple(Interface(each, tuple(its)) for each, its in groups.items())
    tags = cutover_memory.beginning(Source("i-1", "running", interfaces), NOW, FENCE)

    memory = Memory.read(tags)

    assert memory.began == NOW
    assert memory.groups == {each.id: each.groups for each in interfaces}
    assert all(len(text) <= 256 for text in tags.values())
    assert all(cutover_memory.is_ours(name) for name in tags)


def test_an_interface_that_was_attached_since_is_remembered_beside_the_others() -> None:
    other = Interface("eni-2", tuple(f"sg-{number}" for number in range(12)))
    attached = replace(BEGUN, interfaces=(*BEGUN.interfaces, other))
    assert cutover.next_step(LOSSLESS, attached, FENCING, NOW) == cutover.Remember(("eni-2",))

    tags = cutover_memory.since(attached, ("eni-2",))

    memory = Memory.read({**attached.tags, **tags})
    assert memory.began == NOW
    assert memory.groups == {each.id: each.groups for each in attached.interfaces}
    remembered = replace(attached, tags={**attached.tags, **tags})
    assert cutover.next_step(LOSSLESS, remembered, FENCING, NOW) == cutover.Fence(
        ("eni-1", "eni-2")
    )


@pytest.mark.parametrize("before", [2, 12, 30])
@pytest.mark.parametrize("after", [1, 9, 20])
def test_groups_that_an_interface_got_since_are_remembered_in_place_of_the_former_ones(
    before: int, after: int
) -> None:
    """A run was killed before its fence, and somebody changed the machine in the hours since."""
    former, new = (
        [f"sg-{which}{n}" for n in range(many)] for which, many in (("a", before), ("b", after))
    )
    other = Interface("eni-2", tuple(f"sg-{number}" for number in range(12)))
    free = replace(FREE, interfaces=(Interface("eni-1", tuple(former)), other))
    begun = replace(free, tags=cutover_memory.beginning(free, NOW, FENCE))
    changed = replace(begun, interfaces=(Interface("eni-1", tuple(new)), other))
    assert cutover.next_step(LOSSLESS, changed, FENCING, NOW) == cutover.Remember(("eni-1",))

    tags = {**begun.tags, **cutover_memory.since(changed, ("eni-1",))}

    remembered = replace(changed, tags=tags)
    assert remembered.memory.groups == {each.id: each.groups for each in changed.interfaces}
    step = cutover.next_step(LOSSLESS, remembered, FENCING, NOW)
    assert step == cutover.Fence(("eni-1", "eni-2"))


@given(st.text())
def test_any_text_becomes_the_value_of_a_tag(text: str) -> None:
    assert len(cutover_memory.value(text)) <= 256


def point(minute: int, *, application: bool = False) -> RecoveryPoint:
    return RecoveryPoint(f"p{minute}", NOW + timedelta(minutes=minute), application)


@pytest.mark.parametrize(
    ("consistency", "chosen"), [("crash", "p3"), ("application", "p8")], ids=str
)
def test_the_first_point_after_the_fence_is_chosen(consistency: str, chosen: str) -> None:
    declared = Cutover.model_validate({"mode": "lossless", "consistency": consistency})
    points = [point(8, application=True), point(3), point(0), point(-2, application=True)]
    found = cutover.point_after(points, NOW, declared)
    assert found is not None
    assert found.id == chosen


def test_a_machine_sets_single_keys_over_its_wave() -> None:
    wave = Cutover.model_validate({"mode": "lossless", "recoveryPointWait": "1h"})
    own = Cutover.model_validate({"mode": "stop-first"})
    both = own.over(wave)
    assert both.mode is Mode.STOP_FIRST
    assert both.recovery_point_wait == timedelta(hours=1)
