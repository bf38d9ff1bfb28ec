"""A local AWS with the estate, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.warm_python import warm_clouds


@dataclass(frozen=True)
class LocalAws:
    """Its endpoint, and the ids of its estate."""

    endpoint: str
    estate: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which SDKs reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.estate["region"],
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }


@contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Start it, wait until it answers, and stop it at the end."""
    process = subprocess.Popen(
        [warm_clouds(), "-m", "emulator", "aws", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip().rsplit(" ", 1)[-1]
        with urllib.request.urlopen(f"{endpoint}/_emulator/estate", timeout=30) as answer:
            yield LocalAws(endpoint, json.load(answer))
    finally:
        process.terminate()
        process.wait(timeout=30)
