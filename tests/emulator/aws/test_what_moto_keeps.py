"""moto asks its own folders and classes once, and not at each request."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import backends
from moto.core import responses, serialize
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from emulator.aws import kept

KEPT = [(backends, "list_of_moto_modules"), (responses, "method_names_from_class")]

PICKER: Any = serialize.XFormedAttributePicker


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A moto that keeps them, without an estate."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in KEPT:
            patch.setattr(module, name, getattr(module, name))
        patch.setattr(PICKER, "get_possible_keys", PICKER.get_possible_keys)
        kept.keep()
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        yield "http://{}:{}".format(*server.get_host_and_port())
        server.stop()


def client(endpoint: str) -> Any:
    return boto3.client(
        "ec2",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@pytest.mark.parametrize(("module", "name"), KEPT, ids=["its folders", "the class that answers"])
def test_a_second_request_looks_up_what_the_first_found(
    endpoint: str, module: ModuleType, name: str
) -> None:
    ec2 = client(endpoint)
    ec2.describe_subnets()
    first = getattr(module, name).cache_info()
    ec2.describe_subnets()
    second = getattr(module, name).cache_info()
    assert (second.misses, second.hits > first.hits) == (first.misses, True)


def test_a_second_answer_has_the_names_of_its_values_from_the_first(endpoint: str) -> None:
    ec2, known = client(endpoint), PICKER.get_possible_keys.known
    first = ec2.describe_subnets()["Subnets"]
    names = len(known)
    assert names > 0
    assert ec2.describe_subnets()["Subnets"] == first
    assert len(known) == names
