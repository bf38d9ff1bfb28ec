from __future__ import annotations

import pytest

from inventory.found import Found
from inventory.planning import StackPlan, plan
from inventory.stack_file import StackFile
from inventory.waves import Conditions
from tests.inventory.fleets import ACCOUNT, REGION, VPC, found, instance_id

BY_TAG = Conditions(wave_tag="Wave")


def stack_file(stack: str = "shop", vpc: str = VPC) -> StackFile:
    return StackFile.new(stack, vpc_id=vpc, vpc="shop", account=ACCOUNT, region=REGION)


def planned(machines: list[Found], *files: StackFile, **written: list[str]) -> list[StackPlan]:
    return plan(machines, files, written, BY_TAG)


def test_each_vpc_becomes_a_stack_with_its_name() -> None:
    other = "vpc-00000000000000001"
    plans = planned([found(1), found(2, vpc_id=other)], stack_file("prod", other))
    assert [(one.file.stack, one.made) for one in plans] == [("prod", False), ("shop", True)]


def test_a_stack_has_at_most_as_many_machines_as_one_server_serves() -> None:
    plans = planned([found(number) for number in range(450)])
    assert {one.file.stack: len(one.file.machines) for one in plans} == {
        "shop": 200,
        "shop-2": 200,
        "shop-3": 50,
    }


def test_a_second_run_changes_nothing() -> None:
    machines = [found(number, tags={"Wave": "pilot"}) for number in range(3)]
    [first] = planned(machines)
    text = first.file.text()

    [again] = planned(machines, StackFile("shop", text))

    assert again.file.text() == text


def test_new_machines_join_and_the_names_and_waves_of_others_stay() -> None:
    [first] = planned([found(1, tags={"Wave": "pilot"})])
    text = first.file.text().replace("web-001", "frontend").replace("pilot", "first")

    [again] = planned(
        [found(1, tags={"Wave": "pilot"}), found(2, tags={"Wave": "first"})],
        StackFile("shop", text),
    )

    assert again.file.machines == {instance_id(1): "frontend", instance_id(2): "web-002"}
    assert again.file.wave_of("frontend") == again.file.wave_of("web-002") == "first"


def test_a_machine_that_a_person_took_out_is_not_added_again() -> None:
    [one] = planned([found(1), found(2)], stack_file(), shop=[instance_id(1)])
    assert list(one.file.machines) == [instance_id(2)]
    assert [machine.id for machine in one.removed] == [instance_id(1)]


def test_a_machine_that_is_gone_stays_declared_and_is_named() -> None:
    [first] = planned([found(1), found(2)])
    [again] = planned([found(2)], first.file)
    assert again.gone == ["web-001"]
    assert len(again.file.machines) == 2


@pytest.mark.parametrize("phase", ["test-failover", "failed-over", "migrated"])
def test_a_machine_never_joins_a_wave_that_is_further(phase: str) -> None:
    [first] = planned([found(1, tags={"Wave": "pilot"})])
    text = first.file.text().replace("phase: protected", f"phase: {phase}")

    [again] = planned(
        [found(number, tags={"Wave": "pilot"}) for number in (1, 2)], StackFile("shop", text)
    )

    assert again.left == ["web-002"]
    assert again.file.wave_of("web-002") is None


def test_a_machine_that_cannot_be_migrated_is_not_declared() -> None:
    [one] = planned([found(1, architecture="arm64", tags={"Wave": "pilot"})])
    assert one.file.machines == {}
    [refused] = one.refused
    assert "architecture arm64" in refused.verdict.never[0].what


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"state": "stopped"}, "is stopped"),
        ({"os": None}, "operating system"),
        ({"unmanaged": "AWS Systems Manager does not manage it"}, "does not manage"),
    ],
)
def test_a_machine_that_needs_something_first_is_declared_in_no_wave(
    changes: dict[str, str], what: str
) -> None:
    [one] = planned([found(1, tags={"Wave": "pilot"}, **changes)])
    assert one.file.wave_of("web-001") is None
    said = " ".join(one.file.text().replace("    # ", " ").split())
    assert f"in no wave yet: {one.members[0].verdict.first[0].what}" in said
    assert what in one.members[0].verdict.first[0].what


def test_the_reason_for_another_name_stands_above_the_machine() -> None:
    [one] = planned([found(1, "web 1")])
    lines = one.file.text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("    web-1:"))
    assert "its tag Name is 'web 1'" in lines[at - 2]


def test_a_stack_that_was_made_before_its_config_is_filled_if_it_has_the_name_of_a_vpc() -> None:
    salt, other = StackFile("shop", "encryptionsalt: v1\n"), StackFile("x", "encryptionsalt: v2\n")
    plans = plan([found(1)], [salt, other], {}, BY_TAG, taken=("shop", "x"))
    assert [one.file for one in plans] == [salt]
    assert salt.text().startswith("encryptionsalt: v1\n")
    assert salt.vpc_id == VPC
    assert salt.machines == {instance_id(1): "web-001"}
    assert other.text() == "encryptionsalt: v2\n"
    [again] = plan([found(1)], [StackFile("shop", salt.text()), other], {}, BY_TAG)
    assert again.file.text() == salt.text()
