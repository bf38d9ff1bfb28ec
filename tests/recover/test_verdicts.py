"""The decision about a resource that a run may have made."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recover import aws, azure, search
from recover.declared import Declared, record
from recover.search import REPEATABLE
from recover.verdicts import Action, Found, decide
from tests.docs.markdown import ROOT

VAULT = Declared("urn:pulumi:dev::p::t::vault", "azure-native:recoveryservices:Vault", "parent")
OURS = {"tag": ("a", "a")}
INSTANCE = "aws:ec2/instance:Instance"
SERVER = Declared(f"urn:pulumi:dev::p::t${INSTANCE}::server", INSTANCE, "parent")


def test_what_is_not_there_is_made_by_the_next_run() -> None:
    assert decide(VAULT, ()).action is Action.MAKE


def test_what_is_there_and_ours_is_recorded_under_its_id() -> None:
    verdict = decide(VAULT, [Found("/vaults/rsv", OURS)])

    assert (verdict.action, verdict.id) == (Action.IMPORT, "/vaults/rsv")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([Found("1", {"tag": ("a", "b")})], "its tag is 'b', not 'a'"),
        ([Found("1", {"tag": ("a", "")})], "it has no tag ('a' is declared)"),
        ([Found("2", OURS), Found("1", OURS)], "1 and 2 exist, and the stack has one"),
        ([Found("1", OURS, "Creating")], "1 is Creating: it is still being made"),
        ([Found("1", OURS, "Failed", failed=True)], "Delete it, then `pulumi up`"),
    ],
)
def test_a_person_decides_about_the_rest(found: list[Found], said: str) -> None:
    verdict = decide(VAULT, found)

    assert verdict.action is Action.REFUSE
    assert verdict.text.startswith("vault (Vault): ")
    assert said in verdict.text


def test_nothing_is_recorded_below_a_component_that_is_not() -> None:
    verdict = decide(VAULT, [Found("1", OURS)], parent_recorded=False)

    assert verdict.action is Action.REFUSE
    assert "pulumi stack import" in verdict.text


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (["i-old"], []),
        (["i-old", "i-new"], ["i-new exists beside i-old, which the record has"]),
        ([], []),
    ],
)
def test_a_server_that_was_to_take_the_place_of_the_recorded_one_is_refused(
    there: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "find", lambda all_: {one.urn: [*map(Found, there)] for one in all_})
    state = record({"resources": [{"urn": SERVER.urn, "type": INSTANCE, "id": "i-old"}]})

    verdicts = search.judge(state, [SERVER])

    assert {verdict.action for verdict in verdicts} <= {Action.REFUSE}
    assert len(verdicts) == len(said)
    for verdict, text in zip(verdicts, said, strict=True):
        assert text in verdict.text
        assert "`make recover` again" in verdict.text


def test_every_type_of_the_program_is_found_or_may_be_made_again() -> None:
    """permissions/resource_types.yaml lists the types that components/ declares."""
    text = Path(ROOT / "permissions" / "resource_types.yaml").read_text("utf-8")

    assert set(yaml.safe_load(text)) == {*aws.FINDERS, *azure.KINDS, *REPEATABLE}
