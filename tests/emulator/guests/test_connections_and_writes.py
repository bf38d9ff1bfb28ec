"""A machine writes while a client can write: what a fence, a network ACL, a stop and the machine's
own commands change about that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from emulator.estate.guest_os import guest, writes
from emulator.estate.network import AclEntry, Interface, Network
from emulator.estate.security_groups import ANYWHERE, Rule, SecurityGroup
from tests.emulator.guests.guest_support import FENCE, OPEN, Machine, chance, linux, windows

SHUT = replace(OPEN, egress=())
"""Lets the VPC in on 443, and nothing out: there is no queue to work off."""
EVERYTHING = SecurityGroup("sg-everything", ingress=(Rule(protocol="-1", cidrs=(ANYWHERE,)),))


def fenced(machine: Machine) -> None:
    machine.become(security_groups=(FENCE.group_id,))


def foreign(machine: Machine) -> list[str]:
    """The peers of connections that do not belong to agents."""
    return [
        f"{one.address}:{one.port}"
        for one in machine.guest().connections()
        if one.process in ("nginx", "System", "w3wp")
    ]


def stop(machine: Machine) -> None:
    assert machine.run("systemctl stop nginx").code == 0


def start(machine: Machine) -> None:
    assert machine.run("systemctl start nginx").code == 0


def end_all(machine: Machine) -> None:
    for peer in foreign(machine):
        machine.guest().end(peer.split(":")[0])


@pytest.mark.parametrize("make", [linux, windows])
def test_a_record_is_written_every_second(make: Callable[[], Machine]) -> None:
    machine = make()
    assert writes.records(machine.writes, machine.now) == 1
    machine.wait(3600)
    assert writes.records(machine.writes, machine.now) == 3601


def test_a_fence_does_not_interrupt_tracked_connections() -> None:
    machine = linux()
    before = foreign(machine)
    fenced(machine)
    assert foreign(machine) == before
    machine.wait(60)
    assert writes.writing(machine.writes, machine.now)
    assert writes.records(machine.writes, machine.now) == 61


def test_writes_end_when_the_last_tracked_connection_is_ended() -> None:
    machine = linux()
    fenced(machine)
    machine.wait(60)
    end_all(machine)
    assert foreign(machine) == []
    machine.wait(600)
    assert not writes.writing(machine.writes, machine.now)
    assert writes.records(machine.writes, machine.now) == 61


def test_a_client_that_is_not_fenced_off_connects_again() -> None:
    machine = linux()
    before = machine.guest().connections()
    end_all(machine)
    assert len(foreign(machine)) == len([one for one in before if one.process == "nginx"])
    assert foreign(machine) != [f"{one.address}:{one.port}" for one in before]
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 61


def test_a_tracked_connection_ends_by_itself_and_writes_with_it() -> None:
    machine = linux()
    machine.inside["peers"] = [one for one in machine.inside["peers"] if one["stays"]]
    fenced(machine)
    machine.wait(9 * 3600)
    assert foreign(machine) == []
    assert not writes.writing(machine.writes, machine.now)
    assert 1 < writes.records(machine.writes, machine.now) < 9 * 3600


def test_a_fence_that_is_taken_away_lets_clients_write_again() -> None:
    machine = linux()
    fenced(machine)
    end_all(machine)
    machine.wait(600)
    machine.become(security_groups=(OPEN.group_id,))
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 61
    assert foreign(machine)


def test_an_untracked_connection_ends_at_once_when_groups_change() -> None:
    machine = Machine(
        replace(linux().instance, security_groups=(EVERYTHING.group_id,)), (EVERYTHING, FENCE)
    )
    assert not any(one.tracked for one in machine.guest().connections())
    assert len(foreign(machine)) > 1
    machine.wait(60)
    fenced(machine)
    assert foreign(machine) == []
    machine.wait(600)
    assert writes.records(machine.writes, machine.now) == 61


def with_acl(machine: Machine, *entries: AclEntry) -> Network:
    return replace(machine.network, acls={machine.instance.subnet_id: entries})


def test_a_network_acl_interrupts_at_once() -> None:
    machine = linux()
    machine.wait(60)
    machine.become(with_acl(machine, AclEntry(False, False, ANYWHERE)))
    assert foreign(machine) == []
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 61
    machine.become()
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 121


def test_a_machine_without_a_way_back_to_its_clients_does_not_serve_them() -> None:
    machine = linux()
    machine.become(replace(machine.network, routes={}, main_routes={}))
    assert foreign(machine) == []


def test_a_machine_writes_if_only_its_clients_reach_it_or_only_it_reaches_out() -> None:
    for group in (SHUT, replace(OPEN, ingress=())):
        machine = Machine(replace(linux().instance, security_groups=("sg-open",)), (group, FENCE))
        assert writes.writing(machine.writes, machine.now)
    nothing = SecurityGroup("sg-open", egress=())
    machine = Machine(replace(linux().instance, security_groups=("sg-open",)), (nothing,))
    assert writes.records(machine.writes, machine.now) == 0


def test_a_stop_ends_everything_and_flushes() -> None:
    machine = linux()
    machine.wait(60)
    machine.become(state="stopped")
    assert machine.guest().connections() == []
    assert writes.held(machine.writes, machine.now) == 61
    machine.wait(600)
    assert writes.records(machine.writes, machine.now) == 61
    machine.become(state="running")
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 121


def test_a_machine_that_is_stopping_still_writes() -> None:
    machine = linux()
    machine.become(state="stopping")
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 61


def test_a_service_that_is_stopped_takes_no_writes_until_it_or_the_machine_starts() -> None:
    machine = linux()
    machine.wait(60)
    stop(machine)
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 61
    start(machine)
    machine.wait(60)
    assert writes.records(machine.writes, machine.now) == 121
    stop(machine)
    machine.become(state="stopped")
    machine.become(state="running")
    assert machine.guest().serves


def test_what_was_written_half_a_minute_ago_is_on_the_disk() -> None:
    machine = linux()
    machine.wait(20)
    assert writes.held(machine.writes, machine.now) == 0
    machine.wait(20)
    assert writes.held(machine.writes, machine.now) == 11


def test_the_agents_connections_are_its_own_and_go_on_in_a_fence() -> None:
    machine = linux()
    server = Interface("i-s", True, "windows", "10.10.1.99", True, "subnet-1", "vpc-1", ())
    fence = replace(FENCE, egress=(Rule(from_port=1, to_port=65535, cidrs=("10.10.1.99/32",)),))

    def around(group: str) -> Network:
        own = replace(machine.network.interfaces[0], groups=(group,))
        groups = (OPEN, fence, replace(EVERYTHING, group_id="sg-server"))
        return replace(
            machine.network,
            interfaces=[own, replace(server, groups=("sg-server",))],
            groups={one.group_id: one for one in groups},
        )

    machine.become(around(OPEN.group_id))
    machine.guest().replicate_to("10.10.1.99")

    def replication() -> list[tuple[str, int]]:
        return [
            (one.process, one.port)
            for one in machine.guest().connections()
            if one.address == "10.10.1.99"
        ]

    assert replication() == [("svagents", 443), ("s2", 9443)]
    machine.become(around(fence.group_id))
    end_all(machine)
    machine.guest().end("10.10.1.99")
    assert replication() == [("svagents", 443), ("s2", 9443)]  # It connects again.
    assert not writes.writing(machine.writes, machine.now)
    machine.guest().replicate_to(None)
    assert replication() == []


def test_each_interface_has_a_client_of_its_own() -> None:
    """A fence of the primary interface alone is none."""
    machine = linux()
    second = replace(machine.network.interfaces[0], address="10.10.1.42")
    network = replace(machine.network, interfaces=[*machine.network.interfaces, second])
    machine.inside = guest.new(machine.instance, network, chance)
    machine.become(network)
    assert "10.10.1.42" in {one.local for one in machine.guest().connections()}
    first = replace(network.interfaces[0], groups=(FENCE.group_id,))
    machine.become(replace(network, interfaces=[first, second]))
    end_all(machine)
    assert writes.writing(machine.writes, machine.now)
    assert {one.local for one in machine.guest().connections() if one.process == "nginx"} == {
        "10.10.1.42"
    }


def test_the_same_seed_has_the_same_clients_and_another_machine_others() -> None:
    one, same = linux().guest().connections(), linux().guest().connections()
    assert one == same
    assert one != linux(id="i-other").guest().connections()
