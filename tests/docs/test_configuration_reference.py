"""The reference of the config has every key and no other, with the actual default."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from documentation import configuration
from settings import Settings
from settings.rules import sizing
from settings.schema.recovery_plan import Runbook
from settings.schema.replication import Convergence, Replication
from settings.schema.source import CONFIGURATION_SERVER_INSTALLER, REPLICATION_APPLIANCE_INSTALLER
from site_recovery.aws import support_matrix
from site_recovery.declared.checks import Check, Running
from site_recovery.declared.cutover import AfterFailover, Cutover, Quiesce, SourceAfterwards
from site_recovery.declared.durations import parse, write
from site_recovery.declared.hooks import Hook, When
from site_recovery.fleet import ExperienceName
from tests.docs.markdown import ROOT, tables

PAGE = ROOT / "docs" / "configuration.md"
REQUIRED = "required"
NAMED_AFTER_ANOTHER = {
    "target.machinesResourceGroup": "`<resourceGroup>-machines`",
    "source.replicationAppliance.installer.url": f"`{REPLICATION_APPLIANCE_INSTALLER}`",
    "source.configurationServer.installer.url": f"`{CONFIGURATION_SERVER_INSTALLER}`",
    "replication.agent.installation": "`ssm`; `push` with `classic`",
    "waves.<wave>.machines": "required, unless `select`",
}
"""Defaults that depend on another key, or on the place of the key."""
SECTIONS = (
    *(
        f"{owner}.checks{section}"
        for owner in ("machines.<machine>", "waves.<wave>")
        for section in ("", "[].running", "[].azureRunCommand", "[].http")
    ),
    *(
        f"{owner}.hooks{section}"
        for owner in ("machines.<machine>", "waves.<wave>")
        for section in (
            "",
            *(f".{when}{part}" for when in When for part in ("", "[].ssm", "[].webhook")),
        )
    ),
    "machines.<machine>.afterFailover",
    "machines.<machine>.cutover",
    "machines.<machine>.cutover.quiesce",
    "machines.<machine>.cutover.quiesce.resume",
    "machines.<machine>.cutover.quiesce.ssm",
    "machines.<machine>.os",
    "machines.<machine>.rollback",
    "machines.<machine>.source",
    "machines.<machine>.target",
    "machines.<machine>.target.interfaces",
    "machines.<machine>.target.disks",
    "replication.agent.linux",
    "replication.agent.windows",
    "source.configurationServer",
    "source.configurationServer.installer",
    "source.proxy",
    "source.replicationAppliance",
    "source.replicationAppliance.installer",
    "source.replicationAppliance.registered",
    "target.network",
    "target.testNetwork",
    "convergence.window",
    "waves.<wave>.afterFailover",
    "waves.<wave>.approval",
    "waves.<wave>.cutover",
    "waves.<wave>.cutover.quiesce",
    "waves.<wave>.cutover.quiesce.resume",
    "waves.<wave>.cutover.quiesce.ssm",
    "waves.<wave>.recoveryPlan",
    "waves.<wave>.recoveryPlan.groups",
    "waves.<wave>.recoveryPlan.groups[].post",
    "waves.<wave>.recoveryPlan.groups[].pre",
    "waves.<wave>.rollback",
    "waves.<wave>.source",
    "waves.<wave>.target",
    "waves.<wave>.window",
)
"""Mappings and lists of the config that have a row of their own."""
ENTRIES = {
    "machines": "<machine>",
    "waves": "<wave>",
    "machines.<machine>.target.interfaces": "<interface>",
    "machines.<machine>.target.disks": "<disk>",
}


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Every key that holds a value, with its default as the reference writes it.

    The default is None if the key may be left out and then has no value.
    """
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        part, place = _part(field.annotation)
        if part is not None:
            yield from keys(part, f"{key}{place.format(ENTRIES.get(key))}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield key, NAMED_AFTER_ANOTHER.get(key, _written(default))


def _part(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model of a key's value, or None; and the part of the path that leads into it."""
    if isinstance(annotation, type):
        return (annotation, "") if issubclass(annotation, BaseModel) else (None, "")
    inside = [argument for argument in get_args(annotation) if argument is not types.NoneType]
    if not inside:
        return None, ""
    if get_origin(annotation) is dict:
        return _part(inside[1])[0], ".{}"
    part, place = _part(inside[0])
    return part, "[]" if get_origin(annotation) is list else place


def _written(default: Any) -> str | None:
    match default:
        case None:
            return None
        case _ if default is PydanticUndefined:
            return REQUIRED
        case timedelta():
            return f"`{write(default)}`"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"


KEYS = dict(keys(Settings))
DOCUMENTED = {
    row[0].strip("`"): row for table in tables(PAGE) if table[0][0] == "key" for row in table[1:]
}


def test_the_page_is_as_make_docs_writes_it() -> None:
    text = PAGE.read_text("utf-8")
    assert configuration.page(text) == text, "run: make docs"


def test_a_page_without_a_place_for_each_part_is_refused() -> None:
    with pytest.raises(ValueError, match="waves"):
        configuration.page(PAGE.read_text("utf-8").replace("<!-- keys of waves -->", ""))


def test_every_key_is_in_the_reference_and_nothing_else_is() -> None:
    assert set(DOCUMENTED) == {*KEYS, *SECTIONS}


def test_the_table_of_sizes_is_the_one_that_servers_are_judged_by() -> None:
    [table] = [t for t in tables(PAGE) if t[0][0] == "machines"]
    for machines, churn, vcpus, memory, cache, kind in table[1:]:
        most = int(machines.split()[-1])
        size = sizing.needed("classic", most, int(churn.split()[0].replace(",", "")))
        assert (f"{size.vcpus}", f"{size.memory_gib} GiB") == (vcpus, memory)
        assert f"{size.cache_gib:,} GiB" == cache
        assert f"`{size.default_type}`" == kind
        assert size.machines_max == most


@pytest.mark.parametrize("experience", ["modernized", "classic"])
def test_the_table_of_operating_systems_is_the_support_matrix(experience: ExperienceName) -> None:
    [table] = [t for t in tables(PAGE) if t[0][0] == "operating system"]
    column = table[0].index(f"`{experience}`")
    matrix = support_matrix.matrix().of(experience)
    told: dict[str, str] = {row[1].strip("`"): row[column] for row in table[1:]}
    taken = {key: said for key, said in told.items() if said != "no"}
    versions = {
        f"{family}-<version>": ", ".join(str(r).replace("-", "\N{EN DASH}") for r in rows.releases)
        for family, rows in matrix.families.items()
    }
    if experience == "classic":
        versions = {"rhel-<version>": "6.7"}
    assert {key: said for key, said in taken.items() if key.endswith("<version>")} == versions
    assert {key for key in taken if not key.endswith("<version>")} == {
        key for key in matrix.operating_systems if key.startswith("windows")
    }
    assert set(matrix.refused) <= set(told)


@pytest.mark.parametrize("key", KEYS)
def test_the_reference_gives_the_default(key: str) -> None:
    _, _, default, meaning = DOCUMENTED[key]
    if KEYS[key] is None:
        assert default not in (REQUIRED, "")
    else:
        assert default == KEYS[key]
    assert meaning


RUNBOOK = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Automation/automationAccounts/a"
    "/runbooks/r"
)
DURATIONS = {
    key: re.findall(r"\w+", row[1].replace(" to ", " "))
    for key, row in DOCUMENTED.items()
    if re.fullmatch(r"\d+[a-z]+ to \d+[a-z]+", row[1])
}


@pytest.mark.parametrize("key", DURATIONS)
def test_the_bounds_of_durations_are_those_that_are_checked(key: str) -> None:
    *_, part, name = key.split(".")
    models: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
        "replication": (Replication, {}),
        "convergence": (Convergence, {}),
        "runbook": (Runbook, {"id": RUNBOOK}),
        "cutover": (Cutover, {}),
        "quiesce": (Quiesce, {"ssm": {}}),
        "source": (SourceAfterwards, {}),
        "afterFailover": (AfterFailover, {}),
        "running": (Running, {}),
        "checks[]": (Check, {"tcp": 80}),
        **{f"{when}[]": (Hook, {"command": ["true"]}) for when in When},
    }
    model, rest = models[part]
    low, high = (parse(text) for text in DURATIONS[key])
    for taken in (low, high):
        model.model_validate({**rest, name: write(taken)})
    for refused in (low - timedelta(milliseconds=1), high + timedelta(milliseconds=1)):
        with pytest.raises(ValidationError):
            model.model_validate({**rest, name: write(refused)})


def test_all_bounded_durations_are_known_to_the_test_above() -> None:
    assert set(DURATIONS) == {
        "convergence.poll",
        "convergence.wait",
        "replication.registrationTimeout",
        *(
            f"{owner}.{key}"
            for owner in ("machines.<machine>", "waves.<wave>")
            for key in (
                "afterFailover.after",
                "cutover.quiesce.timeout",
                "cutover.recoveryPointWait",
                "source.terminateAfter",
            )
        ),
        *(
            f"{owner}.checks[].{key}"
            for owner in ("machines.<machine>", "waves.<wave>")
            for key in ("running.within", "timeout")
        ),
        *(
            f"{owner}.hooks.{when}[].timeout"
            for owner in ("machines.<machine>", "waves.<wave>")
            for when in When
        ),
        "waves.<wave>.recoveryPlan.groups[].pre[].runbook.timeout",
        "waves.<wave>.recoveryPlan.groups[].post[].runbook.timeout",
    }
