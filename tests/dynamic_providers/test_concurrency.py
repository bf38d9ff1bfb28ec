"""How many waves run at a time, and what a preview says if that is not all of them."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest

from dynamic_providers import concurrency
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.wave.all_waves import packed
from dynamic_providers.wave.inputs import OtherWave
from dynamic_providers.wave.vault import WaveVault
from site_recovery.phases import Phase
from tests.dynamic_providers.answers import answering
from tests.dynamic_providers.test_waves_that_differ import INPUTS, PROTECTED

OTHER = OtherWave(phase=Phase.PROTECTED, machines={}, require_test_failover=True)


def test_an_sdk_that_serves_in_another_way_is_left_as_it_is() -> None:
    assert concurrency.serve_by(ModuleType("served in another way"), 1000) == 4


@pytest.mark.parametrize(
    ("waves", "served", "parallel", "said"),
    [
        (40, 1000, 256, ""),
        (40, 1000, 40, ""),
        (40, 1000, None, ""),
        (1, 4, 0, ""),
        (40, 1000, 8, "only 8 of the stack's 40 waves .* set PULUMI_PARALLEL=80"),
        (2, 1000, 0, "only 1 of the stack's 2 waves"),
        (5, 4, 256, "only 4 of the stack's 5 waves .* Pulumi's SDK serves no more"),
        (5, 4, None, "only 4 of the stack's 5 waves"),
        (9, 4, 8, "Pulumi's SDK serves no more"),
        (9, 4, 2, "only 2 .* set PULUMI_PARALLEL"),
    ],
)
def test_the_lower_of_two_limits_is_named(
    waves: int, served: int, parallel: int | None, said: str
) -> None:
    line = concurrency.shortage(waves, served, parallel) or ""
    assert bool(line) is bool(said)
    assert re.search(said, line)


class TestAPreviewOfAStackWithMoreWavesThanRunAtATime:
    @pytest.fixture
    def said(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        lines: list[str] = []

        class Row:
            def event(self, text: str) -> None:
                lines.append(text)

        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        monkeypatch.setattr(MigrationWaveProvider, "row", lambda *_: Row())
        return lines

    def check(self, others: list[str], **check_only: Any) -> None:
        waves = packed(dict.fromkeys(others, OTHER))
        news = {**INPUTS, "all_waves": waves, **check_only}
        MigrationWaveProvider().check({}, news)

    def test_says_how_many(self, said: list[str]) -> None:
        self.check(["web-2", "web-3"], preview=True, parallel=2.0)
        assert "only 2 of the stack's 3 waves" in "\n".join(said)

    def test_says_it_once(self, said: list[str]) -> None:
        self.check(["app", "web-2"], preview=True, parallel=2.0)
        assert "waves run at a time" not in "\n".join(said)

    def test_says_nothing_where_all_of_them_run(self, said: list[str]) -> None:
        self.check(["web-2", "web-3"], preview=True, parallel=3.0)
        assert "waves run at a time" not in "\n".join(said)

    def test_an_up_says_nothing(self, said: list[str]) -> None:
        self.check(["web-2", "web-3"], preview=False, parallel=2.0)
        assert said == []
