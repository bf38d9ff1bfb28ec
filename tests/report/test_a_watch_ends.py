"""When `status --watch` ends, and what it does not go with."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from report.__main__ import main, watching
from report.live import Live
from report.model import Report, report
from tests.report.fleets import Vault, protected, recorded, wave_resource

NOT_READ = Live({}, problem="Azure does not answer.")


def of(phase: str, **item: object) -> Report:
    """A machine that is protected, of a wave that should be in a phase."""
    vault = Vault()
    protected(vault, "web-01", 3, **item)
    record = recorded(wave_resource("web", phase, ["web-01"]))
    return report(record, vault.seen(record))


DONE, BLOCKED, PENDING = of("protected"), of("failed-over"), of("test-failover")
UNREAD = report(recorded(wave_resource("web", "protected", ["web-01"])), NOT_READ)
NOTHING = report(recorded(), Live({}, problem="no wave is recorded yet"))


async def watched(*looks: Report) -> tuple[str, int]:
    """Why a watch of these looks ends, and after how many of them. The last one is seen ever again."""
    seen: list[Report] = []

    async def look() -> Report:
        assert len(seen) < 50, "it does not end"
        return looks[min(len(seen), len(looks) - 1)]

    async def rest() -> None:
        return None

    return await watching(look, seen.append, rest), len(seen)


async def test_it_ends_when_every_machine_is_in_its_phase() -> None:
    assert await watched(PENDING, PENDING, DONE) == ("", 3)


async def test_it_ends_when_every_other_machine_is_blocked() -> None:
    why, looks = await watched(PENDING, BLOCKED)
    assert why.startswith("1 machine is blocked or failed, and no other one is on its way.")
    assert looks == 5


async def test_it_ends_when_no_wave_is_recorded() -> None:
    why, looks = await watched(NOTHING)
    assert why.startswith("the stack has recorded no wave yet.")
    assert looks == 4


async def test_it_ends_when_the_vault_cannot_be_read() -> None:
    why, looks = await watched(UNREAD)
    assert (why, looks) == ("the vault was not read: Azure does not answer.", 4)


async def test_it_goes_on_when_something_went_on_meanwhile() -> None:
    looks = (UNREAD, UNREAD, UNREAD, PENDING, BLOCKED, BLOCKED, BLOCKED, PENDING, NOTHING, DONE)
    assert await watched(*looks) == ("", len(looks))


@pytest.mark.parametrize("option", [["--json"], ["--page", "page.html"], ["--recorded"]])
def test_what_it_cannot_show_is_refused(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--stack", "dev", "--watch", *option])
    said = capsys.readouterr().err
    assert f"--watch shows the vault on the terminal: leave out {option[0]}" in said


def test_a_command_whose_watch_ends_early_fails_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ended(*_: object) -> str:
        return "the vault was not read: Azure does not answer."

    monkeypatch.setattr("report.__main__._watch", ended)
    assert main(["status", "--stack", "dev", "--watch"]) == 1
    said = capsys.readouterr().err
    assert "error: the watch ends: the vault was not read: Azure does not answer." in said


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"FORCE_COLOR": "1"},
        {"TTY_COMPATIBLE": "1"},
        {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"},
    ],
)
def test_where_lines_cannot_be_drawn_over_the_last_look_is_shown_once(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter([PENDING, PENDING, DONE])

    @contextlib.asynccontextmanager
    async def viewer() -> AsyncIterator[None]:
        yield

    async def look(*_: object) -> Report:
        return next(looks)

    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("report.live.viewer", viewer)
    monkeypatch.setattr("report.__main__._look", look)
    monkeypatch.setattr("report.__main__._LEAST_SECONDS", 0.0)

    assert main(["status", "--stack", "dev", "--watch", "--every", "0"]) == 0

    told = capsys.readouterr().out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert "\x1b" not in plain, "it moves or hides no cursor"
    assert plain.count("Stack dev") == 1
    assert "to protected: 1/1" in plain
