"""The guide to the policies has all of them, in the words of the pack."""

from __future__ import annotations

import json

from policy.pack import RULES
from tests.docs.markdown import ROOT, blocks, tables

GUIDE = ROOT / "docs" / "policies.md"


def test_the_guide_lists_every_policy_with_its_config() -> None:
    [table] = [found for found in tables(GUIDE) if found[0][0] == "policy"]
    rows = {row[0].strip("` "): row for row in table[1:]}
    assert list(rows) == [rule.name for rule in RULES]
    for rule in RULES:
        assert all(f"`{key}`" in rows[rule.name][2] for key in rule.properties)


def test_the_config_in_the_guide_is_one_of_the_pack() -> None:
    [text] = blocks(GUIDE, "json")
    known = {rule.name: {"enforcementLevel", *rule.properties} for rule in RULES}
    for name, config in json.loads(text).items():
        assert set(config) <= known[name]
