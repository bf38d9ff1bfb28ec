"""A recovery point holds what was on the machine's disks, or what was written if it is
app-consistent: so what a failover loses can be counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from emulator.estate.machines import Instance
from emulator.estate.security_groups import Rule, SecurityGroup
from emulator.guests import machine
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    PUSH,
    SERVER_GROUP,
    Classic,
    Site,
)

WEB, DB = support.windows(1), support.linux(1)
STOP = {"windows": "Stop-Service W3SVC", "linux": "service nginx stop"}
FLUSH = {
    "windows": "Get-Volume | Where-Object DriveLetter | ForEach-Object "
    "{ Write-VolumeCache -DriveLetter $_.DriveLetter }",
    "linux": "sync",
}
FENCE = SecurityGroup(
    "sg-fence",
    egress=tuple(Rule(from_port=port, to_port=port, cidrs=("0.0.0.0/0",)) for port in (443, 9443)),
)
"""Lets replication out, and nothing in."""


def run(site: Site, instance: Instance, *lines: str) -> None:
    order = {
        "command": site.world.now.isoformat(),
        "platform": instance.platform,
        "script": "\n".join(lines),
        "instances": [instance.id],
        "deliverySeconds": 60,
        "executionSeconds": 60,
    }
    assert site.call("POST", "/_emulator/run-commands?", order).status == 202
    site.pass_time(seconds=2)


def guest(site: Site, instance: Instance) -> Any:
    return site.call("GET", f"/_emulator/guests/{instance.id}?").body


def points(site: Site, instance: Instance) -> list[Any]:
    listed: list[Any] = site.get(f"{site.item(instance)}/recoveryPoints")["value"]
    return listed


def newest(site: Site, instance: Instance) -> tuple[Any, datetime]:
    (point, *_) = points(site, instance)
    return point, datetime.fromisoformat(point["properties"]["recoveryPointTime"])


def before_the_next_point(site: Site, instance: Instance, seconds: float) -> None:
    """Let time pass until so many seconds before the next recovery point."""
    _, last = newest(site, instance)
    due = last + timedelta(minutes=5) - timedelta(seconds=seconds)
    if due <= site.world.now:
        due += timedelta(minutes=5)
    site.pass_time(seconds=(due - site.world.now).total_seconds())


def lost(site: Site, instance: Instance, point: Any) -> int:
    """How many records a failover to a point lacks."""
    assert site.finished(site.fail_over(instance, point["id"]))["state"] == "Succeeded"
    (made,) = guest(site, instance)["azure"]
    assert guest(site, instance)["records"] - made["record"] == made["lacking"]
    lacking: int = made["lacking"]
    return lacking


@pytest.mark.parametrize("instance", [WEB, DB], ids=["windows", "linux"])
@pytest.mark.parametrize("flushes", [False, True])
def test_a_point_right_after_the_last_write_holds_it_only_after_a_flush(
    experience: Classic, instance: Instance, flushes: bool
) -> None:
    site = Site([instance], experience=experience).prepare()
    site.protect(instance)
    before_the_next_point(site, instance, seconds=10)
    run(site, instance, STOP[instance.platform], *([FLUSH[instance.platform]] * flushes))
    assert not guest(site, instance)["writing"]
    site.pass_time(seconds=9)
    point, at = newest(site, instance)
    assert site.world.now - at < timedelta(seconds=2)
    missing = lost(site, instance, point)
    assert missing == 0 if flushes else 20 <= missing <= 23


def test_half_a_minute_later_a_point_holds_it_without_a_flush(experience: Classic) -> None:
    site = Site([DB], experience=experience).prepare()
    site.protect(DB)
    before_the_next_point(site, DB, seconds=35)
    run(site, DB, STOP["linux"])
    site.pass_time(seconds=40)
    assert lost(site, DB, newest(site, DB)[0]) == 0


def test_an_app_consistent_point_holds_what_was_written(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.pass_time(hours=2)
    consistent = next(
        one
        for one in points(site, WEB)
        if one["properties"]["recoveryPointType"] == "ApplicationConsistent"
    )
    at = datetime.fromisoformat(consistent["properties"]["recoveryPointTime"])
    document = machine.of(site.world, WEB.id)
    assert document is not None
    assert site.finished(site.fail_over(WEB, consistent["id"]))["state"] == "Succeeded"
    (made,) = guest(site, WEB)["azure"]
    # The point's time is shown in whole seconds or finer, so one record is in doubt.
    assert abs(made["record"] - machine.records(document, at)) <= 1
    assert made["record"] > machine.held(document, at) + 25


def test_a_stop_flushes(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    before_the_next_point(site, WEB, seconds=5)
    site.become(1, state="stopped")
    assert site.call("POST", "/_emulator/aws-changes?", {"instances": [WEB.id]}).status == 200
    site.pass_time(minutes=1)
    accepted = site.fail_over(WEB)
    assert site.finished(accepted)["state"] == "Succeeded"
    (made,) = guest(site, WEB)["azure"]
    assert made["lacking"] == 0


def test_a_fenced_machine_loses_what_its_tracked_connections_wrote_after_the_point(
    experience: Classic,
) -> None:
    """A fence alone proves nothing: clients go on writing over what is established."""
    site = Site([DB], groups=(PUSH, SERVER_GROUP, FENCE), experience=experience).prepare()
    site.protect(DB)
    before_the_next_point(site, DB, seconds=60)
    site.become(1, security_groups=(FENCE.group_id,))
    assert site.call("POST", "/_emulator/aws-changes?", {"instances": [DB.id]}).status == 200
    assert guest(site, DB)["writing"]
    site.pass_time(seconds=70)
    point, _ = newest(site, DB)
    site.pass_time(seconds=60)
    assert lost(site, DB, point) > 60
