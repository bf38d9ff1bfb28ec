"""Waves that select their machines by tags are rewritten as if they listed each machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from settings.draft import region_of
from settings.schema.ec2_tags import TAG_KEY_MAX, TAG_VALUE_MAX
from settings.schema.fleet import INSTANCE_ID
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.config_paths import path
from site_recovery.declared import names
from site_recovery.problems import Problem

_NAME = "Name"
"""The tag that names machines unless a wave says otherwise."""

Finder: TypeAlias = Callable[
    [str, Mapping[str, str], str], tuple[list[TaggedInstance], list[Problem]]
]
"""Finds the instances of a VPC that have all given tags; see `ec2.tagged_instances`."""


def expand(raw: Mapping[str, Any], find: Finder) -> tuple[dict[str, Any], list[Problem]]:
    """Add the machines that waves select to `machines` and to the waves.

    The tag `Name` of an instance becomes the name of its machine, or what `selectName` says. An instance that is declared
    under `machines` keeps its name and settings from there. EC2 is asked only if a wave selects,
    and only if the region and the VPC can be read. Values of the wrong type are left to validation.

    Args:
        raw: the config as returned by `settings.stack_config`.
        find: searches EC2.

    Returns:
        The config with `machines` in place of `select`, and the problems of the instances that
        were found. A wave with a problem keeps its `select`.
    """
    region, vpc = region_of(raw), _text(_mapping(raw.get("source")).get("vpcId"))
    machines, waves = raw.get("machines", {}), raw.get("waves")
    selecting = dict(_selecting(waves))
    if not selecting or not region or not vpc or not isinstance(machines, dict):
        return dict(raw), []
    named = _Names(machines, waves)
    problems: list[Problem] = []
    empty: list[str] = []
    written = dict(_mapping(waves))
    for wave, tags in selecting.items():
        place = path("waves", wave, "select")
        instances, wrong = find(vpc, tags, region)
        if wrong:
            return dict(raw), wrong
        if not instances:
            empty.append(wave)
            said = ", ".join(f"{key}={value}" for key, value in tags.items())
            wrong = [
                Problem(
                    place,
                    f"no instance of {vpc} has the tags {said}",
                    "Correct the tags here, or put them on the instances",
                )
            ]
        members = []
        for instance in instances:
            found = named.take(instance, wave, _named_by(written[wave]))
            if isinstance(found, str):
                members.append(found)
            else:
                wrong.append(Problem(place, *found))
        problems += wrong
        if not wrong:
            rest = {key: value for key, value in written[wave].items() if key != "select"}
            written[wave] = {**rest, "machines": sorted(members)}
    if empty and len(empty) == len(selecting) and _is_empty(vpc, region, find):
        problems = [
            Problem(
                "source.vpcId",
                f"there is no instance in {vpc} in {region}",
                "Correct the VPC or aws:region, or use credentials of the account that it is in",
            )
        ]
    elif len(empty) > 1 and len(empty) == len(selecting):
        # One cause: the tags of all waves are hardly wrong at the same time.
        problems = [
            Problem(
                "source.vpcId",
                f"no instance of {vpc} has the tags of any of the waves {', '.join(empty)}",
                "Correct the VPC, or their tags in select",
            )
        ]
    return {**raw, "machines": named.machines, "waves": written}, problems


def _is_empty(vpc: str, region: str, find: Finder) -> bool:
    """Whether the VPC has no instance at all, so that the tags are not to blame."""
    instances, wrong = find(vpc, {}, region)
    return not instances and not wrong


class _Names:
    """The names of the machines, and the wave of each."""

    def __init__(self, machines: Mapping[str, Any], waves: Any) -> None:
        self.machines = dict(machines)
        ids = {name: _text(_mapping(m).get("instanceId")) for name, m in machines.items()}
        self._by_id = {instance_id: name for name, instance_id in ids.items() if instance_id}
        # Azure treats names that differ only in case as the same.
        self._taken = {name.lower(): name for name in machines}
        self._waves: dict[str, str] = {
            member: wave
            for wave, declared in _mapping(waves).items()
            for member in _list(_mapping(declared).get("machines"))
            if isinstance(member, str)
        }

    def take(self, instance: TaggedInstance, wave: str, by: str) -> str | tuple[str, str]:
        """The name of an instance's machine; or what is wrong, and the way out.

        Args:
            instance: the instance.
            wave: the wave that selects it.
            by: the tag that names it, or `instance-id`.
        """
        name = self._by_id.get(instance.instance_id) or self._declare(instance, by)
        if not isinstance(name, str):
            return name
        other = self._waves.setdefault(name, wave)
        if other != wave:
            return (
                f"instance {instance.instance_id} ({name}) is in wave {other!r} already",
                "A machine has one phase: let one of the two waves have it, by tags or by name",
            )
        return name

    def _declare(self, instance: TaggedInstance, by: str) -> str | tuple[str, str]:
        instance_id = instance.instance_id
        name = instance_id if by == INSTANCE_ID else instance.tags.get(by)
        otherwise = "or declare it under machines with a name of its own"
        if not name:
            return (
                f"instance {instance_id} has no tag {by}, which would name the machine",
                f"Give it one, {otherwise}; or set the wave's selectName to another tag or to "
                f"{INSTANCE_ID}",
            )
        if not names.MACHINE.fullmatch(name):
            return (
                f"the tag {by} of instance {instance_id}, {name!r}, cannot name a machine",
                "Use 1 to 63 letters, digits, hyphens, underscores and full stops, a letter or "
                f"digit first and last; {otherwise}",
            )
        other = self._taken.get(name.lower())
        if other is not None:
            its = _mapping(self.machines[other]).get("instanceId")
            return (
                f"instance {instance_id} has the name {name!r}, which is that of {its} too",
                f"Rename one of them, {otherwise}",
            )
        self.machines[name] = {"instanceId": instance_id}
        self._by_id[instance_id] = name
        self._taken[name.lower()] = name
        return name


def _selecting(waves: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """The tags of each wave that selects. A wave with both keys is left to the rules to report."""
    for name, wave in _mapping(waves).items():
        tags = _mapping(wave).get("select")
        if not isinstance(tags, dict) or not tags or "machines" in wave:
            continue
        by = wave.get("selectName", _NAME)
        if _is_tag(by, "") and all(_is_tag(key, value) for key, value in tags.items()):
            yield name, tags


def _is_tag(key: Any, value: Any) -> bool:
    """Whether EC2 can have such a tag. Others are left to validation."""
    texts = isinstance(key, str) and isinstance(value, str)
    return (
        texts
        and 0 < len(key.strip()) <= len(key) <= TAG_KEY_MAX
        and (key.isprintable() and len(value) <= TAG_VALUE_MAX)
    )


def _named_by(wave: Any) -> str:
    return str(_mapping(wave).get("selectName", _NAME))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
