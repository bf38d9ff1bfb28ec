"""A stack of many waves: each is a call of the engine, and all of them go on side by side."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from dynamic_providers import adapter, engine
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.wave.inputs import WaveInputs
from dynamic_providers.wave.outputs import WaveOutputs
from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from tests.convergence import virtual_time
from tests.convergence.test_waves_share_one_driver import Waves
from tests.dynamic_providers.test_resources_in_a_vault import URN, wave
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic

WAVES = {"classic": 40, "modernized": 12}
"""How many, by the experience: several times the threads that the SDK has for them."""


def inputs(waves: Waves, number: int, phase: str) -> WaveInputs:
    """A wave of one machine."""
    values = wave(waves.fleet, phase)
    name = sorted(values["machines"])[number]
    values["machines"] = {name: {**values["machines"][name], "cutover": {"mode": "latest"}}}
    site = waves.fleet.migration_site
    values["landing_zone"] = asdict(site.landing_zone)
    values["policy_id"], values["process_server_id"] = site.policy_id, site.process_server_id
    values["master_target_id"] = site.master_target_id
    values["urn"] = f"{URN}-{number}"
    values["convergence"] = {
        **values["convergence"],
        "wait_seconds": 72 * 3600,
        "poll_seconds": 600,
        "require_test_failover": False,
    }
    return WaveInputs.model_validate(values)


@pytest.mark.parametrize("experience", BOTH, ids=lambda experience: experience.name)
def test_all_waves_migrate_side_by_side_and_look_together(
    experience: Classic, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = WAVES[experience.name]
    waves = Waves(experience, machines=count)
    waves.throttle()
    connect = waves.connect()
    monkeypatch.setattr(adapter.MigrationProvider, "connect", lambda _self: connect)
    silent = SimpleNamespace(log=lambda *_, **__: None, alive=lambda: True)
    monkeypatch.setattr(engine, "current", lambda: silent)
    began, provider = waves.fleet.site.world.now, MigrationWaveProvider()

    async def create(number: int) -> WaveOutputs:
        _, outputs = await provider.on_create(inputs(waves, number, "migrated"))
        return outputs

    async def all_at_once() -> None:
        made = await asyncio.gather(*map(create, range(count)))
        outcomes = [outcome for each in made for outcome in each.outcomes.values()]
        assert [outcome["status"] for outcome in outcomes] == [Status.SATISFIED] * count
        await connect.close()

    virtual_time.run(waves.fleet.site.world.clock, all_at_once())

    alone = Waves(experience, machines=1)
    alone_began = alone.fleet.site.world.now
    alone.drive(1, Phase.MIGRATED)
    took = waves.fleet.site.world.now - began
    assert took < 1.5 * (alone.fleet.site.world.now - alone_began)
    assert waves.refused == 0
    # All look together: as often as a few waves would, and not as often as there are waves.
    assert waves.looks < 10 * alone.looks
