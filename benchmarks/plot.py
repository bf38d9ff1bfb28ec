"""Draws the results of the benchmarks of the convergence.

    python -m benchmarks.plot [benchmarks/results/bench.json]

It writes a PNG beside the results. It runs in an environment of its own, with matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

_RESULTS = Path("benchmarks/results/bench.json")
_TARGET = 1.10
_COLORS = {"classic": "Blues", "modernized": "Oranges"}


def main(arguments: list[str]) -> int:
    """Draw and write. Returns the exit code."""
    source = Path(arguments[0]) if arguments else _RESULTS
    facts = json.loads(source.read_text(encoding="utf-8"))["convergence"]
    figure, (ratios, hours) = pyplot.subplots(1, 2, figsize=(14, 5.4), width_ratios=(2, 1))
    _ratios(ratios, [one for one in facts if one["way"].startswith(facts[0]["way"])])
    _hours(hours, facts)
    figure.tight_layout()
    drawn = source.with_suffix(".png")
    figure.savefig(drawn, dpi=120)
    print(drawn)
    return 0


def _ratios(axes: Any, facts: list[dict[str, Any]]) -> None:
    """For each transition the time that it took, divided by the least that it needs.

    A line across a bar is the same for clients that do not know how long machines take.
    """
    names = list(dict.fromkeys(one["transition"] for one in facts))
    fleets = sorted({(one["experience"], one["way"], one["machines"]) for one in facts})
    width = 0.86 / len(fleets)
    for number, fleet in enumerate(fleets):
        experience, way, machines = fleet
        found = [one for one in facts if (one["experience"], one["way"], one["machines"]) == fleet]
        place = [at + (number - (len(fleets) - 1) / 2) * width for at in range(len(names))]
        kind = way.removeprefix(facts[0]["way"])
        axes.bar(
            place,
            [height - 1 for height in _worst(found, names, "ratio")],
            width * 0.92,
            bottom=1,
            color=_shade(experience, [one for one in fleets if one[0] == experience].index(fleet)),
            label=f"{machines} {experience}{kind}",
        )
        axes.hlines(
            _worst(found, names, "ratioOfOrders"),
            [at - width * 0.46 for at in place],
            [at + width * 0.46 for at in place],
            color="black",
            linewidth=1.6,
        )
    axes.axhline(_TARGET, color="black", linewidth=0.8, linestyle="--", label="the aim")
    axes.plot([], [], color="black", linewidth=1.6, label="÷ the mean of all orders")
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(1.0, max(1.15, axes.get_ylim()[1]))
    axes.set_title("makespan ÷ lower bound, worst seed", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.08))


def _shade(experience: str, number: int) -> Any:
    """A color of an experience, the darker the greater the number."""
    return pyplot.get_cmap(_COLORS[experience])(min(1.0, 0.3 + 0.15 * number))


def _worst(facts: list[dict[str, Any]], names: list[str], ratio: str) -> list[float]:
    return [max(one[ratio] for one in facts if one["transition"] == name) for name in names]


def _hours(axes: Any, facts: list[dict[str, Any]]) -> None:
    """The time of the whole way, for the program and its baselines, on a logarithmic scale."""
    size = facts[-1]["machines"]
    at = [one for one in facts if one["machines"] == size]
    ways = list(dict.fromkeys(one["way"] for one in at))
    for number, experience in enumerate(sorted({one["experience"] for one in at})):
        lengths = []
        for way in ways:
            found = [one for one in at if (one["way"], one["experience"]) == (way, experience)]
            seeds = len({one["seed"] for one in found}) or 1
            lengths.append(sum(one["seconds"] for one in found) / seeds / 3600)
        place = [position + (number - 0.5) * 0.4 for position in range(len(ways))]
        bars = axes.barh(place, lengths, 0.38, label=experience, color=_shade(experience, 2))
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize="small")
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_yticks(range(len(ways)), ways)
    axes.invert_yaxis()
    axes.set_title(f"hours of service time, {size} machines, whole way", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="small")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
