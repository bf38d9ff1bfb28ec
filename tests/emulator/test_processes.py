"""The emulator's processes: started, killed, started again and stopped for real."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator import processes
from emulator.__main__ import main
from emulator.aws.estate import IMAGES
from emulator.aws.fleet import FLEET, fleet
from emulator.record import Clouds, ProcessError, Running
from tests.warm_python import warm_clouds

from .conftest import GROUP

ROOT = Path(__file__).resolve().parents[2]
_ASKS = """
import boto3
from azure.identity import DefaultAzureCredential
[found] = boto3.client("ec2").describe_instances(MaxResults=5)["Reservations"][:1]
print(found["Instances"][0]["InstanceId"][:2])
assert DefaultAzureCredential().get_token("https://management.azure.com/.default").token
print("token")
"""
URL = f"{GROUP}?api-version=2024-03-01"


def silent(line: str) -> None:
    """Says nothing."""


def start(directory: Path, *, killed: bool = False, **options: Any) -> Clouds:
    """Start the clouds: processes that a test kills as a user does, others from warm Pythons."""
    python = sys.executable if killed else str(warm_clouds())
    return processes.up(directory, python=python, say=silent, **options)


def stop(directory: Path, **options: Any) -> None:
    processes.down(directory, say=silent, **options)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory to start clouds in. Clouds that still run at the end are stopped."""
    place = tmp_path / "clouds"
    yield place
    if (place / "clouds.json").exists():
        stop(place)


def fetch(url: str, method: str = "GET", body: object = None, **headers: str) -> Any:
    content = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, content, named, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def token(clouds: Clouds) -> str:
    environment = clouds.environment()
    answer = fetch(
        f"{environment['IDENTITY_ENDPOINT']}?api-version=2019-08-01"
        "&resource=https://management.azure.com",
        X_IDENTITY_HEADER=environment["IDENTITY_HEADER"],
    )
    return f"Bearer {answer['access_token']}"


def kill(running: Running) -> None:
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    # It is our child: once it is reaped, it is surely gone.
    os.waitpid(running.pid, 0)


def test_azure_goes_on_where_it_stood_after_a_kill(directory: Path) -> None:
    clouds = start(directory, killed=True)
    azure = clouds.services["azure"]
    fetch(f"{azure.endpoint}/_emulator/clock", "PUT", {"scale": 1000})
    fetch(azure.endpoint + URL, "PUT", {"location": "westeurope"}, Authorization=token(clouds))
    stood = fetch(f"{azure.endpoint}/_emulator/audit")["value"][-1]["time"]
    kept = token(clouds)

    kill(azure)
    assert processes.status(directory)["azure"] == "stopped"
    again = start(directory)

    assert again.services["azure"].port == azure.port
    assert again.services["azure"].pid != azure.pid
    assert again.services["aws"] == clouds.services["aws"]
    assert fetch(azure.endpoint + URL, Authorization=kept)["name"] == "rg-test"
    clock = fetch(f"{azure.endpoint}/_emulator/clock")
    assert (clock["now"] >= stood, clock["scale"]) == (True, 1000)


def test_starting_again_what_runs_changes_nothing_and_stopping_is_complete(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--directory", str(directory)]
    assert main(["up", *place]) == 0
    first = Clouds.read(directory).services
    assert main(["up", *place, "--scale", "7"]) == 0
    assert Clouds.read(directory).services == first
    assert fetch(f"{first['azure'].endpoint}/_emulator/clock")["scale"] == 7
    assert main(["status", *place]) == 0
    capsys.readouterr()

    assert main(["environment", *place]) == 0
    exported = capsys.readouterr().out
    azure = first["azure"].endpoint
    assert f"export AZURE_RESOURCE_MANAGER_ENDPOINT={azure}\n" in exported
    assert f"export AWS_ENDPOINT_URL={first['aws'].endpoint}\n" in exported

    assert main(["down", *place]) == 0
    assert main(["status", *place]) == 1
    for running in first.values():
        assert not running.alive
        with pytest.raises(urllib.error.URLError):
            fetch(f"{running.endpoint}/_emulator/health")
    assert main(["down", "--remove", *place]) == 0
    assert not directory.exists()


def test_what_an_older_version_did_not_record_is_recorded_although_all_runs(
    directory: Path,
) -> None:
    start(directory)
    path = directory / "clouds.json"
    recorded = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in recorded.items() if k in ("aws", "azure")}))
    start(directory)
    assert json.loads(path.read_text()) == recorded


def test_ports_stay_the_same_from_one_start_to_the_next(directory: Path) -> None:
    ports = {name: one.port for name, one in start(directory).services.items()}
    stop(directory)
    assert {name: one.port for name, one in start(directory).services.items()} == ports


def test_azure_is_told_when_the_estate_has_moved(directory: Path) -> None:
    before = start(directory, killed=True).services
    kill(before["aws"])
    with socket.create_server(("127.0.0.1", before["aws"].port)):
        after = start(directory).services
    assert after["aws"].port != before["aws"].port
    assert after["azure"].port == before["azure"].port
    assert after["azure"].pid != before["azure"].pid
    assert after["azure"].pid is not None
    command = Path(f"/proc/{after['azure'].pid}/cmdline").read_text()
    assert after["aws"].endpoint in command


def test_azure_is_started_again_when_its_switches_change(directory: Path) -> None:
    before = start(directory).services
    after = start(directory, any_token=True).services
    assert after["aws"] == before["aws"]
    assert after["azure"].port == before["azure"].port
    assert after["azure"].pid != before["azure"].pid
    url = f"{after['azure'].endpoint}/subscriptions?api-version=2022-12-01"
    assert fetch(url, Authorization="Bearer anything")["value"]
    assert start(directory, any_token=True).services == after


def test_the_estate_has_the_ids_that_the_dev_stack_names(directory: Path) -> None:
    estate = fetch(f"{start(directory).services['aws'].endpoint}/_emulator/estate")
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    source = config["ec2-to-azure:source"]
    assert source["vpcId"] == estate["vpc"]
    assert source["configurationServer"]["subnetId"] == estate["subnets"]["migration"]
    assert source["configurationServer"]["amiId"] in estate["images"].values()
    declared = {
        name: machine["instanceId"] for name, machine in config["ec2-to-azure:machines"].items()
    }
    assert declared == {name: estate["machines"][name] for name in declared}
    assert set(estate["machines"]) == {machine.name for machine in FLEET}


def test_an_estate_has_as_many_machines_as_it_is_told_and_keeps_their_number(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clouds = start(directory, killed=True, machines=20)
    aws = clouds.services["aws"]
    machines = fetch(f"{aws.endpoint}/_emulator/estate")["machines"]
    assert list(machines) == [machine.name for machine in fleet(20)]
    small = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    declared = small["ec2-to-azure:machines"]
    assert {name: machines[name] for name in declared} == {
        name: machine["instanceId"] for name, machine in declared.items()
    }

    assert start(directory, killed=True).services["aws"] == aws
    assert start(directory, killed=True, machines=20).services["aws"] == aws
    assert main(["up", "--directory", str(directory), "--machines", "30"]) == 1
    error = capsys.readouterr().err
    assert "runs with 20 machines, not with 30" in error
    assert "make down" in error

    kill(aws)
    again = start(directory, killed=True).services["aws"]
    assert len(fetch(f"{again.endpoint}/_emulator/estate")["machines"]) == len(machines)


@pytest.mark.parametrize("number", ["8", "4001", "many"])
def test_a_number_of_machines_that_no_estate_has_is_refused(number: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["up", "--machines", number])
    assert ended.value.code == 2


def test_aws_answers_at_its_own_control_api_what_it_has(directory: Path) -> None:
    clouds = start(directory)
    endpoint = clouds.services["aws"].endpoint
    health = fetch(f"{endpoint}/_emulator/health")
    known = {"status": "ok", "service": "aws", "seed": 1, "changes": 0, "busy": 0, "missed": False}
    assert health == known | {"run": health["run"], "guests": clouds.services["azure"].endpoint}
    assert health["run"]
    for path, code in (("nothing", 404), ("systems-manager/executions", 405)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"{endpoint}/_emulator/{path}", "GET")
        with refused.value as answer:
            assert (answer.code, path in json.loads(answer.read())["error"]) == (code, True)


def test_a_stranger_with_a_recorded_process_id_is_left_alone(directory: Path) -> None:
    directory.mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    record = {"port": 1, "pid": stranger.pid, "arguments": ["-m", "emulator", "aws"]}
    (directory / "clouds.json").write_text(json.dumps({"aws": record, "azure": record}))
    stop(directory)
    assert stranger.poll() is None
    stranger.communicate(b"\n", timeout=10)
    assert stranger.returncode == 0


def test_a_port_that_is_taken_is_named_with_the_way_out(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = ["up", "--directory", str(directory), "--aws-port", str(port)]
        assert main(command) == 1
    error = capsys.readouterr().err
    assert f"Port {port}, wanted for aws, is taken" in error
    assert "--aws-port" in error


def test_no_other_program_can_take_a_port_between_its_choice_and_the_start(
    directory: Path, tmp_path: Path
) -> None:
    thief = tmp_path / "python"
    thief.write_text(
        f"#!{sys.executable}\n"
        "import os, socket, sys\n"
        "port = int(sys.argv[sys.argv.index('--port') + 1])\n"
        "try:\n"
        "    socket.create_server(('127.0.0.1', port))\n"
        "except OSError:\n"
        "    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
        "sys.exit('the port was free')\n"
    )
    thief.chmod(0o755)
    clouds = processes.up(directory, python=str(thief), say=silent)
    assert all(running.healthy() for running in clouds.services.values())


def test_a_standard_input_that_is_no_socket_is_named_with_the_way_out() -> None:
    command = [sys.executable, "-m", "emulator", "azure", "--port", "1", "--listening"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 1
    assert done.stderr == b"emulator: Standard input is no socket. Leave --listening out.\n"


def test_a_server_of_another_protocol_is_no_healthy_cloud() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,))
        thread.start()
        assert not Running(listener.getsockname()[1]).answers()
        thread.join()


def greet(listener: socket.socket) -> None:
    """Answer one connection as a gRPC server does, with a SETTINGS frame of HTTP/2."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"\0\0\x0c\x04\0\0\0\0\0\0\x04\0\x40\0\0\0\x05\0\x40\0\0\r\n")


def test_a_process_that_cannot_start_shows_the_end_of_its_log(directory: Path) -> None:
    directory.mkdir()
    (directory / "azure.sqlite").write_bytes(b"this is no database, and long enough to tell" * 40)
    with pytest.raises(ProcessError) as failed:
        start(directory)
    assert "azure.sqlite cannot be used as the emulator's state" in str(failed.value)
    assert "Traceback" not in str(failed.value)
    # What did start can be stopped.
    stop(directory)
    assert processes.status(directory) == {"aws": "stopped", "azure": "stopped"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"aws": 1}',
        '{"aws": {"port": 1}}',
        '{"aws": {"port": "x", "pid": 999999999, "arguments": []}}',
        '{"azure": {"port": 70000, "pid": 999999999, "arguments": []}}',
        '{"azure": {"port": 1, "pid": "x", "arguments": []}}',
        '{"azure": {"port": 1, "pid": -1, "arguments": []}}',
        '{"azure": {"port": 1, "pid": 999999999, "arguments": 3}}',
        '{"azure": {"port": 1, "pid": 999999999, "arguments": [3]}}',
        '{"azure": {"port": 1, "pid": 999999999, "arguments": [], "authority": 3}}',
    ],
)
def test_an_unreadable_record_is_named(
    directory: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    directory.mkdir()
    (directory / "clouds.json").write_text(content)
    for command in ("up", "down", "status", "environment"):
        assert main([command, "--directory", str(directory)]) == 1
        told = capsys.readouterr().err
        assert f"{directory / 'clouds.json'} is not a record of the emulator" in told
        assert "remove the file" in told
    (directory / "clouds.json").unlink()


def test_nothing_started_is_said_with_the_way_out(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["down", "--directory", str(directory)]) == 0
    assert main(["environment", "--directory", str(directory)]) == 1
    assert "python -m emulator up" in capsys.readouterr().err
    assert main(["status", "--directory", str(directory)]) == 1


def test_no_variable_of_a_shell_leads_sdks_to_other_clouds(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start(directory)
    elsewhere = {
        "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_PROFILE": "production",
        "IDENTITY_SERVER_THUMBPRINT": "90aa",
    }
    for name, value in elsewhere.items():
        monkeypatch.setenv(name, value)
    assert main(["environment", "--directory", str(directory)]) == 0
    shell = f"{capsys.readouterr().out}\nexec {shlex.quote(sys.executable)} -c {shlex.quote(_ASKS)}"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "i-\ntoken\n"


def test_two_starts_at_once_do_not_mix(directory: Path) -> None:
    directory.mkdir()
    with (
        processes.exclusively(directory / "up.lock", "never"),
        pytest.raises(ProcessError, match="is at work"),
    ):
        start(directory)


def test_one_state_serves_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "azure.sqlite"
    with processes.exclusively(tmp_path / "azure.lock", "never"):
        assert main(["azure", "--port", "1", "--database", str(database)]) == 1
    assert f"{database} is in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["up", "--scale", "-1"],
        ["up", "--scale", "fast"],
        ["up", "--azure-port", "70000"],
        ["azure"],
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m emulator" in capsys.readouterr().err


def test_every_machine_of_the_fleet_has_an_image() -> None:
    images = json.loads((ROOT / "emulator" / "aws" / "amis.json").read_text())
    assert {image["ami_id"] for image in images} == set(IMAGES.values())
    assert {machine.image for machine in FLEET} <= set(IMAGES)
