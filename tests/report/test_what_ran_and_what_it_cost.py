"""Operations and costs of the report, from the jobs of a vault."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from report import prices
from report.model import Report, report
from report.operations import FAILED, INITIAL_REPLICATION, RUNNING
from report.timeline import Scale, timeline
from site_recovery.errors import MigrationError
from site_recovery.jobs import ServiceError
from tests.report.fleets import NOW, PRICES, Vault, of_size, protected, recorded, wave_resource

BROKEN = ServiceError("it broke", "1")


def made(vault: Vault, phase: str = "migrated", **outputs: object) -> Report:
    record = recorded(wave_resource("web", phase, ["web-01"], **outputs))
    return report(record, vault.seen(record), PRICES)


def migrated(days: float = 10, hours: float = 5) -> Vault:
    """A machine that replicated `days` until it was completed `hours` ago."""
    vault = Vault()
    vault.ran("web-01", "EnableDr", 24 * days + hours + 1, 60)
    vault.ran("web-01", "SecondaryIrCompletion", 24 * days + hours - 2, 0)
    vault.ran("web-01", "TestFailover", hours + 30, 60)
    vault.ran("web-01", "TestFailoverCleanup", hours + 20, 60)
    vault.ran("web-01", "UnplannedFailover", hours + 2, 60)
    vault.ran("web-01", "DisableDr", hours + 0.5, 30)
    vault.runs("web-01", "web-01")
    return vault


def test_the_operations_of_a_migration_are_told_in_their_order() -> None:
    told = [(run.operation, run.took(NOW)) for run in made(migrated()).runs]
    hour = timedelta(hours=1)
    assert told == [
        ("enable protection", hour),
        (INITIAL_REPLICATION, 2 * hour),
        ("test failover", hour),
        ("test failover cleanup", hour),
        ("unplanned failover", hour),
        ("complete migration", hour / 2),
    ]


def test_without_a_failover_the_same_job_is_that_of_a_machine_that_leaves() -> None:
    vault = Vault()
    vault.ran("web-01", "EnableDr", 9, 60)
    vault.ran("web-01", "DisableDr", 5, 30)
    assert [run.operation for run in made(vault).runs][-1] == "disable protection"


def test_what_runs_and_what_failed_is_marked() -> None:
    vault = Vault()
    protected(vault, "web-01", 3)
    vault.ran("web-01", "TestFailover", 2, 30, BROKEN)
    vault.ran("web-01", "TestFailover", 0.5, None)

    report_ = made(vault, "test-failover")

    last = report_.runs[-2:]
    assert [run.state for run in last] == [FAILED, RUNNING]
    assert "it broke" in last[0].error
    assert last[1].took(NOW) == timedelta(minutes=30)
    operations = {each.operation: each for each in report_.durations}
    assert "test failover" not in operations, "how long a failed one took says nothing"


def test_durations_count_what_succeeded_and_name_the_slowest() -> None:
    vault = Vault()
    names = ["web-01", "web-02", "web-03"]
    for name, took in zip(names, (10, 20, 60), strict=True):
        protected(vault, name, 3)
        vault.ran(name, "TestFailover", 2, took)
    vault.ran("web-01", "TestFailover", 9, 90, BROKEN)
    record = recorded(wave_resource("web", "protected", names))

    found = {each.operation: each for each in report(record, vault.seen(record)).durations}

    test = found["test failover"]
    assert (test.runs, test.failed) == (4, 1)
    assert (test.median, test.longest) == (timedelta(minutes=20), timedelta(minutes=60))
    assert test.slowest == "web-03"


def test_the_runs_of_a_recovery_plan_count_for_its_machines() -> None:
    vault = Vault()
    protected(vault, "web-01", 3)
    vault.ran("dev-web", "UnplannedFailover", 3, 60)
    vault.runs("web-01", "web-01")

    report_ = made(vault, "failed-over", recovery_plan={"name": "dev-web", "groups": []})

    assert [(run.plan, run.machine) for run in report_.runs if run.plan] == [("dev-web", "")]
    assert report_.machines[0].usage is not None
    assert report_.machines[0].usage.vm_hours == pytest.approx(2)


def test_a_migrated_machine_used_what_its_jobs_say() -> None:
    used = made(migrated(days=40, hours=5)).machines[0].usage

    assert used is not None
    assert used.replication_days == pytest.approx(40, abs=0.01)
    assert used.test_hours == pytest.approx(10)
    assert used.vm_hours == pytest.approx(6)
    # 9 days beyond the 31 free ones at 25 a month, and 16 hours at 0.1.
    assert used.cost == pytest.approx(9 * 25 / 30 + 1.6, abs=0.02)


def test_replication_that_goes_on_counts_until_now() -> None:
    vault = Vault()
    vault.ran("web-01", "EnableDr", 49, 60)
    vault.replicates("web-01", "TestFailover")
    used = made(vault, "protected").machines[0].usage
    assert used is not None
    assert used.replication_days == pytest.approx(2)
    assert used.cost == 0, "the first 31 days are free"


def test_a_size_without_a_price_is_named_and_left_out() -> None:
    vault = migrated()
    vault.machines.clear()
    vault.runs("web-01", "web-01", size="Standard_M128s")
    report_ = made(vault)
    assert report_.unpriced == ("Standard_M128s",)
    assert report_.cost == 0


def test_without_a_price_table_there_is_no_cost() -> None:
    report_ = of_size(5, prices=None)
    assert report_.cost is None
    assert all(machine.usage and machine.usage.cost is None for machine in report_.machines)


@pytest.mark.parametrize(
    "text",
    [
        "currency: EUR\nreplication:\n  perMachineMonth: 25\nvirtualMachines:\n  Standard_B2s: 0.1",
        '{"currency": "EUR", "replication": {"perMachineMonth": 25},'
        ' "virtualMachines": {"Standard_B2s": 0.1}}',
    ],
)
def test_a_price_table_is_yaml_or_json(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prices"
    file.write_text(text)
    table = prices.read(file)
    assert table is not None
    assert table.hour_of("standard_b2s") == 0.1
    assert table.replication is not None
    assert table.replication.free_days == 31


def test_everything_wrong_in_a_price_table_is_named(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("replication: {perMachineMonth: -1, freeDay: 3}\nvirtualMachines: {B2s: much}")
    with pytest.raises(MigrationError) as caught:
        prices.read(file)
    for place in ("currency", "perMachineMonth", "freeDay", "virtualMachines.B2s"):
        assert place in str(caught.value)


@pytest.mark.parametrize("text", [None, "a: [", "[]"])
def test_what_is_no_price_table_is_refused(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(MigrationError, match=r"prices\.yaml: the price table"):
        prices.read(file)


def test_the_teams_price_table_is_found_where_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert prices.read(None) is None
    (tmp_path / "prices.yaml").write_text("currency: EUR")
    assert prices.read(None) is not None


# -- the timeline -----------------------------------------------------------------------------


def test_long_times_without_anything_are_cut_from_the_timeline() -> None:
    hour = timedelta(hours=1)
    scale = Scale([(NOW, NOW + hour), (NOW + 100 * hour, NOW + 101 * hour)])

    [(left, right)] = scale.cuts
    assert scale.at(NOW) == 0
    assert scale.at(NOW + hour) == pytest.approx(left)
    assert scale.at(NOW + 50 * hour) == pytest.approx(left), "nothing has its place in a cut"
    assert scale.at(NOW + 100 * hour) == pytest.approx(right)
    assert scale.at(NOW + 101 * hour) == pytest.approx(100)
    assert left == pytest.approx(100 - right), "both hours are equally long"
    assert abs(scale.time(scale.at(NOW + 100.5 * hour)) - (NOW + 100.5 * hour)) < hour / 60


def test_all_bars_are_on_the_timeline_and_in_the_order_of_their_times() -> None:
    drawn = timeline(of_size(200))
    assert drawn is not None
    for lines in drawn.lines.values():
        for line in lines:
            lefts = [bar.left for bar in line.bars]
            assert lefts == sorted(lefts)
            assert all(bar.left >= 0 and bar.left + bar.width <= 100.001 for bar in line.bars)
    places = [place for place, _ in drawn.ticks]
    assert places == sorted(places)
    assert places[0] == 0


def test_nothing_ran_has_no_timeline() -> None:
    assert timeline(made(Vault())) is None
