"""State survives a kill at any moment, and one seed gives one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import VAULT, Classic, Site

WEB = support.windows(1)


def test_a_migration_goes_on_where_a_kill_left_it(experience: Classic, tmp_path: Path) -> None:
    site = Site([WEB], database=tmp_path / "azure.sqlite", experience=experience).prepare()
    accepted = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    site.pass_time(minutes=2)
    site.reopen()
    assert site.job(accepted)["state"] == "InProgress"
    assert site.finished(accepted)["state"] == "Succeeded"
    site.reopen()
    site.pass_time(minutes=60)
    assert site.state(WEB) == "Protected"
    accepted = site.test_failover(WEB)
    site.reopen()
    assert site.finished(accepted)["state"] == "Succeeded"
    site.finished(site.clean_up(WEB))
    accepted = site.fail_over(WEB)
    site.reopen()
    url = accepted.headers["Azure-AsyncOperation"]
    site.pass_time(minutes=15)
    assert site.call("GET", url).body["status"] == "Succeeded"
    accepted = site.remove(WEB, "MigrationComplete")
    site.reopen()
    assert site.finished(accepted)["state"] == "Succeeded"
    assert set(site.virtual_machines()) == {"web-01"}


def test_a_server_that_was_being_installed_registers_after_a_kill(
    experience: Classic, tmp_path: Path
) -> None:
    site = Site(database=tmp_path / "azure.sqlite", experience=experience)
    site.pass_time(minutes=5)
    site.reopen()
    site.register()


def test_one_seed_gives_one_run(experience: Classic) -> None:
    def run(seed: int) -> Any:
        site = Site([WEB], seed=seed, experience=experience).prepare()
        site.protect(WEB)
        site.finished(site.test_failover(WEB))
        return (
            [job["name"] for job in site.get(f"{VAULT}/replicationJobs")["value"]],
            [job["properties"]["endTime"] for job in site.get(f"{VAULT}/replicationJobs")["value"]],
            site.properties(WEB),
            site.world.audited(),
        )

    first = run(1)
    assert first == run(1)
    assert first != run(2)
