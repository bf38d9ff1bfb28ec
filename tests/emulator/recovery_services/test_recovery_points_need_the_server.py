"""A machine whose agent does not reach its server gets no recovery point, until it does again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from emulator.estate.security_groups import Rule, SecurityGroup
from emulator.guests import machine
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    NO_CONTROL,
    NO_DATA,
    PUSH,
    SERVER_GROUP,
    Classic,
    Site,
)

WEB = support.windows(1)
SERVER, OWN = 0, 1
A_CONNECTION = timedelta(minutes=1)
"""How long a connection that security groups track goes on at most after they change."""


def fence(*ports: int) -> SecurityGroup:
    rules = (Rule(from_port=port, to_port=port, cidrs=("0.0.0.0/0",)) for port in ports)
    return SecurityGroup("sg-fence", egress=tuple(rules))


def told(site: Site) -> None:
    body = {"instances": [WEB.id]}
    assert site.call("POST", "/_emulator/aws-changes?", body).status == 200


def put(site: Site, group: SecurityGroup) -> None:
    assert site.estate.groups is not None
    site.estate.groups[group.group_id] = group
    told(site)


def become(site: Site, number: int, **changes: Any) -> None:
    site.become(number, **changes)
    told(site)


def times(site: Site) -> list[datetime]:
    """The times of all recovery points, newest first."""
    listed = site.get(f"{site.item(WEB)}/recoveryPoints")["value"]
    return [datetime.fromisoformat(one["properties"]["recoveryPointTime"]) for one in listed]


def details(site: Site) -> Any:
    return site.properties(WEB)["providerSpecificDetails"]


def rpo(site: Site) -> timedelta:
    found = details(site)
    return timedelta(seconds=found.get("rpoInSeconds", found.get("lastRpoInSeconds")))


@pytest.fixture
def site(experience: Classic) -> Site:
    made = Site([WEB], groups=(PUSH, SERVER_GROUP, fence()), experience=experience).prepare()
    made.protect(WEB)
    made.pass_time(minutes=7)
    return made


def close_its_own_group(*ports: int) -> Callable[[Site, bool], None]:
    def close(site: Site, closed: bool) -> None:
        put(site, fence(*ports))
        become(site, OWN, security_groups=("sg-fence",) if closed else WEB.security_groups)

    return close


def close_the_servers_group(group: SecurityGroup) -> Callable[[Site, bool], None]:
    return lambda site, closed: put(site, group if closed else SERVER_GROUP)


def stop_the_server(site: Site, closed: bool) -> None:
    become(site, SERVER, state="stopped" if closed else "running")


def stop_the_machine(site: Site, closed: bool) -> None:
    become(site, OWN, state="stopped" if closed else "running")


WAYS = {
    "a fence without any way out": close_its_own_group(),
    "a fence without the data port": close_its_own_group(443),
    "a fence without the control port": close_its_own_group(9443),
    "a server that takes no data": close_the_servers_group(NO_DATA),
    "a server that cannot be asked": close_the_servers_group(NO_CONTROL),
    "a server that is stopped": stop_the_server,
    "a machine that is stopped": stop_the_machine,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_there_is_no_newer_point_until_the_server_is_reached_again(
    site: Site, way: Callable[[Site, bool], None]
) -> None:
    way(site, True)
    closed = site.world.now
    site.pass_time(minutes=31)

    assert times(site)[0] <= closed + A_CONNECTION
    assert rpo(site) > timedelta(minutes=29)
    assert site.properties(WEB)["replicationHealth"] != "Normal"

    way(site, False)
    opened = site.world.now
    site.pass_time(minutes=6)

    later = [one for one in times(site) if one > closed + A_CONNECTION]
    assert later
    assert all(one >= opened for one in later)
    assert rpo(site) < timedelta(minutes=5)


def test_a_fence_with_both_ports_does_not_keep_points_away(site: Site) -> None:
    close_its_own_group(443, 9443)(site, True)
    fenced = site.world.now
    site.pass_time(minutes=31)
    assert len([one for one in times(site) if one > fenced]) >= 6


def test_the_list_of_points_and_the_item_agree(site: Site) -> None:
    close_its_own_group(443)(site, True)
    for _ in range(8):
        site.pass_time(seconds=75)
        newest = site.get(f"{site.item(WEB)}/recoveryPoints")["value"][0]
        shown = details(site)["lastRecoveryPointReceived"]
        assert shown == newest["properties"]["recoveryPointTime"]


def test_a_failover_to_the_latest_point_has_what_had_arrived(site: Site) -> None:
    close_its_own_group(443)(site, True)
    closed = site.world.now
    site.pass_time(minutes=30)

    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded"

    inside = machine.of(site.world, WEB.id)
    assert inside is not None
    (made,) = site.call("GET", f"/_emulator/guests/{WEB.id}?").body["azure"]
    assert made["record"] <= machine.held(inside, closed + A_CONNECTION)
    assert made["lacking"] > 25 * 60
