"""Records about a machine are forgotten once its name belongs to another instance."""

from __future__ import annotations

import pytest

from dynamic_providers.remembered import of_same_instances


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        pytest.param({"web": "i-1"}, {"web": "i-1"}, {"web": "x"}, id="the same instance"),
        pytest.param({"web": "i-1"}, {"web": "i-2"}, {}, id="another instance of that name"),
        pytest.param({"web": "i-1"}, {"shop": "i-1"}, {}, id="another name"),
        pytest.param({"web": "i-1"}, {}, {}, id="no longer there"),
        pytest.param({}, {"web": "i-1"}, {}, id="recorded without its instance"),
    ],
)
def test_of_same_instances(
    before: dict[str, str], now: dict[str, str], kept: dict[str, str]
) -> None:
    assert of_same_instances({"web": "x"}, before, now) == kept
