"""Runs all benchmarks, prints their tables and writes the results.

    python -m benchmarks [--full] [--sizes 10 100] [--seeds 1 2 3] [--to benchmarks/results]

`--full` adds a thousand machines in five vaults.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks import migrations, reads
from benchmarks.convergence import campaign

_RESULTS = Path("benchmarks/results")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--full", action="store_true", help="a thousand machines too")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of machines, in one vault")
    parser.add_argument("--seeds", type=int, nargs="+", default=campaign.SEEDS)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement of reads")
    parser.add_argument("--to", type=Path, default=_RESULTS, help="the folder of the results")
    options = parser.parse_args(arguments)
    sizes = [(size, 1) for size in options.sizes] if options.sizes else list(campaign.SIZES)
    if options.full:
        sizes.append(campaign.FULL_SIZE)
    begun = time.perf_counter()
    found = campaign.carried_out(campaign.runs(sizes, options.seeds))
    spent = time.perf_counter() - begun
    print(f"the convergence, {spent:.0f} s\n\n{campaign.tables(found)}\n", flush=True)
    # From here on this process stays on one core.
    emulator = reads.measured(reads.MACHINES, options.seconds)
    print(f"{reads.table(emulator)}\n")
    whole = migrations.measured(options.seconds)
    print(whole.text())
    options.to.mkdir(parents=True, exist_ok=True)
    results = {
        "convergence": found,
        "reads": {way: [asdict(one) for one in rates] for way, rates in emulator.items()},
        "migrations": asdict(whole),
    }
    path = options.to / "bench.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\n{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
