"""With which security groups an interface counts as fenced."""

from __future__ import annotations

import pytest

from site_recovery.fencing import Fencing

FENCING = Fencing("sg-fence", frozenset({"sg-windows", "sg-linux"}))


@pytest.mark.parametrize(
    ("groups", "holds"),
    [
        (["sg-fence"], True),
        (["sg-fence", "sg-linux"], True),
        (["sg-windows", "sg-fence"], True),
        (["sg-linux"], False),
        (["sg-fence", "sg-app"], False),
        (["sg-fence", "sg-linux", "sg-app"], False),
        ([], False),
    ],
)
def test_only_the_stacks_own_groups_may_be_beside_a_fence(groups: list[str], holds: bool) -> None:
    assert FENCING.holds(groups) is holds


def test_without_a_fence_nothing_is_fenced() -> None:
    assert not Fencing("", frozenset({"sg-linux"})).holds(["sg-linux"])
