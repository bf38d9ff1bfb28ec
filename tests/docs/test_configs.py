"""Every piece of config in the guides is valid as a part of a complete config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import settings
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.problems import Problem
from tests.docs.markdown import GUIDES, ROOT, blocks
from tests.settings import configs

NAMESPACE = "ec2-to-azure:"
PLACEHOLDERS = {
    "<where>": "packages.example.com",
    "<sum>": "a" * 64,
    "<id>": "11111111-1111-1111-1111-111111111111",
    "<group>": "rg-automation",
    "<account>": "automation",
}
"""Placeholders for the reader's own values, each with a valid value."""

FLEET = "# fleet.yaml\n"
"""The first line of a fleet file, which pieces of config may name."""

BLOCKS = [
    pytest.param(text, id=f"{guide.relative_to(ROOT)}-{number}")
    for guide in GUIDES
    for number, text in enumerate(blocks(guide, "yaml"), 1)
]
PIECES = [block for block in BLOCKS if not str(block.values[0]).startswith(FLEET)]
FLEETS = [str(block.values[0]) for block in BLOCKS if block not in PIECES]


def found(
    vpc: str, tags: Mapping[str, str], region: str
) -> tuple[list[TaggedInstance], list[Problem]]:
    """Find the same two instances for any tags."""
    return [TaggedInstance(f"i-{n:017x}", {"Name": f"selected-{n}"}) for n in (101, 102)], []


def filled(text: str) -> dict[str, Any]:
    """A piece of config by key, with its placeholders filled in."""
    for placeholder, real in PLACEHOLDERS.items():
        text = text.replace(placeholder, real)
    assert not re.search(r"<[a-z -]+>", text), "a placeholder that this test does not know"
    piece: dict[str, Any] = yaml.safe_load(text)
    assert all(key.startswith(NAMESPACE) for key in piece), "not a piece of a stack's config"
    return {key.removeprefix(NAMESPACE): part for key, part in piece.items()}


def in_a_stack(piece: dict[str, Any]) -> dict[str, Any]:
    """A valid config with one piece replaced. Machines that only the piece names are added."""
    config = configs.modernized()
    config["target"] |= piece.pop("target", {})
    config |= piece
    if "waves" not in piece:
        return config
    members = [m for wave in config["waves"].values() for m in wave.get("machines", ())]
    for number, member in enumerate(members, 201):
        config["machines"].setdefault(member, {"instanceId": f"i-{number:017x}"})
    return config


def test_the_guides_have_pieces_of_config() -> None:
    assert len(PIECES) > 5


@pytest.mark.parametrize("text", PIECES)
def test_a_piece_of_config_is_valid(text: str, tmp_path: Path) -> None:
    piece = filled(text)
    for fleet in FLEETS:
        (tmp_path / "fleet.yaml").write_text(fleet, "utf-8")
    if "machines" in piece and "waves" not in piece:
        piece["waves"] = {}
    assert settings.read(in_a_stack(piece), found, tmp_path).problems == ()
