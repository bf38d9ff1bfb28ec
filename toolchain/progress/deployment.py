"""What a run of the engine does, by the events that it logs (`--event-log`).

The fields are those of Pulumi's `apitype.EngineEvent`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_SYMBOLS = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "replace": "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    "import": "=",
    "import-replacement": "=>",
}
"""The operations on a resource that are told, with the signs that Pulumi's own table has for them."""
_COLOURS = re.compile(r"<\{%.*?%\}>")
"""Pulumi's own marks of colours."""
_DYNAMIC = "pulumi-python:dynamic/"
_WAVE = "asr:Wave"


@dataclass
class Row:
    """A resource that something is being done with.

    Attributes:
        name: its name.
        kind: its type, such as `aws:ec2:Instance`.
        began: when that began, in seconds of the clock that `Deployment.take` is given.
        status: what it last said of itself.
    """

    name: str
    kind: str
    began: float
    status: str = ""

    def order(self) -> tuple[bool, bool, float]:
        """What matters most comes first: waves, then what says something, then what runs longest."""
        return self.kind != _WAVE, not self.status, self.began


@dataclass
class Deployment:
    """What happened so far.

    Attributes:
        preview: whether the engine only previews.
        doing: what the run as a whole does, until the first resource.
        running: what is being done now, by URN.
        done: how many operations on resources ended.
        told: every line that resources said for good, so that it is not told a second time.
        kept: the resources that leave the record only, by name and type. The engine counts them as deleted.
    """

    preview: bool
    doing: str = "starting Pulumi"
    running: dict[str, Row] = field(default_factory=dict)
    done: int = 0
    told: set[str] = field(default_factory=set)
    kept: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any], now: float) -> Iterator[str]:
        """Take an event of the engine's log.

        Args:
            event: the event.
            now: when it was read, in seconds.

        Yields:
            The lines that a log has for it.
        """
        if "policyLoadEvent" in event:
            self.doing = "loading the policies"
        elif "preludeEvent" in event:
            self.doing = "starting the program"
        elif (step := event.get("resourcePreEvent")) is not None:
            yield from self._begins(step["metadata"], now)
        elif (step := event.get("resOutputsEvent")) is not None:
            yield from self._ends(step["metadata"])
        elif (step := event.get("resOpFailedEvent")) is not None:
            yield from self._fails(step["metadata"])
        elif (said := event.get("diagnosticEvent")) is not None:
            yield from self._says(said)
        elif (said := event.get("stdoutEvent")) is not None:
            yield from said["message"].strip().splitlines()

    def rows(self) -> list[Row]:
        """What is being done, the most important first."""
        return sorted(self.running.values(), key=Row.order)

    def _begins(self, step: Mapping[str, Any], now: float) -> Iterator[str]:
        self.doing = ""
        if step["op"] not in _SYMBOLS or not _matters(step):
            return
        if _stays(step):
            short = kind(step["urn"]).rpartition(":")[2]
            self.kept.append(f"{_name(step['urn'])} ({short})")
        if self.preview:
            changed = ", ".join(step.get("diffs") or ())
            yield f"{_change(step)}{f': {changed}' if changed else ''}"
        else:
            self.running[step["urn"]] = Row(_name(step["urn"]), kind(step["urn"]), now)

    def _ends(self, step: Mapping[str, Any]) -> Iterator[str]:
        if self.running.pop(step["urn"], None) is not None:
            self.done += 1
            yield _change(step)

    def _fails(self, step: Mapping[str, Any]) -> Iterator[str]:
        if self.running.pop(step["urn"], None) is not None:
            yield f"{_change(step)}: failed"

    def _says(self, said: Mapping[str, Any]) -> Iterator[str]:
        if said["severity"] == "debug":
            return
        text, urn = _COLOURS.sub("", said["message"]).strip(), said.get("urn", "")
        if said.get("ephemeral"):
            if urn in self.running:
                self.running[urn].status = text
            elif not self.running:
                self.doing = text
        elif not self.preview and said["severity"] == "info":
            # A preview tells all of it at its end, sorted.
            lines = text.splitlines()
            self.told.update(line.strip() for line in lines)
            yield from lines


def kind(urn: str) -> str:
    """The type of a resource, as Pulumi's own table has it.

    >>> kind("urn:pulumi:dev::p::x:y:Z$aws:ec2/securityGroup:SecurityGroup::fence")
    'aws:ec2:SecurityGroup'
    >>> kind("urn:pulumi:dev::p::x:y:Z$pulumi-python:dynamic/asr:Wave::web")
    'asr:Wave'
    """
    full = urn.split("::")[2].rpartition("$")[2]
    if full.startswith(_DYNAMIC):
        return full.removeprefix(_DYNAMIC)
    package, module, name = full.split(":", 2)
    return f"{package}:{module.partition('/')[0]}:{name}"


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _matters(step: Mapping[str, Any]) -> bool:
    """Whether a step is more than bookkeeping of Pulumi's own."""
    state = step.get("new") or step.get("old") or {}
    return bool(state.get("custom")) and not step["type"].startswith("pulumi:")


def _stays(step: Mapping[str, Any]) -> bool:
    """Whether a resource is only forgotten, because it was declared with `retain_on_delete`."""
    return step["op"] == "delete" and bool((step.get("old") or {}).get("retainOnDelete"))


def _change(step: Mapping[str, Any]) -> str:
    kept = ": kept" if _stays(step) else ""
    return f"{_SYMBOLS[step['op']]} {_name(step['urn'])} ({kind(step['urn'])}){kept}"
