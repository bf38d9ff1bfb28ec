from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from emulator.record import Clouds, Running
from toolchain import environment
from toolchain.engine import Engine
from toolchain.layout import Layout, NotReadyError


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.clouds.mkdir(parents=True)
    engine = Engine("built", str(made.engine), "key")
    made.engine_record.write_text(json.dumps(asdict(engine)))
    return made


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _write_clouds(layout: Layout, aws: int, azure: int) -> None:
    Clouds(layout.clouds, {"aws": Running(aws), "azure": Running(azure)}).write()


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_local_stack_reads_and_writes_nothing_outside_the_checkout(
    layout: Layout, listening: int
) -> None:
    _write_clouds(layout, listening, listening)

    variables = environment.local(layout, {"PATH": "/usr/bin", "HOME": "/home/someone"})

    assert variables["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{listening}"
    assert variables["PULUMI_BACKEND_URL"] == environment.backend(layout.root / ".local" / "state")
    for name in ("PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE", "AZURE_CONFIG_DIR"):
        assert Path(variables[name]).is_relative_to(layout.local)
    assert variables["AWS_CONFIG_FILE"] == "/dev/null"
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_the_local_clouds_are_never_reached_through_a_proxy(layout: Layout, listening: int) -> None:
    _write_clouds(layout, listening, listening)

    variables = environment.local(layout, {"NO_PROXY": "internal.example"})

    assert variables["NO_PROXY"] == "internal.example,127.0.0.1,localhost"
    assert variables["no_proxy"] == variables["NO_PROXY"]


def test_taking_the_environment_twice_changes_nothing(layout: Layout, listening: int) -> None:
    _write_clouds(layout, listening, listening)

    once = environment.local(layout, {"PATH": "/usr/bin"})
    twice = environment.local(layout, once)

    assert once["PATH"] == f"{layout.local}/venv/bin:{layout.local}/engine:/usr/bin"
    assert twice == once


def test_clouds_that_were_never_started_are_said_with_the_way_out(layout: Layout) -> None:
    with pytest.raises(NotReadyError, match=r"do not run.*`make clouds`"):
        environment.local(layout, {})


def test_a_cloud_that_does_not_answer_is_named(layout: Layout, listening: int) -> None:
    closed = _closed_port()
    _write_clouds(layout, listening, closed)

    with pytest.raises(NotReadyError, match=rf"local azure .* port {closed}"):
        environment.local(layout, {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"aws": 1, "azure": 1, "environment": {}}',
        b'{"aws": {"port": "x"}, "azure": {"port": 1}, "environment": {}}',
        b'{"aws": {"port": 1}, "azure": {"port": 1}, "environment": []}',
        b'{"aws": {"port": 1}, "azure": {"port": 1}, "environment": {"AWS_REGION": 1}}',
        b'{"aws": {"port": 1}, "azure": {"port": 1}, "environment": {}, "overriding": [1]}',
    ],
)
@pytest.mark.parametrize("action", [["export"], ["run", "true"]])
def test_a_damaged_record_of_the_clouds_is_named_with_the_way_out(
    action: list[str],
    content: bytes,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(environment, "checkout", lambda: layout)
    record = layout.clouds / "clouds.json"
    record.write_bytes(content)

    assert environment.main(action) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{record} is not a record of the emulator (")
    assert "remove the file" in told.err
    assert "`make clouds`" in told.err


@pytest.mark.parametrize("started", [{}, {"aws": {"port": 1}}])
def test_a_start_of_the_clouds_that_was_killed_is_begun_again(
    started: dict[str, object], layout: Layout
) -> None:
    (layout.clouds / "clouds.json").write_text(json.dumps(started))

    with pytest.raises(NotReadyError, match=r"do not run.*`make clouds`"):
        environment.local(layout, {})


def test_before_set_up_the_way_out_is_set_up(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="make setup"):
        environment.tools(Layout(tmp_path), {})


def test_a_stack_on_real_clouds_keeps_the_users_own_settings(layout: Layout) -> None:
    variables = environment.tools(layout, {"PATH": "/usr/bin", "PULUMI_PARALLEL": "12"})
    assert set(variables) == {"PATH", "PULUMI_PARALLEL"}
    assert variables["PULUMI_PARALLEL"] == "12"


def test_the_environment_of_real_stacks_can_be_taken_into_a_shell(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "checkout", lambda: layout)
    monkeypatch.setenv("AWS_PROFILE", "mine")

    assert environment.main(["export", "--real"]) == 0

    path, parallel = capsys.readouterr().out.splitlines()
    assert path.startswith(f"export PATH={layout.local}/venv/bin:{layout.local}/engine:")
    assert parallel.startswith("export PULUMI_PARALLEL=")


def test_no_variable_of_the_user_leads_a_local_stack_to_other_clouds(
    layout: Layout,
    listening: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _write_clouds(layout, listening, listening)
    monkeypatch.setattr(environment, "checkout", lambda: layout)
    names = [
        "AWS_ENDPOINT_URL_EC2",
        "AWS_ENDPOINT_URL_SSM",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_PROFILE",
        "PULUMI_CONFIG_PASSPHRASE",
    ]
    for name in names:
        monkeypatch.setenv(name, "true")

    assert environment.main(["export"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert sorted(line for line in lines if line.startswith("unset ")) == [
        f"unset {name}" for name in names
    ]
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{listening}" in lines


@pytest.mark.parametrize("action", [["export"], ["run", "true"]])
def test_no_stack_on_real_clouds_is_recorded_among_the_local_ones(
    action: list[str],
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(environment, "checkout", lambda: layout)
    monkeypatch.setenv("PULUMI_BACKEND_URL", environment.backend(layout.state))

    assert environment.main([action[0], "--real", *action[1:]]) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert "PULUMI_BACKEND_URL is file://" in told.err
    assert "use a new shell" in told.err


@pytest.mark.parametrize("url", ["s3://states/a", "file:///srv/states", "file://~", ""])
def test_a_backend_of_the_users_own_is_used(url: str, layout: Layout) -> None:
    assert environment.real(layout, {"PULUMI_BACKEND_URL": url})
