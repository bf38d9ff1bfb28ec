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


def main(arguments: list[str]) -> int:
    """Draw and write. Returns the exit code."""
    source = Path(arguments[0]) if arguments else _RESULTS
    facts = json.loads(source.read_text(encoding="utf-8"))["convergence"]
    figure, (ratios, hours) = pyplot.subplots(1, 2, figsize=(13, 4.8), width_ratios=(3, 2))
    _ratios(ratios, [one for one in facts if one["way"] == facts[0]["way"]])
    _hours(hours, facts)
    figure.tight_layout()
    drawn = source.with_suffix(".png")
    figure.savefig(drawn, dpi=120)
    print(drawn)
    return 0


def _ratios(axes: Any, facts: list[dict[str, Any]]) -> None:
    """For each transition the time that it took, divided by the least that it needs."""
    names = list(dict.fromkeys(one["transition"] for one in facts))
    groups = sorted({(one["experience"], one["machines"]) for one in facts})
    for number, group in enumerate(groups):
        place = [
            at + (number - (len(groups) - 1) / 2) * 0.8 / len(groups) for at in range(len(names))
        ]
        found = [
            [
                one["ratio"]
                for one in facts
                if (one["experience"], one["machines"], one["transition"]) == (*group, name)
            ]
            for name in names
        ]
        worst = [max(one) for one in found]
        axes.bar(place, worst, 0.75 / len(groups), label=f"{group[1]} {group[0]}")
    axes.axhline(_TARGET, color="black", linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(bottom=0.9)
    axes.set_ylabel("makespan ÷ lower bound, worst seed")
    axes.legend(fontsize="small", ncols=2)


def _hours(axes: Any, facts: list[dict[str, Any]]) -> None:
    """The time of the whole way, for the program and its baselines, on a logarithmic scale."""
    ways = list(dict.fromkeys(one["way"] for one in facts))
    size = next((one["machines"] for one in facts if one["way"] == ways[-1]), None)
    at = [one for one in facts if one["machines"] == size]
    for number, experience in enumerate(sorted({one["experience"] for one in at})):
        lengths = []
        for way in ways:
            found = [one for one in at if (one["way"], one["experience"]) == (way, experience)]
            seeds = len({one["seed"] for one in found}) or 1
            lengths.append(sum(one["seconds"] for one in found) / seeds / 3600)
        place = [position + (number - 0.5) * 0.4 for position in range(len(ways))]
        bars = axes.barh(place, lengths, 0.38, label=experience)
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize="small")
    axes.set_xscale("log")
    axes.set_yticks(range(len(ways)), ways)
    axes.invert_yaxis()
    axes.set_xlabel(f"hours of service time, {size} machines, whole way")
    axes.legend(fontsize="small")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
