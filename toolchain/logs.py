"""Pulumi's logs of local stacks: it writes a file for every command, and removes none."""

from __future__ import annotations

from toolchain.layout import Layout

KEPT = 100


def remove_old(layout: Layout) -> None:
    """Keep the newest `KEPT` logs."""
    # A name begins with the time of its command.
    for log in sorted((layout.pulumi_home / "logs").glob("pulumi-*.log"))[:-KEPT]:
        log.unlink(missing_ok=True)
