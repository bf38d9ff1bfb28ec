"""A server process over a site's database, for tests that kill it.

python -m tests.emulator.recovery_services.site_server DATABASE PORT
"""

from __future__ import annotations

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
    http.serve(front.create(store, resumed_clock(store), estate=estate()), int(sys.argv[2]))
