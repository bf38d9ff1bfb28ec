"""Tags that preview lets through the emulator accepts, and tags that preview refuses it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from emulator.arm import tags as arm_tags
from tests.emulator.agreement.effort import accepted, agreement
from tests.emulator.conftest import GROUP, Arm
from tests.emulator.recovery_services.site_recovery_experiences import Classic
from tests.emulator.recovery_services.site_recovery_support import Site, windows
from tests.settings import configs

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
_tags = _some | _many | _by_case


def preview(config: dict[str, Any]) -> bool:
    return configs.report(config) == {}


@agreement
@given(_tags)
def test_preview_and_emulator_agree_on_the_tags_of_a_stack(tags: dict[str, str]) -> None:
    config = configs.put(configs.modernized(), "target", "tags", value=tags)
    # The names of the program's own tags are taken in the config only.
    assume(not {name.lower() for name in tags} & {"migrated-from-instance"})
    refused = arm_tags.problem(tags.items(), arm_tags.STORAGE_NAME_MAX)
    assert preview(config) == (refused is None)


@agreement
@given(_tags)
def test_preview_and_emulator_agree_on_the_tags_of_a_machine(tags: dict[str, str]) -> None:
    config = configs.put(configs.modernized(), "machines", "web-01", "target", value={"tags": tags})
    sent = [*tags.items(), ("migrated-from-instance", "i"), ("migrated-from-machine", "web-01")]
    assert preview(config) == (arm_tags.problem(sent) is None)


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
