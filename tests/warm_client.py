"""Replaces `python` in the engine tests; tests.warm_python runs the actual process.

    python -IS warm_client.py <socket> <arguments of python>...

The engine cannot tell the difference: streams, signals and exit code are those of the actual
process, and if this one is killed, the other is killed too. It imports little, because the engine
waits for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys

_PARENT_CHECK_SECONDS = 0.5


def main(address: str, arguments: list[str]) -> int:
    """Let a warm process run the command; end when it ends, or when our parent process ends.

    Returns the exit code of the warm process.
    """
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        place = {"directory": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
        request = json.dumps({"arguments": arguments, **place}).encode()
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], [0, 1, 2])
        connection.sendall(request)
        answers = connection.makefile("r")
        pid = int(answers.readline())

        def forward(number: int, _: object) -> None:
            # It may have just ended; its exit code is on its way then.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, forward)
        while not select.select([connection], [], [], _PARENT_CHECK_SECONDS)[0]:
            if os.getppid() != parent:
                return 1
        code = int(answers.readline())
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
