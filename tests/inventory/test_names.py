from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory import names
from site_recovery.declared.names import VIRTUAL_MACHINE, reserved


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("web-01", "web-01"),
        ("WEB01", "WEB01"),
        ("web 01", "web-01"),
        ("web_01.corp.example", "web-01-corp-example"),
        ("Büro server", "Buro-server"),
        ("Größe Œuvre Łódź", "Grosse-OEuvre-Lodz"),
        ("one\u2028two\nthree", "one-two-three"),
        ("-web-", "web"),
        ("Windows DC 1", "win-DC-1"),
        ("microsoft-sql", "ms-sql"),
        ("sharepoint", "sharepoint-vm"),
        ("login-01", "logon-01"),
        ("服务器", ""),
        ("", ""),
        ("x" * 80, "x" * 59),
    ],
)
def test_a_tag_becomes_the_nearest_name_that_azure_accepts(tag: str, name: str) -> None:
    assert names.valid(tag) == name


@given(st.text(max_size=90))
def test_every_name_is_one_that_azure_accepts(tag: str) -> None:
    name = names.valid(tag)
    assert name == "" or (VIRTUAL_MACHINE.fullmatch(name) and reserved(name) is None)


@given(st.lists(st.tuples(st.integers(0, 40).map("i-{:017x}".format), st.text(max_size=9))))
def test_names_are_unique_whatever_their_case(instances: list[tuple[str, str]]) -> None:
    once = list(dict(instances).items())

    found = names.named(once, ["web-01"])

    used = [name.text.lower() for name in found.values()]
    assert len({"web-01", *used}) == len(once) + 1


def test_a_name_says_why_it_is_not_the_tag() -> None:
    found = names.named(
        [
            *(("i-1", "web"), ("i-2", "Web"), ("i-3", None), ("i-4", "web 4"), ("i-5", "app")),
            *(("i-6", "  "), ("i-7", "db-test"), ("i-8", "db")),
        ],
        ["app"],
    )
    assert {instance: (name.text, name.reason) for instance, name in found.items()} == {
        "i-1": ("web-2", "its tag Name is 'web', and another machine has that name"),
        "i-2": ("Web", None),
        "i-3": ("i-3", "it has no tag Name"),
        "i-4": (
            "web-4",
            "its tag Name is 'web 4', which Azure refuses as the name of a virtual machine",
        ),
        "i-5": ("app-2", "its tag Name is 'app', and another machine has that name"),
        "i-6": ("i-6", "its tag Name is empty"),
        "i-7": (
            "db-test-2",
            "its tag Name is 'db-test', and a test failover gives a machine a name that ends in -test",
        ),
        "i-8": ("db", None),
    }
