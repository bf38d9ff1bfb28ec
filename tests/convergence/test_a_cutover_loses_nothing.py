"""A fenced failover: the source is prepared step by step, and given back if something fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from site_recovery import cutover_memory
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.convergence.sources import Ran
from site_recovery.declared.cutover import Commands, Cutover, Mode, Quiesce
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import STRICT, Fleet
from tests.convergence.sources import FENCE as FENCE_GROUP
from tests.convergence.sources import EstateSources, Killed
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import GROUP, Classic, linux, windows

FENCE = FENCE_GROUP.group_id
FAILOVER = "ReplicationProtectedItems_UnplannedFailover"
VM = "/providers/Microsoft.Compute/virtualMachines"
QUIESCE = Quiesce(
    ssm=Commands(windows=["Stop-Service W3SVC"], linux=["systemctl stop nginx"]),
    resume=Commands(windows=["Start-Service W3SVC"], linux=["systemctl start nginx"]),
)
LOSSLESS = Cutover(mode=Mode.LOSSLESS, quiesce=QUIESCE)
MACHINES = ("web-01", "db-01")


@copied
def protected_fleet(experience: Classic, kind: type[Fleet] = Fleet) -> Fleet:
    """A fleet of two that is protected, with sources that a run may change."""
    # RHEL 6, the one Linux of the classic experience, can neither end connections nor systemctl.
    classic = experience.name == "classic"
    database = windows(2) if classic else replace(linux(1), os="ubuntu-20.04")
    fleet = kind([windows(1), replace(database, name="db-01")], experience=experience)
    fleet.cutovers = dict.fromkeys(fleet.machines, LOSSLESS)
    fleet.sources = EstateSources(fleet.site)
    outcomes = fleet.drive(Phase.PROTECTED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    return fleet


@pytest.fixture
def protected(experience: Classic) -> Fleet:
    return protected_fleet(experience)


def sources(fleet: Fleet) -> EstateSources:
    assert fleet.sources is not None
    return fleet.sources


def instance(fleet: Fleet, machine: str) -> str:
    return fleet.machines[machine].id


def serves_as_before(fleet: Fleet, machine: str) -> bool:
    """Whether the source runs, with its own groups, and nothing of a cutover is left."""
    source = sources(fleet).source(instance(fleet, machine))
    own = fleet.machines[machine].security_groups
    tags = [name for name in source.tags if cutover_memory.is_ours(name)]
    held = source.interfaces[0].groups
    return source.state == "running" and held != (FENCE,) and not tags and bool(held or not own)


def lost(fleet: Fleet, machine: str) -> int:
    """How many records the source has written that its virtual machine does not have."""
    made = resources.find(fleet.site.world, f"{GROUP}{VM}/{machine}")
    assert made is not None
    return sources(fleet).written(instance(fleet, machine)) - int(made[PRIVATE]["record"])


def quiesced(fleet: Fleet, machine: str) -> int:
    """How often the application of a machine was stopped."""
    scripts = sources(fleet).scripts[instance(fleet, machine)]
    stops = {"systemctl stop nginx", "Stop-Service W3SVC"}
    return sum(not stops.isdisjoint(lines) for lines in scripts)


def keep(
    fleet: Fleet, machine: str, *, kept: bool = True, inside: dict[str, Any] | None = None
) -> None:
    """Let the machine end none of its connections; they last longer than a cutover."""
    inside = inside or sources(fleet).inside(instance(fleet, machine))
    for peer in inside["peers"]:
        peer["stays"] = None
    with fleet.site.world.store.transaction():
        fleet.site.world.store.put("guest/machine", instance(fleet, machine), inside)
    sources(fleet).goes_wrong(instance(fleet, machine), keepsConnections=kept)


def is_out_of_the_way(fleet: Fleet, machine: str) -> bool:
    source = sources(fleet).source(instance(fleet, machine))
    return source.state == "stopped" and source.interfaces[0].groups == (FENCE,)


def in_azure(fleet: Fleet) -> set[str]:
    listed = fleet.snapshot().virtual_machines
    return {each.tags.get("migrated-machine", each.name) for each in listed}


class TestForward:
    def test_each_machine_is_quiesced_fenced_stopped_and_failed_over_once(
        self, protected: Fleet
    ) -> None:
        outcomes = protected.drive(Phase.FAILED_OVER)

        assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
        for machine in protected.machines:
            assert is_out_of_the_way(protected, machine)
            assert protected.accepted(machine).count(FAILOVER) == 1
            assert quiesced(protected, machine) == 1

    def test_no_record_is_lost(self, protected: Fleet) -> None:
        """Without the quiesce, so that the clients write until the fence stops them."""
        protected.cutovers = dict.fromkeys(protected.machines, Cutover(mode=Mode.LOSSLESS))
        protected.drive(Phase.FAILED_OVER)
        assert {
            machine: lost(protected, machine) for machine in protected.machines
        } == dict.fromkeys(protected.machines, 0)

    def test_the_portals_way_loses_some(self, protected: Fleet) -> None:
        protected.cutovers = {}
        protected.drive(Phase.FAILED_OVER)
        assert all(lost(protected, machine) > 60 for machine in protected.machines)

    def test_it_fails_over_to_the_point_that_is_later_than_the_fence(
        self, protected: Fleet
    ) -> None:
        protected.drive(Phase.FAILED_OVER)

        for machine in protected.machines:
            memory = sources(protected).source(instance(protected, machine)).memory
            made = resources.find(protected.site.world, f"{GROUP}{VM}/{machine}")
            assert made is not None
            assert memory.point == made[PRIVATE]["recoveryPoint"]
            assert memory.fenced is not None
            assert made[PRIVATE]["recoveryPointTime"] > memory.fenced.isoformat()

    def test_the_source_says_what_it_became(self, protected: Fleet) -> None:
        protected.drive(Phase.FAILED_OVER)

        for machine in protected.machines:
            memory = sources(protected).source(instance(protected, machine)).memory
            assert memory.migrated_to.endswith(f"virtualMachines/{machine}")

    def test_a_clock_that_is_ahead_makes_it_wait_for_a_later_point(self, protected: Fleet) -> None:
        ahead = timedelta(minutes=12)
        for machine in protected.machines:
            seconds = ahead.total_seconds()
            sources(protected).goes_wrong(instance(protected, machine), clockSkewSeconds=seconds)

        protected.drive(Phase.FAILED_OVER)

        for machine in protected.machines:
            memory = sources(protected).source(instance(protected, machine)).memory
            assert memory.began is not None
            assert memory.fenced is not None
            assert memory.fenced - memory.began > ahead

    def test_a_connection_to_its_own_address_is_left_alone(self, protected: Fleet) -> None:
        own = protected.machines["db-01"].private_ip
        inside = sources(protected).inside(instance(protected, "db-01"))
        for peer in inside["peers"]:
            if not peer["name"].startswith("replication-"):
                peer["address"] = own
        keep(protected, "db-01", inside=inside)
        outcomes = protected.drive(Phase.FAILED_OVER)
        assert outcomes["db-01"].status is Status.SATISFIED, outcomes["db-01"].message

    def test_a_machine_in_azure_is_not_touched_again(self, protected: Fleet) -> None:
        protected.drive(Phase.FAILED_OVER)
        before = len(sources(protected).calls)

        protected.drive(Phase.MIGRATED)

        assert sources(protected).calls[before:] == []

    def test_with_stop_first_no_command_is_run(self, protected: Fleet) -> None:
        protected.cutovers = dict.fromkeys(protected.machines, Cutover(mode=Mode.STOP_FIRST))

        outcomes = protected.drive(Phase.FAILED_OVER)

        assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
        assert all(is_out_of_the_way(protected, machine) for machine in protected.machines)
        assert "send" not in [verb for verb, _ in sources(protected).calls]

    def test_with_latest_the_source_is_left_alone(self, protected: Fleet) -> None:
        protected.cutovers = {}

        protected.drive(Phase.FAILED_OVER)

        assert sources(protected).calls == []


class TestFailure:
    def check(self, fleet: Fleet, reason: Reason, said: str) -> None:
        outcomes = fleet.drive(Phase.FAILED_OVER)

        failed, other = outcomes["db-01"], outcomes["web-01"]
        assert (failed.status, failed.reason) == (Status.FAILED, reason), failed
        assert said in failed.message
        assert "Its source serves as before" in failed.message
        assert serves_as_before(fleet, "db-01")
        assert fleet.accepted("db-01").count(FAILOVER) == 0
        assert other.status is Status.SATISFIED

    def test_commands_that_fail_are_told_with_their_output(self, protected: Fleet) -> None:
        sources(protected).goes_wrong(instance(protected, "db-01"), serviceStops=False)
        self.check(protected, Reason.QUIESCE_FAILED, "the commands that stop")

    def test_an_application_that_does_not_start_again_is_told_in_the_same_message(
        self, protected: Fleet
    ) -> None:
        plain, own = sources(protected), instance(protected, "db-01")
        plain.goes_wrong(own, serviceStops=False)
        refused = Ran("Failed", "", "the licence server does not answer")
        for command in ("systemctl start nginx", "Start-Service W3SVC"):
            plain.results[own, command] = refused

        failed = protected.drive(Phase.FAILED_OVER)["db-01"]

        assert (failed.status, failed.reason) == (Status.FAILED, Reason.QUIESCE_FAILED)
        assert "Its source is given back, but its application may be stopped" in failed.message
        assert "the licence server does not answer" in failed.message
        assert serves_as_before(protected, "db-01")

    def test_a_connection_that_does_not_end_is_named(self, protected: Fleet) -> None:
        protected.cutovers["db-01"] = Cutover(mode=Mode.LOSSLESS)
        keep(protected, "db-01")
        self.check(protected, Reason.CONNECTIONS_LEFT, "go on behind its fence")

    @pytest.mark.parametrize("others", [("sg-kept",), ()], ids=["one of two", "the only one"])
    def test_a_group_that_was_deleted_behind_the_fence_keeps_no_source_there(
        self, protected: Fleet, others: tuple[str, ...]
    ) -> None:
        """EC2 lets anybody delete a group as soon as the fence has taken its place."""
        plain, own = sources(protected), instance(protected, "db-01")
        groups = protected.site.estate.groups
        assert groups is not None
        for name in ("sg-kept", "sg-gone"):
            groups[name] = replace(groups["sg-machines"], group_id=name)
        plain.become(own, security_groups=("sg-gone", *others))
        protected.cutovers["db-01"] = Cutover(mode=Mode.LOSSLESS)
        keep(protected, "db-01")

        def delete(verb: str, which: str) -> None:
            if (verb, which) == ("groups", own):
                groups.pop("sg-gone", None)

        plain.after = delete
        failed = protected.drive(Phase.FAILED_OVER)["db-01"]

        assert failed.status is Status.FAILED
        assert "sg-gone" in failed.message
        source = plain.source(own)
        if others:
            assert "go on behind its fence" in failed.message
            assert "given back without security group sg-gone, deleted meanwhile" in failed.message
            assert source.interfaces[0].groups == others
            assert serves_as_before(protected, "db-01")
        else:
            (tag,) = [name for name in source.tags if "cutover-groups-" in name]
            assert f"remove the tag {tag}" in failed.message
            assert "eni-" in failed.message
            plain.become(own, security_groups=("sg-kept",))
            asyncio.run(plain.untag(own, [tag]))
            protected.drive(Phase.PROTECTED)
            assert plain.source(own).interfaces[0].groups == ("sg-kept",)
            assert serves_as_before(protected, "db-01")

    def test_a_machine_that_cannot_tell_its_connections(self, protected: Fleet) -> None:
        failed = Ran("Failed", "", "sh: line 3: ss: command not found")
        own = instance(protected, "db-01")
        for command in ("ss -t", "Get-NetTCPConnection"):
            sources(protected).results[own, command] = failed
        self.check(protected, Reason.NOT_MANAGED, "ss: command not found")

    def test_an_instance_that_does_not_stop(self, protected: Fleet) -> None:
        sources(protected).stops = {instance(protected, "db-01"): "running"}
        self.check(protected, Reason.SOURCE_DOES_NOT_STOP, "after it was asked to stop")

    def test_a_fence_that_somebody_took_away(self, protected: Fleet) -> None:
        plain, own = sources(protected), instance(protected, "db-01")

        def meddle(verb: str, which: str) -> None:
            if which == own and cutover_memory.FENCED in plain.source(own).tags:
                plain.become(own, security_groups=("sg-else",))

        plain.after = meddle
        outcomes = protected.drive(Phase.FAILED_OVER)
        assert outcomes["db-01"].reason is Reason.CUTOVER_DISTURBED

    def test_no_point_within_the_wait(self, protected: Fleet) -> None:
        protected.cutovers["db-01"] = Cutover.model_validate(
            {"mode": "lossless", "consistency": "application", "recoveryPointWait": "10m"}
        )
        self.check(protected, Reason.NO_LATER_POINT, "application-consistent recovery point")

    @pytest.mark.parametrize("left", [443, 9443])
    def test_a_fence_that_forgets_replication(self, protected: Fleet, left: int) -> None:
        """Nothing arrives in the vault any more, so no point is ever later than the fence."""
        del protected.machines["web-01"]
        quick = {"mode": "lossless", "recoveryPointWait": "10m"}
        protected.cutovers["db-01"] = Cutover.model_validate(quick)
        sources(protected).fence_lets_out(left)

        outcome = protected.drive(Phase.FAILED_OVER)["db-01"]

        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.NO_LATER_POINT)
        assert "there was no recovery point within 10 minutes of its fence" in outcome.message
        assert "Its source serves as before" in outcome.message
        assert serves_as_before(protected, "db-01")
        assert protected.accepted("db-01").count(FAILOVER) == 0

    def test_hold_leaves_the_source_fenced(self, protected: Fleet) -> None:
        held = Cutover.model_validate({"mode": "lossless", "onFailure": "hold"})
        protected.cutovers["db-01"] = held
        keep(protected, "db-01")

        outcome = protected.drive(Phase.FAILED_OVER)["db-01"]

        assert outcome.reason is Reason.CONNECTIONS_LEFT
        assert is_held(protected, outcome)

    def test_hold_leaves_it_fenced_at_the_end_of_the_wait_and_the_next_run_goes_on(
        self, held: Fleet
    ) -> None:
        outcome = held.drive(Phase.FAILED_OVER, wait=timedelta(minutes=2))["db-01"]

        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.WAIT_ENDED)
        assert is_held(held, outcome)

        assert held.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED
        assert is_out_of_the_way(held, "db-01")
        assert held.accepted("db-01").count(FAILOVER) == 1

    def test_hold_leaves_it_fenced_when_its_failover_is_blocked(self, held: Fleet) -> None:
        begin_and_kill(held)

        outcome = held.drive(Phase.FAILED_OVER, rules=STRICT)["db-01"]

        assert outcome.reason is Reason.NOT_TESTED
        assert ".." not in outcome.message
        assert is_held(held, outcome)

    @pytest.mark.parametrize("wait", [timedelta(minutes=2), timedelta(hours=6)])
    def test_hold_keeps_nobody_from_giving_it_back(self, held: Fleet, wait: timedelta) -> None:
        begin_and_kill(held)
        held.drive(Phase.PROTECTED, wait=wait)
        assert serves_as_before(held, "db-01")

    def test_hold_does_not_stop_half_way_back(self, held: Fleet) -> None:
        begin_and_kill(held)
        asyncio.run(sources(held).tag(instance(held, "db-01"), {cutover_memory.RESTORING: "-"}))

        outcome = held.drive(Phase.FAILED_OVER, rules=STRICT)["db-01"]

        assert outcome.reason is Reason.NOT_TESTED
        assert serves_as_before(held, "db-01")

    @pytest.fixture
    def held(self, protected: Fleet) -> Fleet:
        del protected.machines["web-01"]
        held = Cutover.model_validate({"mode": "lossless", "onFailure": "hold"})
        protected.cutovers["db-01"] = held
        return protected

    def test_the_end_of_the_wait_gives_the_source_back(self, protected: Fleet) -> None:
        outcomes = protected.drive(Phase.FAILED_OVER, wait=timedelta(minutes=2))

        assert {o.reason for o in outcomes.values()} == {Reason.WAIT_ENDED}, outcomes
        assert all(serves_as_before(protected, machine) for machine in protected.machines)

    def test_the_next_run_tries_again(self, protected: Fleet) -> None:
        keep(protected, "db-01")
        protected.drive(Phase.FAILED_OVER)
        keep(protected, "db-01", kept=False)

        outcomes = protected.drive(Phase.FAILED_OVER)

        assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
        assert protected.accepted("db-01").count(FAILOVER) == 1


def begin_and_kill(fleet: Fleet, machine: str = "db-01", plan: PlanOrder | None = None) -> None:
    """Let a run be killed that has fenced the source."""
    own = instance(fleet, machine)

    def kill(*_: str) -> None:
        if sources(fleet).source(own).memory.fenced is not None:
            raise Killed

    sources(fleet).after = kill
    with pytest.raises(Killed):
        fleet.drive(Phase.FAILED_OVER, plan=plan)
    sources(fleet).after = lambda *_: None


def is_held(fleet: Fleet, outcome: Outcome) -> bool:
    [interface] = sources(fleet).source(instance(fleet, "db-01")).interfaces
    return "held" in outcome.message and interface.groups == (FENCE,)


OLD = {"classic": "rhel-6.7", "modernized": "rhel-7.4"}
"""Their `ss` knows neither -H nor -K, and their kernels end no connection."""
OLD_QUIESCE = Quiesce(
    ssm=Commands(linux=["service nginx stop"]), resume=Commands(linux=["service nginx start"])
)


@copied
def old_fleet(experience: Classic) -> Fleet:
    machine = replace(linux(1), name="db-01", os=OLD[experience.name])
    fleet = Fleet([machine], experience=experience)
    fleet.sources = EstateSources(fleet.site)
    outcomes = fleet.drive(Phase.PROTECTED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    return fleet


class TestAnOldLinux:
    @pytest.fixture
    def old(self, experience: Classic) -> Fleet:
        return old_fleet(experience)

    def test_that_stops_its_application_is_cut_over_without_loss(self, old: Fleet) -> None:
        old.cutovers = {"db-01": Cutover(mode=Mode.LOSSLESS, quiesce=OLD_QUIESCE)}

        outcome = old.drive(Phase.FAILED_OVER)["db-01"]

        assert outcome.status is Status.SATISFIED, outcome
        assert lost(old, "db-01") == 0

    def test_whose_connections_go_on_is_held_back_by_their_names(self, old: Fleet) -> None:
        old.cutovers = {"db-01": Cutover(mode=Mode.LOSSLESS)}
        keep(old, "db-01", kept=False)

        outcome = old.drive(Phase.FAILED_OVER)["db-01"]

        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.CONNECTIONS_LEFT)
        assert "connections of it go on behind its fence: " in outcome.message
        assert " of nginx" in outcome.message
        assert "Its source serves as before" in outcome.message
        assert serves_as_before(old, "db-01")
        assert old.accepted("db-01").count(FAILOVER) == 0
