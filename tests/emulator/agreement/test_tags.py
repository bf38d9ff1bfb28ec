"""Tags that preview lets through the emulator accepts, and tags that preview refuses it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from emulator.arm import tags as arm_tags
from site_recovery.declared.target import TargetSpec
from tests.emulator.agreement.effort import accepted, both_ways
from tests.emulator.conftest import GROUP, Arm
from tests.emulator.recovery_services.site_recovery_experiences import Classic
from tests.emulator.recovery_services.site_recovery_support import Site, windows
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stmigration"
OURS = 2

_good = st.sampled_from(["CostCenter", "team", "Ümlaut", "a b", "hidden-link:/x", "k:v", "-", "日"])
_bad = st.sampled_from(
    [
        "",
        " ",
        "a/b",
        "a<b",
        "x?",
        "50%",
        "a\\b",
        "a&b",
        "microsoft.x",
        "AzureTeam",
        "windows",
        "\x1b",
    ]
)
_long = st.sampled_from([128, 129, 512, 513]).map(lambda length: "n" * length)
_names = _good | _bad | _long | st.text(min_size=1, max_size=12)
_values = st.text(max_size=5) | st.sampled_from(["v" * 256, "v" * 257, ""])
_some = st.dictionaries(_names, _values, max_size=4)
_many = st.sampled_from([47, 48, 49, 50, 51]).map(
    lambda count: {f"t{number}": "v" for number in range(count)}
)
_by_case = st.sampled_from([{"Cost": "1", "cost": "2"}, {"É": "1", "é": "2"}, {"a": "1", "b": "1"}])
_fine = st.dictionaries(_good, st.text(max_size=5), max_size=6)
_tags = st.sampled_from([_fine, _some, _some, _many | _by_case]).flatmap(lambda kind: kind)


def preview(config: dict[str, Any]) -> bool:
    return configs.report(config) == {}


def test_tags_of_a_stack() -> None:
    def answers(tags: dict[str, str]) -> tuple[bool, bool]:
        config = configs.put(configs.modernized(), "target", "tags", value=tags)
        # The names of the program's own tags are taken in the config only.
        assume(not {name.lower() for name in tags} & {"migrated-from-instance"})
        refused = arm_tags.problem(tags.items(), arm_tags.STORAGE_NAME_MAX)
        return preview(config), refused is None

    both_ways(_tags, answers)


def sent(tags: dict[str, str]) -> list[tuple[str, str]]:
    """The tags of a machine with those of the program."""
    return [*tags.items(), ("migrated-from-instance", "i"), ("migrated-from-machine", "web-01")]


def test_tags_of_a_machine() -> None:
    def answers(tags: dict[str, str]) -> tuple[bool, bool]:
        target = {"tags": tags}
        config = configs.put(configs.modernized(), "machines", "web-01", "target", value=target)
        return preview(config), arm_tags.problem(sent(tags)) is None

    both_ways(_tags, answers)


def test_tags_that_come_from_the_instance() -> None:
    patterns = st.lists(
        st.sampled_from(["*", "t*", "!a*", "CostCenter", "!x?", "hidden*", "!*/*", "a b", "k:*"]),
        min_size=1,
        max_size=3,
    )
    # What EC2 lets a tag be: names of 1 to 128 characters, and 50 of them ("Tag your Amazon EC2
    # resources").
    names = _names.filter(lambda name: 0 < len(name) <= 128 and not name.startswith("aws:"))
    ec2_tags = st.dictionaries(names, _values, max_size=4) | _many | _by_case
    own = st.dictionaries(_good, st.just("own"), max_size=3)

    def answers(case: tuple[dict[str, str], dict[str, str], list[str]]) -> tuple[bool, bool]:
        own, source, wanted = case
        target = {"tags": own, "tagsFromSource": wanted}
        config = configs.put(configs.modernized(), "machines", "web-01", "target", value=target)
        found = examine(config, ec2(web_01={"tags": source}))
        place = "machines.web-01.target"
        ours = not any(problem.path.startswith(place) for problem in found.problems)
        tags = TargetSpec.model_validate(target).with_tags_of(source).tags
        return ours, arm_tags.problem(sent(tags)) is None

    both_ways(st.tuples(own, ec2_tags, patterns), answers)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"ok": "v" * 256}, None),
        ({"n" * 128: "v"}, None),
        ({"n" * 129: "v"}, "InvalidTagName"),
        ({" ": "v"}, "InvalidTagName"),
        ({"a/b": "v"}, "InvalidTagNameCharacters"),
        ({"microsoft": "v"}, "InvalidTagName"),
        ({"Cost": "1", "cost": "2"}, "InvalidTagName"),
        ({"ok": "v" * 257}, "InvalidTagValue"),
        ({f"t{number}": "" for number in range(50)}, None),
        ({f"t{number}": "" for number in range(51)}, "TooManyTags"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_resource_manager_refuses_tags_with_its_codes(
    arm: Arm, group: str, tags: dict[str, str], code: str | None, method: str
) -> None:
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    if method == "PATCH":
        arm.put(ACCOUNT, body)
        arm.pass_time(60)
    answer = arm.call(
        method, ACCOUNT, {**body, "tags": tags} if method == "PUT" else {"tags": tags}
    )
    assert (answer.status < 400) == (code is None)
    if code:
        assert answer.body["error"]["code"] == code


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_resource_group_has_longer_names_of_tags(arm: Arm, group: str, method: str) -> None:
    def taken(name: str) -> bool:
        body = {"location": "westeurope", "tags": {name: "v"}}
        return accepted(arm.call(method, group, body).status)

    assert (taken("n" * 512), taken("n" * 513), taken("a?b")) == (True, False, False)


@pytest.mark.parametrize("tags", [{"a/b": "x"}, {"Cost": "1", "cost": "2"}, {"azure": "x"}])
def test_site_recovery_refuses_tags_that_the_machine_could_not_have(
    experience: Classic, tags: dict[str, str]
) -> None:
    site = Site([windows(1)], experience=experience).prepare()
    site.protect(windows(1))
    update = experience.update("web-01", "Standard_D2s_v3", tags)
    answer = site.call("PATCH", site.item(windows(1)), update)
    assert answer.status == 400
    assert "targetVmTags" in answer.body["error"]["message"]
