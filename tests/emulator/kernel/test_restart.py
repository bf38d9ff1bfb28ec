"""A process that is killed after every request gives the same responses as one that never is."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import front
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.world import resumed_clock
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/staccount"
BODIES: dict[str, object] = {
    GROUP: {"location": "westeurope"},
    VAULT: {"location": "westeurope", "sku": {"name": "Standard"}},
    NETWORK: {
        "location": "westeurope",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.1.0/24"}}],
        },
    },
    ACCOUNT: {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
}
PLACES = st.sampled_from(list(BODIES))
STEPS = st.lists(
    st.tuples(st.sampled_from(["PUT", "PUT", "GET", "DELETE"]), PLACES, st.floats(0, 60)),
    max_size=12,
)


def step(arm: Arm, method: str, path: str, seconds: float) -> tuple[Any, ...]:
    arm.world.clock.advance(timedelta(seconds=seconds))
    response = arm.call(method, path, BODIES[path] if method == "PUT" else None)
    # The id of a request is a serial number of its process.
    headers = {key: value for key, value in response.headers.items() if key != "x-ms-request-id"}
    return response.status, response.body, headers


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_a_restart_after_every_request_shows_in_no_answer(
    steps: list[tuple[str, str, float]],
) -> None:
    steady = Arm(front.create(Store(), Clock(), seed=7))
    with tempfile.TemporaryDirectory() as directory:
        for method, path, seconds in steps:
            store = Store(Path(directory) / "azure.sqlite")
            mortal = Arm(front.create(store, resumed_clock(store), seed=7))
            # Time that passed before a death is lost up to the last write; let none pass.
            mortal.world.clock.advance(steady.world.clock.now() - mortal.world.clock.now())
            mortal.headers = steady.headers
            assert step(mortal, method, path, seconds) == step(steady, method, path, seconds)
            store.close()
        store = Store(Path(directory) / "azure.sqlite")
        mortal = Arm(front.create(store, resumed_clock(store), seed=7))
        assert mortal.world.audited() == steady.world.audited()
        groups = f"{SUBSCRIPTION}/resourceGroups"
        assert mortal.get(groups) == steady.get(groups)
        store.close()
