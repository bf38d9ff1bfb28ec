"""Measures the whole command `python -m inventory` over thousands of instances.

    python -m benchmarks.inventory [--machines 5000] [--share 0.02]

The AWS side is a server of its own on loopback (`server.py`), in another process: it answers what AWS answers, in
pages, as late as AWS is assumed to (`SECONDS`), and refuses what is more than AWS's published rates. With `--share`
others have used most of these rates. Then the command runs twice, with all of them and with this share,
and both runs have to write the same files. Processes, sockets, threads, retries and the waiting are real.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.inventory import server
from benchmarks.inventory.server import Counted

_REGIONS = ("eu-west-1", "us-east-1", "eu-central-1", "ap-southeast-2")
_GOAL_SECONDS = 60


@dataclass(frozen=True)
class Measured:
    """One run of the command.

    Attributes:
        seconds: how long it took, with its start and the files that it wrote.
        cpu: how much of that it computed, in seconds.
        counted: what the server did.
        files: what it wrote, by name.
        said: its output.
    """

    seconds: float
    cpu: float
    counted: Counted
    files: dict[str, bytes]
    said: str

    @property
    def api_seconds(self) -> float:
        """From the first request to the last answer."""
        return self.counted.ended - self.counted.begun

    @property
    def row(self) -> str:
        """A row of the table in the README."""
        answered, throttled = self.counted.answered.total(), self.counted.throttled.total()
        return (
            f"| {self.api_seconds:.1f} | {self.bound:.1f} | {self.seconds:.1f} | {self.cpu:.1f} | "
            f"{answered} | {throttled} |"
        )

    @property
    def bound(self) -> float:
        """The assumed seconds of the longest series of pages, each of which begins with the one before."""
        return max(
            count * server.SECONDS.get(place.split()[-1], server.OTHER_SECONDS)
            for place, count in self.counted.answered.items()
        )

    @property
    def calls(self) -> str:
        """The requests by action."""
        by_action: Counter[str] = Counter()
        for place, count in self.counted.answered.items():
            by_action[place.split()[-1]] += count
        told = [f"{count} {action}" for action, count in by_action.most_common()]
        refused = [f"{n} {action}" for action, n in self.counted.throttled.most_common()]
        return f"answered: {', '.join(told)}; throttled: {', '.join(refused) or 'none'}"


def measured(each: int, accounts: Sequence[str], regions: Sequence[str], share: float) -> Measured:
    """Run the command over these regions of these accounts, each with that many machines.

    Raises:
        RuntimeError: the command did not read everything.
    """
    with _served(each, accounts, regions, share) as url, tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "stacks"
        directory.mkdir()
        profiles = Path(folder) / "config"
        profiles.write_text(
            "".join(
                f"[profile {account}]\naws_access_key_id = AKIA{account}\n"
                "aws_secret_access_key = none\n"
                for account in accounts
            ),
            "utf-8",
        )
        clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        environment = {**clean, "AWS_CONFIG_FILE": str(profiles), "AWS_ENDPOINT_URL": url}
        options = ["--directory", str(directory)]
        options += [word for account in accounts for word in ("--profile", account)]
        options += [word for region in regions for word in ("--region", region)]
        before, begun = _computed(), time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-m", "inventory", *options],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds, cpu = time.perf_counter() - begun, _computed() - before
        if run.returncode:
            raise RuntimeError(run.stderr)
        told = _told(url)
        counted = Counted(
            Counter(told["answered"]), Counter(told["throttled"]), told["begun"], told["ended"]
        )
        files = {
            str(path.relative_to(directory)): path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
    return Measured(seconds, cpu, counted, files, run.stdout)


@contextmanager
def _served(
    each: int, accounts: Sequence[str], regions: Sequence[str], share: float
) -> Iterator[str]:
    """The URL of a server in a process of its own, which has made its machines."""
    command = [sys.executable, "-m", "benchmarks.inventory.server", "--machines", str(each)]
    command += ["--share", str(share)]
    for account in accounts:
        for region in regions:
            command += ["--place", account, region]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # because of PIPE
        # At the end its input is closed, which ends it.
        yield process.stdout.readline().strip()


def _told(url: str) -> dict[str, Any]:
    connection = HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", server.MEASURED)
    told: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    return told


def _computed() -> float:
    """The seconds that processes computed which this one started and which ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure and print. Returns the exit code: 1 if it took too long, or if throttling changed a file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inventory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--machines", type=int, default=5000)
    parser.add_argument("--accounts", type=int, default=2)
    parser.add_argument("--regions", type=int, default=2, choices=range(1, len(_REGIONS) + 1))
    parser.add_argument("--share", type=float, help="a second run, with this share of the rates")
    options = parser.parse_args()
    accounts = [f"{number:012}" for number in range(1, options.accounts + 1)]
    regions = _REGIONS[: options.regions]
    each = options.machines // (len(accounts) * len(regions))
    print("| rates | API, s | longest series, s | command, s | computing, s | calls | throttled |")
    print("|---|---|---|---|---|---|---|")
    whole = measured(each, accounts, regions, 1.0)
    print(f"| all {whole.row}")
    good = whole.api_seconds <= _GOAL_SECONDS
    if options.share is not None:
        shared = measured(each, accounts, regions, options.share)
        print(f"| {options.share:.0%} {shared.row}")
        print(f"\n{options.share:.0%}: {shared.calls}")
        same = shared.files == whole.files
        print(f"The throttled run wrote {'the same' if same else 'OTHER'} files.")
        good = good and same
    summary = next(line for line in whole.said.splitlines() if " cannot be migrated." in line)
    print(f"\nall: {whole.calls}\n{summary}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
