from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from site_recovery.aws.client import connect

REGION = "eu-west-1"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def test_a_service_has_one_client_in_a_process() -> None:
    assert connect("ec2", REGION) is connect("ec2", REGION)
    assert connect("ec2", REGION) is not connect("ec2", "us-east-1")


def test_another_environment_has_clients_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    first = connect("ec2", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    second = connect("ec2", REGION)
    assert second is not first
    assert second.meta.endpoint_url == "http://127.0.0.1:1"


@pytest.mark.parametrize("service", ["ec2", "iam", "ssm"])
def test_a_client_is_described_as_one_of_boto3_is(service: str) -> None:
    make: object = connect
    assert callable(make)
    ours = make(service, REGION)
    theirs = boto3.session.Session().client(service, region_name=REGION)  # type: ignore[call-overload]
    assert dir(ours) == dir(theirs)
    assert ours.meta.endpoint_url == theirs.meta.endpoint_url
    for operation in ours.meta.service_model.operation_names:
        mine, its = (
            client.meta.service_model.operation_model(operation) for client in (ours, theirs)
        )
        assert str(mine.input_shape) == str(its.input_shape)
        assert str(mine.output_shape) == str(its.output_shape)


def test_a_description_in_the_data_path_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    described = connect("iam", REGION).meta.service_model
    folder = tmp_path / "iam" / described.api_version
    folder.mkdir(parents=True)
    text = json.dumps(
        {
            "metadata": described.metadata,
            "operations": {"Newer": {"name": "Newer", "http": {"method": "POST"}}},
            "shapes": {},
        }
    )
    (folder / "service-2.json").write_text(text, "utf-8")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert connect("iam", REGION).meta.service_model.operation_names == ["Newer"]
