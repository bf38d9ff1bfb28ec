"""Replaces `python` in the engine tests; tests.warm_python runs the actual process.

    python -IS warm_client.py <socket> <arguments of python>...

The engine cannot tell the difference: streams, signals and exit code are those of the actual
process, and if this one is killed, the other is killed too. The engine waits for it, eleven times in
a command. So it imports only what needs no other module: `signal` and `socket` would more than
double its time.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import marshal
import posix
import select
import sys

_PARENT_CHECK_SECONDS = 0.5
_STREAMS = (0, 1, 2)


def main(address: str, arguments: list[str]) -> int:
    """Let a warm process run the command; end when it ends, or when our parent process ends.

    Returns the exit code of the warm process.
    """
    parent = posix.getppid()
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(address)
    request = marshal.dumps((arguments, posix.getcwd(), posix.environ))
    streams = b"".join(one.to_bytes(4, sys.byteorder) for one in _STREAMS)
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)
    connection.sendmsg([len(request).to_bytes(4, "big")], [rights])
    connection.sendall(request)
    pid = _number(connection)

    def forward(number: int, _: object) -> None:
        try:  # noqa: SIM105 - contextlib is one of the modules that take time
            posix.kill(pid, number)
        except ProcessLookupError:
            # It has just ended; its exit code is on its way.
            pass

    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, forward)
    while not select.select([connection.fileno()], [], [], _PARENT_CHECK_SECONDS)[0]:
        if posix.getppid() != parent:
            return 1
    code = _number(connection)
    if code < 0:
        if -code != _signal.SIGKILL:
            _signal.signal(-code, _signal.SIG_DFL)
        posix.kill(posix.getpid(), -code)
    return code


def _number(connection: _socket.socket) -> int:
    """Read a line with a number."""
    read = b""
    while not read.endswith(b"\n"):
        more = connection.recv(1)
        if not more:
            raise ConnectionError("the server of warm Pythons is gone")
        read += more
    return int(read)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
