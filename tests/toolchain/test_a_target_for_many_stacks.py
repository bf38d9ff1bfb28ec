"""`make up STACKS="a b c"`: each stack has a run of its own, and none stops another."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from toolchain import many
from toolchain.layout import checkout

# Notes what it is called with. The stack `broken` fails in its target, `absent` when it is selected.
MAKEFILE = """\
.PHONY: stack up report
stack:
	@echo "stack $(STACK)" >> calls
	@test $(STACK) != absent
up report:
	@echo "$@ $(STACK)" >> calls
	@echo "$@ of $(STACK)$(STACKS)"
	@test $(STACK) != broken
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE, "utf-8")
    for stack in ("a", "b", "broken", "absent"):
        (tmp_path / f"Pulumi.{stack}.yaml").touch()
    return tmp_path


def calls(root: Path) -> list[str]:
    return (root / "calls").read_text("utf-8").splitlines()


@pytest.mark.parametrize("at_once", ["1", "3"])
def test_a_stack_that_fails_stops_no_other_one(
    root: Path, at_once: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = many.main(["up", "absent", "a", "broken", "b", "--at-once", at_once], root)

    assert code == 1
    assert calls(root)[:4] == ["stack absent", "stack a", "stack broken", "stack b"]
    assert sorted(calls(root)[4:]) == ["up a", "up b", "up broken"]
    *lines, last = capfd.readouterr().out.splitlines()[-5:]
    assert last == "2 of 4 stacks done; failed: absent, broken"
    for line, says in zip(
        lines,
        ["absent  failed (make stack", "a       done", "broken  failed (make up", "b       done"],
        strict=True,
    ):
        assert line.strip().startswith(says)


def test_all_that_are_done_end_with_0(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert many.main(["up", "a", "b"], root) == 0
    assert capfd.readouterr().out.endswith("2 of 2 stacks done\n")


def test_every_line_names_its_stack_where_several_run_at_a_time(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    many.main(["up", "a", "b", "--at-once", "2"], root)
    out = capfd.readouterr().out.splitlines()
    assert {"a | up of a", "b | up of b"} <= set(out)


def test_a_target_that_only_reads_records_selects_no_stack(root: Path) -> None:
    many.main(["report", "a", "b"], root)
    assert calls(root) == ["report a", "report b"]


def test_the_names_of_the_outer_make_do_not_reach_the_inner_one(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- STACKS=a\\ b STACK=other")
    many.main(["up", "a"], root)
    assert "up of a\n" in capfd.readouterr().out


def test_everything_wrong_with_the_names_is_told_before_anything_runs(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert many.main(["up", "a", "typo", "a", "other"], root) == 1
    told = capfd.readouterr().err
    assert "STACKS names a twice" in told
    assert "there is no Pulumi.typo.yaml" in told
    assert "there is no Pulumi.other.yaml" in told
    assert not (root / "calls").exists()


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_of_stacks_at_a_time_that_is_none_is_refused(
    root: Path, number: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        many.main(["up", "a", f"--at-once={number}"], root)
    assert "is not a number from 1 on" in capfd.readouterr().err


# -- the Makefile of the project ----------------------------------------------------------------


def recipe(*arguments: str, **variables: str) -> str:
    """What `make` would run last, with these variables in its environment."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=checkout().root,
        env={**known, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("target", many.TARGETS)
def test_every_target_of_a_stack_takes_several(target: str) -> None:
    assert recipe(target, "STACKS=staging prod", "AT_ONCE=2").endswith(
        f"-m toolchain.many {target} staging prod --at-once 2"
    )


@pytest.mark.parametrize(
    ("stacks", "real"),
    [("dev dev-modernized", False), ("staging prod", True), ("dev prod", True)],
)
def test_the_table_of_several_stacks_reads_the_clouds_of_all(stacks: str, real: bool) -> None:
    ran = recipe("status", f"STACKS={stacks}")
    first, second = stacks.split()
    assert ran.rstrip().endswith(f"report status --stack {first} --stack {second}")
    assert ("--real" in ran) is real


@pytest.mark.parametrize(("clouds", "real"), [([], True), (["CLOUDS=local"], False)])
def test_one_table_has_all_stacks_of_the_backend(clouds: list[str], real: bool) -> None:
    ran = recipe("status", "STACKS=all", *clouds)
    assert ran.rstrip().endswith("report status --all")
    assert ("--real" in ran) is real


@pytest.mark.parametrize(
    ("variables", "asks"),
    [(["STACK=dev"], False), (["STACK=prod"], True), (["STACK=prod", "YES=1"], False)],
)
def test_pulumi_asks_on_real_clouds_unless_it_is_told_not_to(
    variables: list[str], asks: bool
) -> None:
    ours, _, pulumis = recipe("destroy", "SELECTED=1", *variables).rpartition(" -- ")
    assert ours.endswith(" --yes") is not asks
    assert "--yes" not in pulumis


@pytest.mark.parametrize("options", [[], ["--environment-overrides"]])
def test_only_a_yes_on_the_command_line_is_one(options: list[str]) -> None:
    ours, _, _ = recipe("destroy", "SELECTED=1", "STACK=prod", *options, YES="1").rpartition(" -- ")
    assert not ours.endswith(" --yes")


@pytest.mark.parametrize(
    "variables",
    [
        {"CLOUDS": "local"},
        {"STACKS": "a b", "AT_ONCE": "3"},
        {"SELECTED": "1"},
        {"ARGS": "--yes"},
        {"MACHINES": "200"},
    ],
)
def test_a_variable_that_is_meant_for_something_else_changes_nothing(
    variables: dict[str, str],
) -> None:
    for arguments in (("destroy", "STACK=prod"), ("stack", "STACK=prod"), ("up",)):
        assert recipe(*arguments, **variables) == recipe(*arguments)
