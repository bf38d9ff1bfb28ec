"""The local AWS answers on many threads: what one sees of a command is whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from emulator.aws.guests import Guests, Progress
from emulator.aws.systems_manager.commands import Command, Commands, Invocation
from emulator.aws.systems_manager.machines import Machines

ASKED = {"CommandId": "command", "InstanceId": "i-1"}


class _Read(Progress):
    """The progress of a script that ended. Somebody else asks while it is read."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def __getattribute__(self, name: str) -> Any:
        if name == "began":
            type(self).meanwhile()
        return super().__getattribute__(name)


class _Ended:
    def progress(self, command: str) -> Mapping[str, Progress]:
        return {"i-1": _Read("Success", "Success", 1.0, 2.0, "open\n", "", 0)}


def test_whoever_sees_a_command_succeed_sees_its_output() -> None:
    commands = Commands(cast(Machines, None), lambda: cast(Guests, _Ended()), threading.Lock())
    invocation = Invocation("i-1", "web-01", "aws:runShellScript")
    commands._commands["command"] = Command(
        "command", "AWS-RunShellScript", "", "", 0.0, {}, [], ["i-1"], 60, {"i-1": invocation}
    )
    seen = []

    def look() -> None:
        _Read.meanwhile = staticmethod(lambda: None)  # One look at a time is enough.
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(commands.invocation, ASKED).result())
        _Read.meanwhile = look

    _Read.meanwhile = look
    seen.append(commands.invocation(ASKED))
    told = {(one["Status"], one["ResponseCode"], one["StandardOutputContent"]) for one in seen}
    assert told == {("Success", 0, "open\n")}
