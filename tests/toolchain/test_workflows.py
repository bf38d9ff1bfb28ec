from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from toolchain import engine, environment, stacks
from toolchain.layout import checkout

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


def test_the_stacks_of_this_project_wait_for_their_owners_values() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys; sys.path.insert(0, '.'); "
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


@pytest.mark.parametrize("name", [path.stem for path in WORKFLOWS])
def test_no_workflow_has_more_than_it_needs(name: str) -> None:
    allowed = {"contents": "read", "id-token": "write"}
    if name == "preview":
        allowed["pull-requests"] = "write"
    assert workflow(name)["permissions"] == allowed
