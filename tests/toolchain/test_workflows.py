from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from report.plan import markdown, read
from toolchain import engine, environment, stacks
from toolchain.layout import Layout, checkout

ROOT = checkout().root
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(
        (ROOT / ".github/workflows" / f"{name}.yml").read_text()
    )
    return loaded


def test_the_workflows_are_valid() -> None:
    assert WORKFLOWS
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        ["go", "tool", "actionlint", "-shellcheck", shellcheck, *WORKFLOWS],
        cwd=ROOT / "toolchain" / "actionlint",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pipelines_use_the_engine_that_the_project_uses() -> None:
    assert (ROOT / ".pulumi.version").read_text("utf-8").strip() == engine.VERSION


def test_only_stacks_on_real_clouds_that_are_filled_in_are_migrated(tmp_path: Path) -> None:
    for name, text in {
        "Pulumi.yaml": "name: x",
        "Pulumi.dev.yaml": "config: {}",
        "Pulumi.prod.yaml": "config: {}  # replaces <this>\n# windows: {url: <https://...>}\n",
        "Pulumi.eu.west.yaml": "config: {}",
        "Pulumi.us.yaml": "config:\n  ec2-to-azure:fleetFile: fleet.yaml # shared\n",
        "fleet.yaml": "waves:\n  web: {window: {timezone: <your zone>}}\n",
        "Pulumi.staging.yaml": "config:\n  azure-native:subscriptionId: <subscription id>\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert stacks.ready(tmp_path) == (
        ["eu.west", "prod"],
        {"staging": "<subscription id>", "us": "<your zone>"},
    )


def test_a_command_with_angle_brackets_is_no_placeholder(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(
        """\
config:
  ec2-to-azure:waves:
    data: {cutover: {quiesce: {ssm: {linux: ["mysql shop < /opt/stop.sql > /var/log/stop.log"]}}}}
"""
    )
    (tmp_path / "Pulumi.staging.yaml").write_text("config: {x: '# <not a comment>', y: <z>}")
    assert stacks.ready(tmp_path) == (["prod"], {"staging": "<z>"})


@pytest.mark.parametrize("content", [b"config: [", "config: {x: caf\u00e9}".encode("latin-1")])
@pytest.mark.parametrize("broken", ["Pulumi.prod.yaml", "fleet.yaml"])
def test_a_file_that_cannot_be_read_is_named_and_ends_the_job(
    broken: str,
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fleet = "config: {'ec2-to-azure:fleetFile': fleet.yaml}"
    for stack in ("prod", "staging"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(fleet)
    (tmp_path / broken).write_bytes(content)
    monkeypatch.setattr(stacks, "checkout", lambda: Layout(tmp_path))
    assert stacks.main([]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    [line] = told.err.splitlines()
    assert line.startswith(f"{broken} cannot be read, so no stack is chosen: ")


@pytest.mark.parametrize("name", [path.stem for path in WORKFLOWS])
def test_a_pipeline_ends_if_its_stacks_cannot_be_listed(name: str, tmp_path: Path) -> None:
    [script] = [step["run"] for step in workflow(name)["jobs"]["stacks"]["steps"] if step.get("id")]
    stand_ins = "pip() { :; }\npython() { echo told >&2; return 1; }\n"
    output = tmp_path / "output"
    done = subprocess.run(
        ["bash", "-ec", stand_ins + script],
        cwd=ROOT,
        env={**os.environ, "GITHUB_OUTPUT": str(output)},
        check=False,
    )
    assert done.returncode == 1
    assert not output.exists()


def test_the_stacks_of_this_project_wait_for_their_owners_values(tmp_path: Path) -> None:
    (tmp_path / "yaml").symlink_to(Path(yaml.__file__).parent)
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = ['.', {str(tmp_path)!r}]; "
            "import toolchain.stacks as s; sys.exit(s.main([]))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
    assert "Pulumi.prod.yaml is left out: it still says <subscription id>" in done.stderr


def test_a_run_that_migrates_is_never_cancelled_and_waits_for_its_reviewers() -> None:
    job = workflow("migrate")["jobs"]["up"]
    assert job["concurrency"] == {
        "group": "migrate-${{ matrix.stack }}",
        "cancel-in-progress": False,
    }
    assert job["environment"] == "${{ matrix.stack }}"


def test_a_run_keeps_what_the_stack_says_of_convergence(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("{name: ec2-to-azure, runtime: python}")
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config:\n  ec2-to-azure:convergence: {poll: 7s, wait: 2h}\n")
    [migrate] = [
        step["run"]
        for step in workflow("migrate")["jobs"]["up"]["steps"]
        if step.get("name") == "Migrate"
    ]
    tools = environment.tools(checkout(), os.environ)
    (tmp_path / "state").mkdir()
    variables = {
        **os.environ,
        **tools,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": environment.backend(tmp_path / "state"),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "STACK": "prod",
        "WAIT": "45m",
        "ON_PENDING": "warn",
    }
    # What `make` does is tested elsewhere.
    script = f'make() {{ echo made "$@"; }}\npulumi stack init prod >&2\n{migrate}'
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("made up STACK=prod YES=1\n")
    config = yaml.safe_load(file.read_text("utf-8"))["config"]
    assert config["ec2-to-azure:convergence"] == {
        "poll": "7s",
        "wait": "45m",
        "onPending": "warn",
    }


_GH = """#!/bin/bash
printf '%s\\n' "$*" >> calls
while [ $# -gt 0 ]; do
  case $1 in
    body=@*) cp "${1#body=@}" body ;;
    --jq) jq -r "$2" < "$COMMENTS" ;;
  esac
  shift
done
"""
_NEWEST, _OLDER = "4b1d" * 10, "90aa" * 10


def step(job: str, name: str) -> dict[str, Any]:
    """A step of the preview."""
    [found] = [
        each for each in workflow("preview")["jobs"][job]["steps"] if each.get("name") == name
    ]
    return dict(found)


def comment(folder: Path, job: str, name: str, comments: list[str]) -> tuple[list[str], str]:
    """Run a step that comments on a pull request.

    Args:
        folder: where it runs.
        job: the job of the step.
        name: the name of the step.
        comments: those of the pull request. The first has id 1.

    Returns:
        The requests that change something at GitHub, and the last comment.
    """
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed, which the stand-in of gh needs")
    tools = folder / "bin"
    tools.mkdir()
    (tools / "gh").write_text(_GH)
    (tools / "gh").chmod(0o755)
    there = [{"id": number, "body": body} for number, body in enumerate(comments, 1)]
    (folder / "comments").write_text(json.dumps(there))
    found = step(job, name)
    own = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "GITHUB_REPOSITORY": "team/fleet",
        "COMMENTS": str(folder / "comments"),
        **{name: name.lower() for name in found["env"]},
        "STACK": "prod",
        "COMMIT": _NEWEST,
    }
    subprocess.run(["bash", "-e", "-c", found["run"]], cwd=folder, env=own, check=True)
    calls = (folder / "calls").read_text().splitlines()
    body = folder / "body"
    return [each for each in calls if "--method" in each], body.read_text() if body.exists() else ""


_PLAN = markdown(read("prod", {}))
_OF_OTHERS = ["Looks good.", markdown(read("prod-eu", {}))]


@pytest.mark.parametrize(
    ("earlier", "request_"),
    [
        ([], "--method POST repos/team/fleet/issues/number/comments "),
        ([_PLAN], "--method PATCH repos/team/fleet/issues/comments/3 "),
    ],
)
def test_the_comment_of_a_pull_request_is_that_of_the_newest_preview(
    earlier: list[str], request_: str, tmp_path: Path
) -> None:
    plan = tmp_path / ".local" / "plan" / "prod.md"
    plan.parent.mkdir(parents=True)
    plan.write_text(_PLAN)
    [sent], text = comment(tmp_path, "preview", "Comment", [*_OF_OTHERS, *earlier])
    assert request_ in sent
    assert text == f"{_PLAN}\nThis is of commit {_NEWEST}.\n"
    assert (tmp_path / "summary").read_text() == text


def test_a_preview_that_failed_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    [sent], text = comment(tmp_path, "preview", "Comment", [*_OF_OTHERS, _PLAN])
    assert "--method PATCH repos/team/fleet/issues/comments/3 " in sent
    first, title, _, why = text.splitlines()
    assert first == _PLAN.splitlines()[0], "by it the older one is found"
    assert title == "### `prod`: the newest preview failed"
    assert f"commit {_NEWEST} ended before it knew what would happen. [Its log](log)" in why


def test_no_plan_of_an_older_commit_looks_like_the_newest_one(tmp_path: Path) -> None:
    of_newest = f"{_PLAN}\nThis is of commit {_NEWEST}.\n"
    older = f"{markdown(read('staging', {}))}\nThis is of commit {_OLDER}.\n"
    comments = ["Looks good.", of_newest, older]
    [sent], text = comment(tmp_path, "reviewed", "Older plans", comments)
    assert "--method PATCH repos/team/fleet/issues/comments/3 " in sent
    assert text.splitlines() == [
        "<!-- plan of staging -->",
        "### The newest commit was not previewed",
        "",
        f"What stood here was of an older commit than {_NEWEST}. [The log](log) says why.",
    ]


def test_nothing_is_said_if_each_plan_is_of_the_newest_commit(tmp_path: Path) -> None:
    of_newest = f"{_PLAN}\nThis is of commit {_NEWEST}.\n"
    assert comment(tmp_path, "reviewed", "Older plans", [of_newest, "Looks good."]) == ([], "")


@pytest.mark.parametrize(
    ("listed", "stacks", "preview", "code", "told"),
    [
        ("success", '["prod"]', "success", 0, ""),
        ("success", "[]", "skipped", 0, "::notice::No stack is filled in, so none was previewed"),
        ("failure", "", "skipped", 1, "::error::The stacks were not listed, so none was previewed"),
        ("cancelled", "", "skipped", 1, "::error::The stacks were not listed"),
        ("success", '["prod"]', "failure", 1, "::error::Not every stack was previewed"),
        ("success", '["prod"]', "cancelled", 1, "::error::Not every stack was previewed"),
        # A fork has no credentials.
        ("success", '["prod"]', "skipped", 1, "::error::Not every stack was previewed"),
    ],
)
def test_a_pull_request_that_was_not_previewed_does_not_look_reviewed(
    listed: str, stacks: str, preview: str, code: int, told: str
) -> None:
    job = workflow("preview")["jobs"]["reviewed"]
    assert set(job["needs"]) == {"stacks", "preview"}
    assert job["if"] == "always()", "GitHub takes a job that was skipped for one that passed"
    found = step("reviewed", "Result")
    own = {**found["env"], "LISTED": listed, "STACKS": stacks, "PREVIEWED": preview}
    assert own.keys() == found["env"].keys()
    done = subprocess.run(
        ["bash", "-e", "-c", found["run"]],
        env={"PATH": os.environ["PATH"], **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(told)


def test_no_preview_of_an_older_commit_ends_after_that_of_a_newer_one() -> None:
    assert workflow("preview")["concurrency"] == {
        "group": "preview-${{ github.event.pull_request.number }}",
        "cancel-in-progress": True,
    }


@pytest.mark.parametrize("name", [path.stem for path in WORKFLOWS])
def test_no_workflow_has_more_than_it_needs(name: str) -> None:
    allowed = {"contents": "read", "id-token": "write"}
    if name == "preview":
        allowed["pull-requests"] = "write"
    assert workflow(name)["permissions"] == allowed
