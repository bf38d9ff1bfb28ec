"""Paths in the config, in the notation of `pulumi config set --path`."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_:-]+")
_STEP = re.compile(r"""\["(?P<quoted>.*?)"\]|\[(?P<index>\d+)\]|(?P<plain>[^.\[]+)""")


def path(*location: str | int) -> str:
    """The path as text.

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


def split(text: str) -> tuple[str | int, ...]:
    """The location of a path: what `path` made the text of.

    >>> split('machines["web.01"].checks[2].path')
    ('machines', 'web.01', 'checks', 2, 'path')
    """
    return tuple(
        int(step["index"]) if step["index"] else step["quoted"] or step["plain"]
        for step in _STEP.finditer(text)
    )
