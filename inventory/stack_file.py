"""The machines and waves of a stack's config file: read, added, moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from inventory import shapes, start_order
from inventory.config_file import NAMESPACE, ConfigFile, StackFileError
from inventory.waves import Wave
from inventory.yaml_text import comment, flow, flow_list, plain
from settings import fleet_file
from site_recovery.phases import Phase
from site_recovery.recovery_plan import GROUPS_MAX

_MACHINES, _WAVES = f"{NAMESPACE}:machines", f"{NAMESPACE}:waves"
_WRITTEN = {"phase", "machines", "recoveryPlan"}
"""What a wave has that the inventory wrote."""


@dataclass(frozen=True)
class NewMachine:
    """A machine to add.

    Attributes:
        comments: lines above it.
    """

    name: str
    instance_id: str
    comments: tuple[str, ...] = ()


class StackFile(ConfigFile):
    """One config file.

    Args:
        stack: the stack.
        text: its content.
        folder: where it is. Its fleet file is read from there, and not changed.

    Raises:
        StackFileError: it is not a config file of a stack of this project, or its fleet file cannot be
            read.
    """

    def __init__(self, stack: str, text: str, folder: Path = Path()) -> None:
        super().__init__(stack, text)
        self.folder = folder
        named = {fleet_file.KEY: self._config.get(f"{NAMESPACE}:{fleet_file.KEY}") or ""}
        fleet = fleet_file.merged(named, folder)
        if fleet.problems:
            raise StackFileError(f"Pulumi.{stack}.yaml: {fleet.problems[0]}")
        self._shared = fleet.config
        wrong = shapes.wrong({part: self._known(part) for part in ("source", "machines", "waves")})
        if wrong:
            raise StackFileError(
                f"Pulumi.{stack}.yaml: {NAMESPACE}:{wrong}. Correct it, or the fleet file if it is "
                "there, then run this again."
            )

    @classmethod
    def new(cls, stack: str, *, vpc_id: str, vpc: str, account: str, region: str) -> StackFile:
        """A file with placeholders for everything that EC2 does not tell."""
        made = cls(stack, "{}\n")
        made.begin(vpc_id=vpc_id, vpc=vpc, account=account, region=region)
        return made

    @property
    def region(self) -> str:
        """The AWS region."""
        return str(self._config.get("aws:region", ""))

    @property
    def vpc_id(self) -> str:
        """The VPC of its machines; an empty text if the file does not say."""
        return str(self._known("source").get("vpcId", ""))

    @property
    def experience(self) -> str:
        """`modernized` or `classic`."""
        return str(self._config.get(f"{NAMESPACE}:experience", "modernized"))

    @property
    def machines(self) -> dict[str, str]:
        """The names of the machines, by instance id."""
        return {
            str(machine["instanceId"]): str(name)
            for name, machine in self._known("machines").items()
            if isinstance(machine, dict) and "instanceId" in machine
        }

    @property
    def waves(self) -> dict[str, str]:
        """The phases of the waves, by name."""
        return {
            str(name): str(wave.get("phase", ""))
            for name, wave in self._known("waves").items()
            if isinstance(wave, dict)
        }

    @property
    def fleet_waves(self) -> frozenset[str]:
        """The waves of its fleet file, which are changed there only."""
        return frozenset(map(str, self._shared.get("waves", ())))

    def wave_of(self, machine: str) -> str | None:
        """The wave that lists a machine, or None."""
        for name, wave in self._known("waves").items():
            if isinstance(wave, dict) and machine in (wave.get("machines") or ()):
                return str(name)
        return None

    def target_of(self, machine: str) -> tuple[dict[str, str], dict[str, str]]:
        """The values of a machine's own target that are texts, and its tags."""
        declared = self._known("machines").get(machine)
        target = declared.get("target") if isinstance(declared, dict) else None
        if not isinstance(target, dict):
            return {}, {}
        tags = target.get("tags")
        values = {key: value for key, value in target.items() if isinstance(value, str)}
        return values, dict(tags) if isinstance(tags, dict) else {}

    def add_machines(self, machines: Iterable[NewMachine]) -> None:
        """Declare machines, after those that are declared."""
        machines = list(machines)
        declared = self._part(_MACHINES) if machines else CommentedMap()
        for machine in machines:
            declared[plain(machine.name)] = flow({"instanceId": machine.instance_id})
            comment(declared, machine.name, machine.comments)

    def add_waves(self, waves: Iterable[Wave]) -> list[str]:
        """Add waves in phase `protected`, and machines to waves of that phase.

        Returns:
            The machines that were added to no wave, because theirs is in a later phase, where they would
            skip its tests, or in the fleet file.
        """
        waves, left = list(waves), list[str]()
        if not waves:
            return left
        declared = self._part(_WAVES)
        for wave in waves:
            # Azure's names ignore case.
            alike = [name for name in declared if str(name).lower() == wave.name.lower()]
            known = declared[alike[0]] if alike else None
            if wave.name in self.fleet_waves:
                left.extend(wave.machines)
            elif known is None:
                declared[plain(wave.name)] = _wave(wave)
                comment(declared, wave.name, (wave.why,))
            elif known.get("phase") == Phase.PROTECTED and _lists(known):
                new = [name for name in wave.machines if name not in known["machines"]]
                known["machines"].extend(map(plain, new))
                groups = max(start_order.numbers(known).values(), default=0)
                if groups:
                    start_order.arrange(known, dict.fromkeys(new, min(groups + 1, GROUPS_MAX)))
            else:
                left.extend(wave.machines)
        return left

    def move(self, machine: str, wave: str) -> None:
        """Put a machine into a wave and out of any other; the wave is made if it does not exist.

        `tidy` comes when all machines are moved.
        """
        declared = self._part(_WAVES)
        for other in declared.values():
            if _lists(other) and machine in other["machines"]:
                other["machines"].remove(machine)
                start_order.remove(other, machine)
        if declared.get(wave) is None:
            declared[plain(wave)] = _wave(Wave(wave, (), ""))
        if not _lists(declared[wave]):
            declared[wave]["machines"] = flow_list(())
        declared[wave]["machines"].append(plain(machine))

    def order_of(self, machine: str) -> int | None:
        """The number of the group in which a machine starts, from 1; None without a recovery plan."""
        wave = self.wave_of(machine)
        return start_order.numbers(self._known("waves")[wave]).get(machine) if wave else None

    def tidy(self, wave: str, wanted: Mapping[str, int]) -> None:
        """Let the machines of a wave start by numbers; a wave that lost all of its machines is removed.

        Args:
            wave: its name.
            wanted: numbers of some machines, as `start_order.arrange` takes them.

        Raises:
            OrderError: the recovery plan cannot have this order.
            StackFileError: the wave has no machines any more, and settings that would be lost.
        """
        declared = self._part(_WAVES)
        if not _lists(declared[wave]):
            return
        if declared[wave]["machines"]:
            start_order.arrange(declared[wave], wanted)
        elif set(declared[wave]) <= _WRITTEN:
            del declared[wave]
        else:
            own = ", ".join(sorted(set(declared[wave]) - _WRITTEN))
            raise StackFileError(f"wave {wave} would have no machines, and has {own} of its own")

    def set_target(self, machine: str, values: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Set values and tags of a machine's target. Other ones stay."""
        if not values and not tags:
            return
        part = self._part(_MACHINES)
        declared = part.setdefault(machine, CommentedMap())
        target = _mapping(declared, "target")
        target.update(values)
        if tags:
            _mapping(target, "tags").update(tags)

    def _known(self, part: str) -> dict[str, Any]:
        """A part of the config, with what the fleet file says of it."""
        own = self._config.get(f"{NAMESPACE}:{part}")
        shared = self._shared.get(part, {})
        return (
            fleet_file.over(own if isinstance(own, dict) else {}, shared) if shared else own or {}
        )

    def _part(self, key: str) -> Any:
        part = self._config.get(key)
        if not part:
            # An empty mapping was written in braces; the new one has a line for each entry.
            part = CommentedMap()
            self._config[key] = part
        return part


def _mapping(part: Any, key: str) -> Any:
    """An entry that may be absent or empty."""
    if part.get(key) is None:
        part[key] = flow({})
    return part[key]


def _wave(wave: Wave) -> CommentedMap:
    made = CommentedMap({"phase": str(Phase.PROTECTED), "machines": flow_list(wave.machines)})
    if wave.groups:
        made["recoveryPlan"] = CommentedMap(
            {"groups": CommentedSeq(flow_list(group) for group in wave.groups)}
        )
    return made


def _lists(wave: Any) -> bool:
    return isinstance(wave, dict) and isinstance(wave.get("machines"), list)
