"""Operations of protected items in the contract that physical machines do not have.

They are refused because no state allows them, like every operation that is not allowed: a physical
machine has no planned failover and cannot be failed back or replicated back (documented).
"""

from __future__ import annotations

from emulator.kernel.routes import Handler, Routes
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.items import items
from emulator.recovery_services.wire.paths import API_VERSIONS, PROTECTED_ITEMS, require

routes = Routes(API_VERSIONS)

_OPERATIONS = (
    ("plannedFailover", "PlannedFailover", "PlannedFailover"),
    ("reProtect", "ReverseReplicate", "Reprotect"),
    ("failoverCancel", "CancelFailover", "FailoverCancel"),
)


def _handler(word: str, operation: str) -> Handler:
    def answer(world: World, request: Request, **path: str) -> Response:
        item = require(world, PROTECTED_ITEMS, path)
        return items.start(world, request, item, word, operation)

    return answer


for _segment, _word, _name in _OPERATIONS:
    _operation = f"ReplicationProtectedItems_{_name}"
    _add = routes.route("POST", f"{PROTECTED_ITEMS.template}/{_segment}", _operation)
    _add(_handler(_word, _operation))
