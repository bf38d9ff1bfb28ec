"""Pulumi's own commands and options: each does what its name says, or is refused beforehand.

`docs/pulumi-commands.md` has each `row` of these tests.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.clouds import SCALE
from tests.engine.harness import GROUP, STACK, VAULT, Result, Stack, row

pytestmark = pytest.mark.engine

_OWN = "**:dynamic/asr:"
_UP = ("up", "--yes", "--skip-preview")
_DESTROY = ("destroy", "--yes", "--skip-preview")
_OTHER = "other"
_WATCHES = """#!/bin/bash
# Says that a file was saved, once, as the program does that comes with Pulumi.
while kill -0 "$PPID" 2> /dev/null; do
  if [ -e "$SAVED" ]; then rm "$SAVED"; echo saved; fi
  sleep 0.1
done
"""
PLAN = "engine-shop"


def declare(stack: Stack, shop: str, rest: str, *, more: list[str] | None = None) -> None:
    """Declare two waves, of which `shop` has a recovery plan."""
    stack.declare(shop=(shop, ["db-01", "web-01"]), rest=(rest, ["app-01", *(more or [])]))
    plan = {"groups": [["db-01"], ["web-01"]]}
    stack.waves["shop"] |= {"recoveryPlan": plan, "requireTestFailover": False}


def urn(stack: Stack, kind: str, name: str) -> str:
    """The URN of a dynamic resource of this program."""
    ending = f"asr:{kind}::{name}"
    (found,) = (one["urn"] for one in stack.resources() if one["urn"].endswith(ending))
    return str(found)


def plans(stack: Stack) -> list[str]:
    listed = stack.clouds.site_recovery().replication_recovery_plans.list(GROUP, VAULT)
    return [str(plan.name) for plan in listed]


@contextmanager
def clouds_left_alone(stack: Stack) -> Iterator[None]:
    """Assert that nothing inside changes anything in either cloud."""
    azure, aws = stack.clouds.audit(), stack.clouds.aws()
    yield
    assert stack.clouds.audit() == azure
    assert stack.clouds.aws() == aws


def succeeds(stack: Stack, *command: str) -> Result:
    done = stack.run(*command)
    assert done.code == 0, done.text
    assert "Traceback" not in done.text
    return done


def assert_nothing_left_to_do(stack: Stack) -> None:
    with clouds_left_alone(stack):
        succeeds(stack, *_UP, "--expect-no-changes")


@row("pulumi up --target <the landing zone>")
def test_a_part_of_the_landing_zone_comes_first(stack: Stack) -> None:
    declare(stack, "protected", "protected")
    succeeds(stack, *_UP, "--target", "**LandingZone**")
    assert stack.clouds.resource_groups() == {GROUP, f"{GROUP}-machines"}
    assert stack.clouds.vaults(GROUP) == set()
    succeeds(stack, *_UP)
    assert plans(stack) == [PLAN]


@row("pulumi up --replace <a wave>")
def test_a_replaced_wave_keeps_its_machines_and_its_recovery_plan(stack: Stack) -> None:
    with clouds_left_alone(stack):
        replaced = succeeds(stack, *_UP, "--replace", urn(stack, "Wave", "shop"))
    assert replaced.changes["Wave shop"] == "delete-replaced"
    assert plans(stack) == [PLAN]


@row("pulumi up --replace <a record, registration, mapping or clearance>")
def test_what_is_replaced_and_still_declared_is_only_recorded_anew(stack: Stack) -> None:
    kinds = (
        "Machine::*",
        "Registration::*",
        "Mapping::*",
        "Clearance::*",
    )
    options = [option for kind in kinds for option in ("--replace", f"{_OWN}{kind}")]
    with clouds_left_alone(stack):
        replaced = succeeds(stack, *_UP, *options)
    assert {what.split()[0] for what in replaced.changes} == {k.split(":")[0] for k in kinds}
    assert_nothing_left_to_do(stack)


@row("pulumi state taint <any of these>")
def test_what_is_tainted_is_replaced_in_the_same_way(stack: Stack) -> None:
    for kind, name in (("Wave", "shop"), ("Registration", "registration")):
        stack.succeeds("state", "taint", urn(stack, kind, name), "--yes")
    with clouds_left_alone(stack):
        tainted = succeeds(stack, *_UP)
    assert set(tainted.changes) == {"Wave shop", "Registration registration"}
    assert plans(stack) == [PLAN]


@row("pulumi up --replace <the instance of the server>")
def test_a_server_that_machines_replicate_through_is_not_replaced(stack: Stack) -> None:
    with clouds_left_alone(stack):
        for command in (("preview",), _UP):
            refused = stack.run(*command, "--replace", "**:Instance::server")
            assert refused.code != 0
            assert "app-01, db-01, web-01 replicate through it" in refused.error
            assert "Traceback" not in refused.text


@row("pulumi up --replace <the vault or another resource of Azure>")
def test_a_vault_is_not_replaced_by_one_of_its_own_name(stack: Stack) -> None:
    with clouds_left_alone(stack):
        refused = stack.run(*_UP, "--replace", "**:Vault::vault")
    assert refused.code != 0
    assert "already exist" in refused.error


@row("pulumi refresh --run-program")
def test_a_refresh_with_the_program_moves_no_machine(stack: Stack) -> None:
    declare(stack, "test-failover", "test-failover")
    with clouds_left_alone(stack):
        succeeds(stack, "refresh", "--yes", "--skip-preview", "--run-program")
    assert stack.machine("app-01")["observedPhase"] == "protected"
    assert "test failover" in stack.preview().line("rest")


@row("pulumi up --target <a record>")
def test_the_record_of_a_machine_moves_no_machine(stack: Stack) -> None:
    record = urn(stack, "Machine", "app-01")
    with clouds_left_alone(stack):
        for command in (("preview",), _UP):
            done = succeeds(stack, *command, "--target", record)
            assert "its wave rest is not part of this command" in done.line("app-01")
    assert (stack.recorded("app-01") or {})["observed_phase"] == "protected"


@row("pulumi up --exclude <a wave>")
def test_an_excluded_wave_stays_where_it_is(stack: Stack) -> None:
    before = stack.clouds.operations("db-01")
    done = succeeds(stack, *_UP, "--exclude", urn(stack, "Wave", "shop"))
    assert "its wave shop is not part of this command" in done.line("db-01")
    assert stack.clouds.operations("db-01") == before
    assert stack.machine("app-01")["observedPhase"] == "test-failover"
    assert stack.machine("db-01")["observedPhase"] == "protected"


@row("pulumi up --exclude <a wave with a new machine>")
def test_a_new_machine_of_an_excluded_wave_is_refused(stack: Stack) -> None:
    declare(stack, "protected", "test-failover", more=["web-02"])
    with clouds_left_alone(stack):
        refused = stack.run("preview", "--exclude", urn(stack, "Wave", "rest"))
    assert refused.code != 0
    assert "web-02: its wave rest is not part of this command" in refused.text
    assert "Traceback" not in refused.text


@row("pulumi up --target <a wave>")
def test_a_targeted_wave_is_driven_alone(stack: Stack) -> None:
    declare(stack, "protected", "protected")
    before = stack.clouds.audit()
    succeeds(stack, *_UP, "--target", urn(stack, "Wave", "rest"))
    after = stack.clouds.audit()[len(before) :]
    assert [one["operation"].rpartition("_")[2] for one in after] == ["TestFailoverCleanup"]
    assert (stack.recorded("app-01") or {})["observed_phase"] == "test-failover"


@row("pulumi up --target <a wave> --target-dependents")
def test_a_targeted_wave_and_its_records_end_up_as_after_an_up(stack: Stack) -> None:
    with clouds_left_alone(stack):
        succeeds(stack, *_UP, "--target", urn(stack, "Wave", "rest"), "--target-dependents")
    assert (stack.recorded("app-01") or {})["observed_phase"] == "protected"
    assert_nothing_left_to_do(stack)


@row("pulumi preview --save-plan, pulumi up --plan")
def test_a_saved_plan_holds_for_the_config_that_it_was_made_of(
    stack: Stack, tmp_path: Path
) -> None:
    plan = str(tmp_path / "plan.json")
    declare(stack, "test-failover", "protected")
    succeeds(stack, "preview", "--save-plan", plan)
    declare(stack, "test-failover", "test-failover")
    with clouds_left_alone(stack):
        refused = stack.run(*_UP, "--plan", plan)
    assert refused.code != 0
    assert "violates plan" in refused.error
    declare(stack, "test-failover", "protected")
    succeeds(stack, *_UP, "--plan", plan)
    assert stack.machine("db-01")["observedPhase"] == "test-failover"
    assert_nothing_left_to_do(stack)


@row("pulumi import")
def test_a_resource_of_this_program_is_not_imported(stack: Stack) -> None:
    recorded = stack.resources()
    with clouds_left_alone(stack):
        kind = "pulumi-python:dynamic/asr:Machine"
        refused = stack.run("import", "--yes", "--protect=false", kind, "web-02", "web-02")
    assert refused.code != 0
    assert stack.resources() == recorded


@row("pulumi up --target <a wave that left the config>")
def test_a_wave_that_left_does_not_take_along_a_machine_that_moved(stack: Stack) -> None:
    gone = urn(stack, "Wave", "rest")
    stack.declare(shop=("test-failover", ["db-01", "web-01"]), other=("protected", ["app-01"]))
    stack.waves["shop"] |= {"requireTestFailover": False}
    with clouds_left_alone(stack):
        for more in ([], ["--target-dependents"]):
            succeeds(stack, *_UP, "--target", gone, *more)
    # Its machine's record still names it, so it is not deleted before that record has moved.
    assert urn(stack, "Wave", "rest") == gone
    declare(stack, "test-failover", "protected")
    succeeds(stack, *_UP)


@row("pulumi destroy --target <a record>")
def test_a_destroyed_record_leaves_its_machine_replicating(stack: Stack) -> None:
    with clouds_left_alone(stack):
        done = succeeds(stack, *_DESTROY, "--target", urn(stack, "Machine", "app-01"))
    assert "its replication goes on until its wave is" in done.line("app-01")
    assert stack.recorded("app-01") is None


@row("pulumi state delete <a wave or record>")
def test_what_is_forgotten_is_found_again(stack: Stack) -> None:
    for name in ("db-01", "web-01"):
        stack.succeeds("state", "delete", urn(stack, "Machine", name), "--yes")
    stack.succeeds("state", "delete", urn(stack, "Wave", "shop"), "--yes")
    with clouds_left_alone(stack):
        succeeds(stack, *_UP)
    assert {name: one["observedPhase"] for name, one in stack.outputs()["machines"].items()} == {
        "db-01": "test-failover",
        "web-01": "test-failover",
        "app-01": "protected",
    }


@row("pulumi state rename <a wave or record>")
def test_what_is_renamed_in_the_record_is_recorded_by_its_own_name_again(stack: Stack) -> None:
    for kind, name in (("Wave", "rest"), ("Machine", "app-01")):
        stack.succeeds("state", "rename", urn(stack, kind, name), f"{name}-x", "--yes")
    with clouds_left_alone(stack):
        succeeds(stack, *_UP)
    assert_nothing_left_to_do(stack)


@row("pulumi stack rm --force")
def test_a_stack_that_is_forgotten_changes_nothing_and_its_export_brings_it_back(
    stack: Stack, tmp_path: Path
) -> None:
    exported = str(tmp_path / "stack.json")
    stack.succeeds("stack", "export", "--file", exported)
    with clouds_left_alone(stack):
        stack.succeeds("stack", "rm", "--force", "--preserve-config", "--yes")
    stack.succeeds("stack", "init", STACK)
    stack.succeeds("stack", "import", "--file", exported)
    assert_nothing_left_to_do(stack)


@row("pulumi state move <a wave>")
def test_a_wave_that_moved_to_another_stack_is_recorded_again_and_forgotten_there(
    stack: Stack,
) -> None:
    stack.succeeds("stack", "init", _OTHER)
    ending = ":components:MigrationWave::rest"
    (wave,) = (one["urn"] for one in stack.resources() if one["urn"].endswith(ending))
    with clouds_left_alone(stack):
        move = ("state", "move", "--yes", "--source", STACK, "--dest", _OTHER)
        stack.succeeds(*move, wave)
        assert stack.recorded("app-01") is None
        succeeds(stack, *_UP)
        # Nothing tells the other stack that the machines are not its own.
        removal = succeeds(stack, "destroy", "--preview-only", "--stack", _OTHER)
        assert removal.changes["Wave rest"] == "delete"
        of_other = wave.replace(f":{STACK}::", f":{_OTHER}::")
        stack.succeeds(
            *("state", "delete", of_other, "--target-dependents", "--yes", "--stack", _OTHER)
        )
        succeeds(stack, *_DESTROY, "--stack", _OTHER)
    assert_nothing_left_to_do(stack)


@row("pulumi watch")
def test_a_watch_brings_no_phase_that_was_changed_since_it_began(
    stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "pulumi-watch").write_text(_WATCHES)
    (tmp_path / "pulumi-watch").chmod(0o755)
    stack.environment["PATH"] = f"{tmp_path}:{stack.environment['PATH']}"
    stack.environment["SAVED"] = str(tmp_path / "saved")
    with clouds_left_alone(stack):
        watch = stack.start("watch", logged=False)
        watch.until("Watch mode enabled")
        declare(stack, "test-failover", "test-failover")
        stack.succeeds("config", "get", "ec2-to-azure:experience")
        (tmp_path / "saved").touch()
        watch.until("Update complete; changes made: None")
        watch.interrupt()
        assert "Traceback" not in watch.result().text
    declare(stack, "test-failover", "protected")


@row("pulumi up <while another run is under way>")
def test_a_run_beside_a_living_one_is_refused_until_that_is_stopped(stack: Stack) -> None:
    declare(stack, "test-failover", "test-failover")
    before = len(stack.clouds.audit())
    stack.clouds.set_scale(0)
    living = stack.start(*_UP, real=True)
    stack.clouds.until(lambda: len(stack.clouds.audit()) > before)
    declare(stack, "test-failover", "protected")
    with clouds_left_alone(stack):
        assert "test failover cleanup" in succeeds(stack, "preview").line("rest")
        for command in (_UP, _DESTROY, ("refresh", "--yes", "--skip-preview")):
            refused = stack.run(*command)
            assert refused.code != 0
            assert "the stack is currently locked" in refused.text
        living.process.send_signal(signal.SIGINT)
        living.until("press ^C again")
        living.process.send_signal(signal.SIGINT)
        assert living.result().code != 0
    stack.clouds.set_scale(SCALE)
    succeeds(stack, *_UP)
    assert stack.machine("app-01")["observedPhase"] == "protected"
    assert stack.clouds.operations("app-01")[-2:] == ["TestFailover", "TestFailoverCleanup"]


@row("pulumi up --refresh")
def test_an_up_that_refreshes_first_finds_what_it_recorded(stack: Stack) -> None:
    with clouds_left_alone(stack):
        succeeds(stack, *_UP, "--refresh", "--expect-no-changes")


@row("pulumi up --skip-preview")
def test_an_up_without_a_preview_is_refused_like_one_with_it(stack: Stack) -> None:
    declare(stack, "test-failover", "failed-over")
    stack.waves["rest"].pop("requireTestFailover", None)
    with clouds_left_alone(stack):
        refused = stack.run(*_UP)
    assert refused.code != 0
    assert "app-01" in refused.error
    declare(stack, "test-failover", "protected")


@row("pulumi cancel")
def test_cancel_ends_no_run_that_is_not_there(stack: Stack) -> None:
    with clouds_left_alone(stack):
        stack.succeeds("cancel", "--yes")
    assert stack.outputs()["machines"]["app-01"]["observedPhase"] == "protected"


@row("pulumi destroy --target <a wave>")
def test_a_wave_is_not_destroyed_from_under_its_records(stack: Stack) -> None:
    with clouds_left_alone(stack):
        refused = stack.run(*_DESTROY, "--target", urn(stack, "Wave", "rest"))
    assert refused.code != 0
    assert "app-01" in refused.text
    assert "Traceback" not in refused.text


@row("pulumi destroy --exclude <a wave>")
def test_a_destroy_without_a_wave_leaves_it_replicating(stack: Stack) -> None:
    before = stack.clouds.audit()
    succeeds(stack, *_DESTROY, "--exclude", urn(stack, "Wave", "shop"))
    changed = {one.get("machine") for one in stack.clouds.audit()[len(before) :]}
    assert changed == {"app-01"}
    assert plans(stack) == [PLAN]


@row("pulumi destroy --target <a wave> --target-dependents")
def test_a_destroyed_wave_takes_its_machines_out_of_the_vault(stack: Stack) -> None:
    shop = urn(stack, "Wave", "shop")
    succeeds(stack, *_DESTROY, "--target", shop, "--target-dependents")
    for machine in ("db-01", "web-01"):
        assert stack.clouds.operations(machine)[-1] == "Delete"
    assert plans(stack) == []
    assert stack.clouds.vaults(GROUP) == {VAULT}


@row("pulumi destroy --run-program")
def test_a_destroy_with_the_program_leaves_nothing_behind(stack: Stack) -> None:
    succeeds(stack, *_DESTROY, "--run-program")
    assert stack.clouds.vaults(GROUP) == set()
    for machine in ("app-01", "db-01", "web-01"):
        assert stack.clouds.operations(machine)[-1] == "Delete"
