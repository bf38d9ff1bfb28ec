"""The page of a stack: its output `readme`, which Pulumi Cloud shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import Template
from typing import Any

import pulumi

_NOTHING = "-"
_MACHINE_COLUMNS = {
    "wave": "wave",
    "observedPhase": "observed phase",
    "azureVm": "Azure VM",
    "testVm": "test VM",
    "privateIps": "private addresses",
    "powerState": "power",
    "lastTest": "last test",
    "health": "health",
}


def stack_page(
    template: str,
    machines: Mapping[str, Mapping[str, Any]],
    waves: Mapping[str, Mapping[str, Any]],
    vault: Mapping[str, Any],
    server: Mapping[str, Any],
) -> pulumi.Output[str]:
    """The page as Markdown, with the values of the other outputs of the stack.

    Args:
        template: Markdown with `${machines}` and `${waves}`, each in the place of a table, and
            `${vault}` and `${server}`.
        machines: the output `machines`.
        waves: the output `waves`.
        vault: the output `vault`.
        server: the output `server`.
    """
    known = pulumi.Output.all(machines=machines, waves=waves, vault=vault, server=server)
    return known.apply(lambda values: _filled(template, **values))


def _filled(
    template: str,
    machines: Mapping[str, Mapping[str, Any]],
    waves: Mapping[str, Mapping[str, Any]],
    vault: Mapping[str, Any],
    server: Mapping[str, Any],
) -> str:
    return Template(template).substitute(
        machines=_table(
            ["machine", *_MACHINE_COLUMNS.values()],
            [
                [name, *(row.get(key) for key in _MACHINE_COLUMNS)]
                for name, row in sorted(machines.items())
            ],
        ),
        waves=_table(
            ["wave", "phase", "machine", "last run", "message"],
            [
                [name, wave["phase"], machine, outcome["status"], outcome["message"]]
                for name, wave in waves.items()
                for machine, outcome in sorted(wave["machines"].items())
            ],
        ),
        vault=f"{vault['name']} in {vault['resourceGroup']}",
        server="retired"
        if server.get("retired")
        else f"{server['name']}, {server['instanceId']} at {server['privateIp']}",
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    # An Azure id is shown by its last segment.
    text = ", ".join(value) if isinstance(value, list) else str(value or "")
    text = text or _NOTHING
    if text.startswith("/subscriptions/"):
        text = text.rsplit("/", 1)[-1]
    return " ".join(text.split()).replace("|", "\\|")
