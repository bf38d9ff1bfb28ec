"""One target of `make` for several stacks: `python -m toolchain.many up staging prod`.

Every stack has a `make` of its own, so it gets the clouds, the environment and the exit code that it
has alone. A stack that fails stops no other one. The exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from toolchain.layout import checkout

SELECTING = ("up", "preview", "plan", "recover", "destroy")
"""Targets that select the stack first."""
TARGETS = (*SELECTING, "report", "handover", "permissions")
_SELECT = "stack"
_INTERRUPTED = 130


@dataclass(frozen=True)
class Ended:
    """What became of one stack.

    Attributes:
        code: the exit code of its `make`.
        step: the target that ended with it.
        seconds: how long it ran.
    """

    stack: str
    step: str
    code: int
    seconds: float


class UnusableError(Exception):
    """The stacks cannot be run as they were named. The text says why, and the way out."""


class Runner:
    """Runs `make` for stacks.

    Args:
        root: the folder of the Makefile and the stack files.
        at_once: how many stacks run at the same time. One has the terminal to itself, so Pulumi can
            ask. Of several, each line begins with the stack, and nothing can be asked.
    """

    def __init__(self, root: Path, at_once: int) -> None:
        self._root = root
        self._at_once = at_once
        self._printing = threading.Lock()

    def run(self, target: str, stacks: Sequence[str]) -> list[Ended]:
        """Run a target for stacks. Returns what became of each, in their order."""
        ended: dict[str, Ended] = {}
        if target in SELECTING:
            # One after another: all write the one file in which Pulumi notes the selected stack.
            for stack in stacks:
                done = self._make(_SELECT, stack)
                if done.code != 0:
                    ended[stack] = done
        rest = [stack for stack in stacks if stack not in ended]
        with ThreadPoolExecutor(self._at_once) as pool:
            for done in pool.map(lambda stack: self._make(target, stack), rest):
                ended[done.stack] = done
        return [ended[stack] for stack in stacks]

    def _make(self, target: str, stack: str) -> Ended:
        begun = time.monotonic()
        selected = ["SELECTED=yes"] if target in SELECTING else []
        # Variables of the outer `make` come with MAKEFLAGS; these take precedence.
        command = ["make", target, f"STACK={stack}", "STACKS=", *selected]
        if self._at_once == 1:
            print(f"== {stack}: make {target}", flush=True)
            code = subprocess.run(command, cwd=self._root, check=False).returncode
        else:
            code = self._prefixed(command, stack)
        return Ended(stack, target, code, time.monotonic() - begun)

    def _prefixed(self, command: Sequence[str], stack: str) -> int:
        with subprocess.Popen(
            command,
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None  # because of PIPE
            for line in process.stdout:
                with self._printing:
                    print(f"{stack} | {line}", end="", flush=True)
        return process.returncode


def summary(ended: Iterable[Ended]) -> str:
    """A line for each stack, and one for all."""
    ended = list(ended)
    width = max(len(one.stack) for one in ended)
    lines = [f"  {one.stack:<{width}}  {_result(one)}, {_span(one.seconds)}" for one in ended]
    failed = [one.stack for one in ended if one.code != 0]
    lines.append(
        f"{len(ended) - len(failed)} of {len(ended)} stacks done"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return "\n".join(lines)


def _result(one: Ended) -> str:
    return "done" if one.code == 0 else f"failed (make {one.step} ended with {one.code})"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def check(root: Path, stacks: Sequence[str]) -> None:
    """Refuse stacks that are named twice or have no file, before any of them runs.

    Raises:
        UnusableError: with everything that is wrong.
    """
    twice = sorted({stack for stack in stacks if stacks.count(stack) > 1})
    wrong = [f"STACKS names {stack} twice. Remove one." for stack in twice]
    wrong += [
        f"STACKS names {stack}, and there is no Pulumi.{stack}.yaml. Correct the name, or write the "
        "file."
        for stack in dict.fromkeys(stacks)
        if not (root / f"Pulumi.{stack}.yaml").exists()
    ]
    if wrong:
        raise UnusableError("\n".join(wrong))


def main(
    arguments: list[str] | None = None, root: Path | None = None, say: Callable[[str], None] = print
) -> int:
    """Run a target for stacks. Returns the exit code.

    Args:
        arguments: of the command line.
        root: the folder of the Makefile; the checkout's by default.
        say: prints the summary.
    """
    parser = argparse.ArgumentParser(prog="python -m toolchain.many", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("stacks", nargs="+", metavar="stack")
    parser.add_argument("--at-once", type=_positive, default=1, help="how many at the same time")
    options = parser.parse_args(arguments)
    root = root or checkout().root
    try:
        check(root, options.stacks)
    except UnusableError as problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        ended = Runner(root, options.at_once).run(options.target, options.stacks)
    except KeyboardInterrupt:
        print("Interrupted. `make status` with the same STACKS shows where they are.", flush=True)
        return _INTERRUPTED
    sys.stdout.flush()
    say(summary(ended))
    return int(any(one.code != 0 for one in ended))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
