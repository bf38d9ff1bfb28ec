"""The proxy of the source side."""

from __future__ import annotations

from typing import Any

import pytest

import settings
from site_recovery.problems import Problem
from tests.settings import configs


def problems(proxy: Any, config: dict[str, Any] | None = None) -> tuple[Problem, ...]:
    config = config or configs.modernized()
    return settings.read(configs.put(config, "source", "proxy", value=proxy)).problems


@pytest.mark.parametrize(
    "proxy",
    [
        {"url": "http://10.10.0.10:3128"},
        {"url": "http://proxy.example.com:8080", "bypass": ["s3.example.com", ".corp.example"]},
        {"url": "http://p:1", "bypass": ["10.10.0.9"]},
    ],
)
def test_a_proxy_that_the_appliance_takes_is_taken(proxy: dict[str, Any]) -> None:
    assert problems(proxy) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy.example.com:3128",
        "http://proxy.example.com",
        "http://proxy.example.com:0",
        "http://proxy.example.com:99999",
        "http://300.0.0.1:3128",
        "http://0.0.0.0:3128",
        "http://10.0.0.1.:3128",
        "http://proxy..example.com:3128",
        "http://proxy.example.com:3128/path",
        "http://proxy.example.com:3128?x",
        "proxy.example.com:3128",
        "http://pro xy:3128",
        "http://proxy';x:3128",
        "http://[::1]:3128",
        "socks5://10.0.0.1:1080",
    ],
)
def test_another_one_is_refused_at_its_place(url: str) -> None:
    [problem] = problems({"url": url})
    assert problem.path == "source.proxy.url"
    assert "is not the address of an HTTP proxy" in problem.what


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@proxy.example.com:3128",
        "http://secret@10.0.0.1:3128",
        "http://user:secret@[::1]:3128",
    ],
)
def test_one_with_a_password_is_refused_and_the_password_not_shown(url: str) -> None:
    found = problems({"url": url})
    assert {problem.path for problem in found} == {"source.proxy.url"}
    assert "it has a user name or a password in it" in found[0].what
    assert "secret@" not in "".join(map(str, found))


@pytest.mark.parametrize("host", ["", "a b", "*.example.com", "http://x", "x,y", "..x"])
def test_a_host_that_none_is_cannot_be_bypassed(host: str) -> None:
    [problem] = problems({"url": "http://10.10.0.10:3128", "bypass": [host]})
    assert problem.path == "source.proxy.bypass[0]"


def test_a_configuration_server_takes_an_address_only() -> None:
    [problem] = problems({"url": "http://proxy.example.com:3128"}, configs.valid())
    assert problem.path == "source.proxy.url"
    assert "proxy.example.com is a name" in problem.what
    assert problems({"url": "http://10.10.0.10:3128"}, configs.valid()) == ()
