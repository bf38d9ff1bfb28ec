"""What stands between a client and a cloud, on loopback: a proxy that only connects (RFC 9110,
section 9.3.6), and one that speaks TLS in front of a server that does not.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
            _join(self.connection, there)


class _Relay(socketserver.BaseRequestHandler):
    server: _TlsFront

    def handle(self) -> None:
        try:
            here = self.server.tls.wrap_socket(self.request, server_side=True)
        except OSError:  # The client does not trust the certificate.
            return
        with here, socket.create_connection(("127.0.0.1", self.server.behind)) as there:
            _join(here, there)


class _TlsFront(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, certificate: Path, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)
        self.behind = behind


def _join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
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
    with ConnectProxy(refuses=refuses) as proxy, _running(proxy):
        yield proxy


@contextmanager
def tls_front(certificate: Path, behind: int) -> Iterator[int]:
    """The port of a server that speaks TLS, in front of a server on loopback that does not.

    Args:
        certificate: its key and certificate, PEM.
        behind: the port of that server.
    """
    with _TlsFront(certificate, behind) as front, _running(front):
        yield front.server_address[1]


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
