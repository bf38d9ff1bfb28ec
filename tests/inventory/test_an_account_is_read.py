from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import botocore.session
import pytest
from moto import mock_aws

from inventory import accounts
from inventory.__main__ import main
from inventory.accounts import Measures
from site_recovery.aws import client as aws_client
from site_recovery.aws import ec2, managed_instances
from site_recovery.aws.managed_instances import ManagedInstance
from tests.local_aws import LocalAws


def run(directory: Path, *arguments: str) -> int:
    return main(["--directory", str(directory), *arguments])


def test_the_estate_becomes_a_stack_file_a_report_and_a_sheet(
    aws: LocalAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0

    text = (tmp_path / "Pulumi.estate.yaml").read_text("utf-8")
    for name, instance in aws.estate["machines"].items():
        assert (f"{name}: {{instanceId: {instance}}}" in text) is (name != "arm-01")
    report = (tmp_path / "inventory-report" / "report.md").read_text("utf-8")
    assert "| estate | 10 | 9 | 0 | 1 |" in report
    assert "arm-01 (" in report
    assert (tmp_path / "inventory-report" / "machines.csv").read_text("utf-8").count("\n") == 10
    assert "9 machines in 1 stack, 1 that cannot be migrated." in capsys.readouterr().out


def test_authorities_that_are_no_file_are_said_once_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    assert run(tmp_path, "--region", "eu-west-1") == 1
    said = capsys.readouterr().err
    assert said.count("AWS_CA_BUNDLE") == 1
    assert "no such file" in said
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_keeps_what_a_person_changed_and_shows_what_it_adds(
    aws: LocalAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    file = tmp_path / "Pulumi.estate.yaml"
    instance = aws.estate["machines"]["web-02"]
    own = file.read_text("utf-8").replace("web-01", "frontend").replace("<subscription id>", "mine")
    file.write_text(own)
    memory = tmp_path / "inventory-report" / "written.json"
    memory.write_text(memory.read_text("utf-8").replace(instance, "i-00000000000000000"))
    file.write_text(own.replace(f"    web-02: {{instanceId: {instance}}}\n", ""))
    capsys.readouterr()

    assert run(tmp_path) == 0

    printed = capsys.readouterr().out
    assert f"+    web-02: {{instanceId: {instance}}}" in printed
    text = file.read_text("utf-8")
    assert "frontend: {instanceId" in text
    assert "subscriptionId: mine" in text
    assert "web-01" not in text

    assert run(tmp_path) == 0
    assert file.read_text("utf-8") == text


def test_the_sheet_is_applied_to_the_stack_file(aws: LocalAws, tmp_path: Path) -> None:
    run(tmp_path)
    sheet = tmp_path / "inventory-report" / "machines.csv"
    written = sheet.read_text("utf-8")
    assert written.count(",wave,1,") == 2, "databases start first"
    sheet.write_text(re.sub(r",wave,(?=\d)", ",first,", written))

    assert run(tmp_path, "--from-sheet", str(sheet)) == 0

    text = (tmp_path / "Pulumi.estate.yaml").read_text("utf-8")
    assert "    first:\n      phase: protected\n" in text
    assert "          - [db-01, db-02]\n" in text
    assert "    wave:\n" not in text
    sheet.write_text(re.sub(r",wave,(?=\d)", ",second,", written))
    file = tmp_path / "Pulumi.estate.yaml"
    file.write_text(text.replace("    first:", "    by-hand:"))
    run(tmp_path)
    assert ",second,1," in sheet.read_text("utf-8"), "what is not applied yet stays"


def test_the_system_that_runs_counts_and_not_the_one_that_was_launched(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = aws.estate["machines"]["app-01"]
    running = ManagedInstance(
        instance, "Online", "Microsoft Windows Server 2012 R2 Standard", "6.3.9600"
    )
    monkeypatch.setattr(
        managed_instances, "every_managed_instance", lambda *_: ({instance: running}, [])
    )

    reading = accounts.read(accounts.identities([], []), ["eu-west-1"], Measures())

    assert reading.problems == []
    systems = {machine.id: machine.facts.os for machine in reading.machines}
    assert systems[instance] == "windows-server-2012-r2"
    assert systems[aws.estate["machines"]["app-02"]] == "windows-server-2012"


def test_machines_tell_their_connections_through_systems_manager(aws: LocalAws) -> None:
    reading = accounts.read(accounts.identities([], []), ["eu-west-1"], Measures(sockets=True))
    assert reading.problems == []
    assert reading.unknown == []
    assert reading.connections is not None


def test_the_report_of_an_estate_says_what_was_read_of_connections_and_change(
    aws: LocalAws, tmp_path: Path
) -> None:
    assert run(tmp_path, "--connections", "flow-logs") == 0
    text = (tmp_path / "inventory-report" / "report.md").read_text("utf-8")
    assert f"No flow log and no machine of VPC {aws.estate['vpc']} (estate) in eu-west-1" in text
    assert "| no values |" in text, "nothing was measured of the disks"


def test_a_role_in_an_account_is_assumed(aws: LocalAws, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/estate-machine"
    assert run(tmp_path, "--role-arn", role) == 0
    assert (tmp_path / "Pulumi.estate.yaml").exists()


def test_what_cannot_be_read_is_named_and_the_rest_is_written(
    aws: LocalAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config"
    file.write_text("[profile mine]\naws_access_key_id = local\naws_secret_access_key = local\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(file))
        assert run(tmp_path, "--profile", "mine", "--profile", "nobodys") == 1

    assert (tmp_path / "Pulumi.estate.yaml").exists()
    wrong = capsys.readouterr().err
    assert "profile nobodys in eu-west-1: The config profile (nobodys) could not be found" in wrong
    report = (tmp_path / "inventory-report" / "report.md").read_text("utf-8")
    assert "Not everything could be read" in report


def test_without_a_region_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    assert run(tmp_path) == 1
    assert "--region eu-west-1" in capsys.readouterr().err


def test_a_region_that_does_not_exist_is_said_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--region", "eu-west-9", "--region", "eu-west-1") == 1
    said = capsys.readouterr().err
    assert "--region: 'eu-west-9' is not a region of AWS" in said
    assert said.count("--region") == 1
    assert list(tmp_path.iterdir()) == []


def test_something_else_that_answers_for_aws_is_said_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(404)
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Sign in</title><p>Welcome")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as portal:
        Thread(target=portal.serve_forever, kwargs={"poll_interval": 0.05}).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{portal.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        code = run(tmp_path, "--region", "eu-west-1")
        portal.shutdown()
    assert code == 1
    assert "in eu-west-1 that is not AWS: its answer cannot be read" in capsys.readouterr().err


def test_a_plan_stays_in_the_sheet_while_its_stack_is_not_read(
    aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path)
    sheet = tmp_path / "inventory-report" / "machines.csv"
    planned = sheet.read_text("utf-8").replace(",wave,1,,,", ",pilot,1,ann,,")
    assert ",pilot,1,ann," in planned
    sheet.write_text(planned)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    assert run(tmp_path, "--profile", "nobodys") == 1
    assert sheet.read_text("utf-8") == planned
    assert run(tmp_path, "--region", "us-east-1") == 0, "another region, with nothing in it"
    assert sheet.read_text("utf-8") == planned
    assert run(tmp_path) == 0
    assert sheet.read_text("utf-8") == planned

    (tmp_path / "Pulumi.estate.yaml").unlink()
    assert run(tmp_path, "--region", "us-east-1") == 0
    assert sheet.read_text("utf-8").count("\n") == 1, "and goes with the stack"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text.replace(b",wave,", b",J\xfcrg,", 1), "it cannot be read"),
        (lambda text: text.replace(b",wave,2,", b",pilot,,2,", 1), "more or fewer cells"),
    ],
    ids=["not in UTF-8", "a cell too many"],
)
def test_a_sheet_that_cannot_be_read_is_left_alone_and_named(
    change: Callable[[bytes], bytes],
    what: str,
    aws: LocalAws,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path)
    sheet = tmp_path / "inventory-report" / "machines.csv"
    sheet.write_bytes(own := change(sheet.read_bytes()))
    assert run(tmp_path) == 1
    assert sheet.read_bytes() == own
    said = capsys.readouterr().err
    assert "The sheet was left as it is:\n  - machines.csv" in said
    assert what in said


def test_a_stack_file_that_is_broken_stops_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: [")
    assert run(tmp_path, "--region", "eu-west-1") == 1
    assert "Pulumi.prod.yaml is not YAML" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["<<<<<<< HEAD\n{}", "[]", "", '{"shop": "i-1"}'],
    ids=["merge", "list", "empty", "text"],
)
def test_a_memory_that_is_broken_stops_before_anything_is_read(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inventory-report").mkdir()
    (tmp_path / "inventory-report" / "written.json").write_text(text)
    assert run(tmp_path, "--region", "eu-west-1") == 1
    assert "written.json: it is not as the inventory wrote it" in capsys.readouterr().err


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The requests of every client, by operation."""
    calls: Counter[str] = Counter()
    make = botocore.session.Session.create_client
    # Clients are shared, and those of other tests are not counted.
    aws_client._client.cache_clear()

    def client(session: botocore.session.Session, *args: Any, **kwargs: Any) -> Any:
        made: Any = make(session, *args, **kwargs)
        made.meta.events.register("before-call", lambda model, **_: calls.update([model.name]))
        return made

    monkeypatch.setattr(botocore.session.Session, "create_client", client)
    return calls


def test_the_number_of_requests_does_not_grow_with_the_machines(
    counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        own = boto3.client("ec2", region_name="eu-west-1")
        image = own.describe_images()["Images"][0]["ImageId"]
        own.run_instances(ImageId=image, MinCount=120, MaxCount=120, InstanceType="m5.large")
        counted.clear()

        machines, problems = ec2.every_machine("eu-west-1")

    assert problems == []
    assert len(machines) == 120
    assert set(counted.values()) == {1}
