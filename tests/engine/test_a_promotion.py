"""Two stacks share a fleet file, and one of them goes first."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.engine.clouds import SCALE
from tests.engine.harness import Result, Stack

pytestmark = pytest.mark.engine


def declare(stack: Stack, phase: str) -> None:
    """Declare a wave in the fleet file. Only its phase and its instance stand in the stack's config."""
    fleet = {
        "machines": {"web-01": {"target": {"vmSize": "Standard_D2s_v3"}}},
        "waves": {"web": {"phase": "protected", "machines": ["web-01"]}},
    }
    (stack.folder / "fleet.yaml").write_text(yaml.safe_dump(fleet), "utf-8")
    stack.config |= {
        "ec2-to-azure:fleetFile": "fleet.yaml",
        "ec2-to-azure:promotion": {"after": "staging"},
        "ec2-to-azure:machines": {"web-01": stack.fleet["web-01"]},
        "ec2-to-azure:waves": {"web": {"phase": phase}},
    }


def staging(stack: Stack, phase: str, **more: Any) -> None:
    row = {"wave": "web", "observedPhase": phase, "lastTest": None, **more}
    stack.other("staging", {"machines": {"web-01": row}})


def written_outputs(stack: Stack) -> None:
    """Write this stack's own outputs as those of `staging`, as its pipeline does after `up`."""
    outputs = stack.succeeds("stack", "output", "--json")
    (stack.folder / "staging.json").write_text(outputs, "utf-8")
    stack.config["ec2-to-azure:promotion"] = {"after": "staging", "outputsFile": "staging.json"}


def said(result: Result) -> str:
    return " ".join(result.text.split())


def test_what_is_wrong_in_the_file_is_told_with_its_place(stack: Stack) -> None:
    staging(stack, "protected")
    declare(stack, "protected")
    file = stack.folder / "fleet.yaml"
    file.write_text(file.read_text().replace("Standard_D2s_v3", "Standard D2s"))

    preview = stack.preview()

    assert preview.code != 0
    assert "fleet.yaml: machines.web-01.target.vmSize" in said(preview)


def test_a_phase_that_the_other_stack_has_reached_is_reached_here(stack: Stack) -> None:
    declare(stack, "protected")

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "protected"


def test_a_phase_that_it_has_not_reached_is_refused(stack: Stack) -> None:
    declare(stack, "test-failover")
    before = stack.clouds.operations("web-01")

    preview = stack.preview()
    up = stack.up()

    for result in (preview, up):
        assert result.code != 0
        assert "web-01: its wave begins test-failover after stack staging" in said(result)
    assert stack.clouds.operations("web-01") == before


def test_the_outputs_file_of_a_stack_says_how_far_it_is(stack: Stack) -> None:
    written_outputs(stack)

    refused = stack.preview()
    stack.waves["web"]["phase"] = "protected"
    allowed = stack.preview()

    assert refused.code != 0
    assert "web-01: its wave begins test-failover after stack staging" in said(refused)
    assert allowed.code == 0, allowed.text
    declare(stack, "test-failover")


def test_once_it_has_been_there_the_stack_goes_on(stack: Stack) -> None:
    staging(stack, "protected", lastTest="2026-01-05T14:37:00Z")

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "test-failover"


def test_by_the_outputs_file_it_goes_on_too_and_80_columns_show_it(stack: Stack) -> None:
    stack.waves["web"]["phase"] = "protected"
    back = stack.up()
    assert back.code == 0, back.text
    written_outputs(stack)
    stack.waves["web"]["phase"] = "test-failover"

    # The terminal is drawn some times a second, so the test failover has to take longer than that.
    stack.clouds.set_scale(SCALE / 20)
    shown = stack.up_on_a_terminal(columns=80)
    stack.clouds.set_scale(SCALE)

    assert shown.code == 0, shown.lines
    assert any(line.rstrip().endswith("web-01: test failover started") for line in shown.lines)
    assert any(line.startswith("  web") and "0/1 test-failover" in line for line in shown.lines)
    assert max(map(len, shown.lines)) < 80
    assert stack.machine("web-01")["observedPhase"] == "test-failover"
    declare(stack, "test-failover")


def test_what_is_reached_already_needs_no_other_stack(stack: Stack) -> None:
    stack.other("staging", {})

    again = stack.up("--expect-no-changes")

    assert again.code == 0, again.text
