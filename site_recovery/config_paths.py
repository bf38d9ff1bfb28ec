"""Places in the config, written as `pulumi config set --path` takes them."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_:-]+")


def path(*location: str | int) -> str:
    """A place as text.

    >>> path("waves", "pilot", "machines", 1)
    'waves.pilot.machines[1]'
    >>> path("machines", "web.01", "instanceId")
    'machines["web.01"].instanceId'
    """
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text
