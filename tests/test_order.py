from __future__ import annotations

from pathlib import Path

from tests import conftest


def test_the_modules_that_run_first_are_there() -> None:
    tests = Path(conftest.__file__).parent
    assert [one for one in conftest.LONGEST if not (tests / one).is_file()] == []
