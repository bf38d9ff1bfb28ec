"""An initial replication copies nothing while the machine's agent does not reach its server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.copies import copied
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    PUSH,
    SERVER_GROUP,
    Classic,
    Site,
)
from tests.emulator.recovery_services.test_recovery_points_need_the_server import (
    A_CONNECTION,
    WAYS,
    details,
    fence,
    times,
)

WEB = support.windows(1)


@copied
def _copying(experience: Classic) -> Site:
    site = Site([WEB], groups=(PUSH, SERVER_GROUP, fence()), experience=experience).prepare()
    assert site.enable(WEB)["state"] == "Succeeded"
    site.pass_time(minutes=3)
    return site


@pytest.fixture
def site(experience: Classic) -> Site:
    """A machine whose initial replication has begun."""
    return _copying(experience)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_goes_on_from_where_it_was_when_the_server_is_reached_again(
    site: Site, way: Callable[[Site, bool], None]
) -> None:
    undisturbed = site.copy()
    way(site, True)
    for one in (site, undisturbed):
        one.pass_time(seconds=A_CONNECTION.total_seconds())
    before = site.experience.progress(details(site))
    site.pass_time(hours=3)
    assert site.state(WEB) == site.experience.replicating
    assert site.experience.progress(details(site)) == before

    way(site, False)
    opened = site.world.now
    while undisturbed.state(WEB) != "Protected":
        assert site.state(WEB) != "Protected"
        for one in (site, undisturbed):
            one.pass_time(minutes=1)
    site.pass_time(minutes=7)
    assert site.state(WEB) == "Protected"
    assert all(one >= opened for one in times(site))


def test_it_tells_that_it_makes_no_progress() -> None:
    site = _copying(support.MODERNIZED)
    assert details(site)["initialReplicationProgressHealth"] == "InProgress"
    WAYS["a server that is stopped"](site, True)
    site.pass_time(minutes=5)
    assert details(site)["initialReplicationProgressHealth"] == "NoProgress"


def test_what_is_kept_of_its_progress_holds_while_it_stands_still(site: Site) -> None:
    WAYS["a machine that is stopped"](site, True)
    seen = set()
    for _ in range(4):
        site.pass_time(minutes=20)
        seen.add(site.experience.progress(details(site)))
    assert len(seen) == 1
