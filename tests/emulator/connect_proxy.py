"""A proxy on loopback that only connects (RFC 9110, section 9.3.6)."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Tunnel(socketserver.StreamRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(f"{method} {target}")
        if self.server.refuses:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(there, self.connection), daemon=True)
            back.start()
            _copy(self.connection, there)
            back.join(10)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while read := source.recv(65536):
            sink.sendall(read)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


class ConnectProxy(socketserver.ThreadingTCPServer):
    """Notes what it is asked for.

    Attributes:
        asked: the request lines, without the version.
        refuses: whether it forbids every target.
    """

    daemon_threads = True

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.asked: list[str] = []
        self.refuses = refuses

    @property
    def url(self) -> str:
        """What `HTTPS_PROXY` is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(*, refuses: bool = False) -> Iterator[ConnectProxy]:
    """A proxy that serves inside the block."""
    with ConnectProxy(refuses=refuses) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
