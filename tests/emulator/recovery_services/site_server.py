"""A server process over a site's database, for tests that kill it.

python -m tests.emulator.recovery_services.site_server DATABASE

Its standard input is the socket that it listens on.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from emulator import front, http
from emulator.estate.static import StaticEstate
from emulator.kernel.store import Store
from emulator.kernel.world import resumed_clock
from tests.emulator.recovery_services.site_recovery_support import (
    PUSH,
    SERVER,
    SERVER_GROUP,
    windows,
)

MACHINE = windows(1)


def estate() -> StaticEstate:
    """The configuration server and one machine."""
    return StaticEstate([SERVER, MACHINE], (PUSH, SERVER_GROUP))


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]))
    world = front.create(store, resumed_clock(store), estate=estate())
    http.serve(world, port=0, listener=socket.socket(fileno=os.dup(sys.stdin.fileno())))
