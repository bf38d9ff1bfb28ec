"""Stands for `python` where a test's engine starts one; the work is done by tests.engine.warm_python.

    python -IS warm_client.py <socket> <arguments of python>...

To the engine it is that Python: it has its streams, its signals and its exit code, and when it is
killed, what it stands for is killed too. It imports little, because the engine waits for it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys

_PARENT_CHECK_SECONDS = 0.5


def main(address: str, arguments: list[str]) -> int:
    """Have a warm Python run, and end as it ends, or with the process that started this one.

    Returns its exit code.
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
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(pid, number))
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
