"""However many waves there are, the real engine and the SDK's provider process run them all at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.toolchain.conftest import Project
from toolchain.layout import checkout

pytestmark = pytest.mark.engine

_WAVES = 40
# No create returns before all have begun. So one too few served at a time, and all of them fail.
_MEETING = """\
    import threading

    from pulumi.dynamic import DiffResult

    from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs
    from dynamic_providers.declared import DeclaredResource

    EVERYONE = threading.Barrier({waves}, timeout=20)

    class AloneInputs(Inputs):
        pass

    class Wave(MigrationProvider[AloneInputs, Outputs]):
        def create(self, props):
            EVERYONE.wait()
            return super().create(props)

        async def on_diff(self, recorded, news):
            return DiffResult(changes=False)

        async def on_create(self, inputs):
            return "met", Outputs()

        async def on_read(self, id_, recorded):
            return recorded.inputs, recorded.outputs

    class Meeting(DeclaredResource, name="Meeting", provider=Wave):
        pass
    """


def test_all_waves_of_a_stack_run_at_the_same_time(
    project: Callable[[dict[str, str]], Project],
) -> None:
    toy = project(
        {
            "meeting.py": _MEETING.format(waves=_WAVES),
            "__main__.py": f"""\
                from meeting import Meeting

                for number in range({_WAVES}):
                    Meeting(f"wave-{{number}}")
                """,
        }
    )
    toy.environment["PYTHONPATH"] = str(checkout().root)

    up = toy.succeeds("up", "--yes", "--skip-preview")

    assert f"{_WAVES + 1} created" in up
