"""Draws what cutovers cost.

    python -m benchmarks.plot_cutover [benchmarks/results/cutover.json]

It writes a PNG beside the results. It runs in an environment of its own, with matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

_RESULTS = Path("benchmarks/results/cutover.json")


def main(arguments: list[str]) -> int:
    """Draw and write. Returns the exit code."""
    source = Path(arguments[0]) if arguments else _RESULTS
    facts = json.loads(source.read_text(encoding="utf-8"))
    groups = sorted({(one["experience"], one["mode"]) for one in facts})
    figure, (lost, down) = pyplot.subplots(1, 2, figsize=(12, 3.6))
    names = [f"{experience}\n{mode}" for experience, mode in groups]
    for axes, key, unit, label in (
        (lost, "lost", 1, "records lost"),
        (down, "downtime", 60, "minutes without service"),
    ):
        found = [
            [one[key] / unit for one in facts if (one["experience"], one["mode"]) == group]
            for group in groups
        ]
        axes.boxplot(found, whis=(0, 100))
        axes.set_xticks(range(1, len(names) + 1), names, fontsize="small")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.4)
    figure.tight_layout()
    drawn = source.with_suffix(".png")
    figure.savefig(drawn, dpi=120)
    print(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
