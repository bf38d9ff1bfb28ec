"""Measures what a process and everything that it starts cost: processor time and memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import Popen
from typing import Any

import psutil

_PAUSE_SECONDS = 0.02
_MIB = 1 << 20


@dataclass
class Cost:
    """What processes cost together.

    Attributes:
        cpu_seconds: the processor time of all of them, by what they are.
        peak_mib: the most memory (resident set) that one process of each kind had.
        seconds: how long it took.
    """

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def cpu(self, *, without: tuple[str, ...] = ()) -> float:
        """The processor time of all kinds of processes except some."""
        return sum(spent for kind, spent in self.cpu_seconds.items() if kind not in without)

    def peak(self, *, without: tuple[str, ...] = ()) -> float:
        """The memory of the largest process, in MiB, except some kinds."""
        return max((mib for kind, mib in self.peak_mib.items() if kind not in without), default=0)


def measured(process: Popen[Any], kind: Callable[[list[str]], str]) -> Cost:
    """Watch a process and its descendants until the process ends.

    They are read fifty times a second, so the last moment of each process may be missing. Memory
    that processes share counts for each of them.

    Args:
        process: the process, just started.
        kind: says by its command line what a process is.
    """
    begun = time.monotonic()
    root = psutil.Process(process.pid)
    kinds: dict[psutil.Process, str] = {}
    spent: dict[psutil.Process, float] = {}
    peak: dict[psutil.Process, int] = {}
    while process.poll() is None:
        for one in _family(root):
            with contextlib.suppress(psutil.Error), one.oneshot():
                # A process that was just forked has the command line of its parent.
                kinds[one] = kind(one.cmdline()) or kinds.get(one, "")
                times = one.cpu_times()
                spent[one] = times.user + times.system
                peak[one] = max(peak.get(one, 0), one.memory_info().rss)
        time.sleep(_PAUSE_SECONDS)
    cost = Cost(seconds=time.monotonic() - begun)
    for one, name in kinds.items():
        cost.cpu_seconds[name] = cost.cpu_seconds.get(name, 0.0) + spent.get(one, 0.0)
        cost.peak_mib[name] = max(cost.peak_mib.get(name, 0.0), peak.get(one, 0) / _MIB)
    return cost


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
