"""Others work on the files of an inventory while it reads accounts, which takes minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from inventory import accounts, planning
from inventory.__main__ import main
from inventory.found import Found, Reading
from tests.inventory.fleets import REGION, found

BY_HAND = ("<Azure region>", "westeurope")


class Account:
    """An account that lists some machines, while somebody does something."""

    def __init__(self) -> None:
        self.machines: Sequence[Found] = (found(1), found(2))
        self.meanwhile: Callable[[], object] = lambda: None

    def read(self, *_: object) -> Reading:
        self.meanwhile()
        return Reading(list(self.machines))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account()
    monkeypatch.setattr(accounts, "read", made.read)
    return made


def run(directory: Path, *arguments: str) -> int:
    return main(["--directory", str(directory), "--region", REGION, *arguments])


def edit(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace(*BY_HAND), "utf-8")


def test_what_is_edited_while_accounts_are_read_stays_and_machines_are_added(
    account: Account, tmp_path: Path
) -> None:
    run(tmp_path)
    file = tmp_path / "Pulumi.shop.yaml"
    account.machines = [*account.machines, found(3)]
    account.meanwhile = lambda: edit(file)

    assert run(tmp_path) == 0

    text = file.read_text("utf-8")
    assert BY_HAND[1] in text
    assert "web-003" in text


def while_planning(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    plan = planning.plan

    def planned(*arguments: object) -> object:
        happens()
        return plan(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "plan", planned)


def test_a_file_that_changes_between_plan_and_write_is_refused_by_name_and_stays(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path)
    file = tmp_path / "Pulumi.shop.yaml"
    folder = tmp_path / "inventory-report"
    memory, rows = (folder / name for name in ("written.json", "machines.csv"))
    remembered, planned = memory.read_text("utf-8"), rows.read_text("utf-8")
    other = replace(found(4, "api", vpc_id="vpc-00000000000000009"), vpc_name="api")
    account.machines = [*account.machines, found(3), other]
    with monkeypatch.context() as patch:
        while_planning(patch, lambda: edit(file))
        assert run(tmp_path) == 1

    said = capsys.readouterr().err
    assert "Pulumi.shop.yaml: it was changed while the inventory ran" in said
    assert "run this again" in said
    assert BY_HAND[1] in file.read_text("utf-8")
    assert "web-003" not in file.read_text("utf-8")
    assert (tmp_path / "Pulumi.api.yaml").exists(), "the others are written"
    assert "Pulumi.shop.yaml: it was changed" in (folder / "report.md").read_text("utf-8")
    assert set(planned.splitlines()) < set(rows.read_text("utf-8").splitlines())
    assert {**json.loads(remembered), "api": [other.id]} == json.loads(memory.read_text("utf-8"))

    assert run(tmp_path) == 0
    assert "web-003" in file.read_text("utf-8"), "it does not count as taken out"


def test_a_file_that_comes_into_being_is_not_overwritten(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    while_planning(monkeypatch, lambda: file.write_text("config: {own: 1}\n"))
    assert run(tmp_path) == 1
    assert file.read_text("utf-8") == "config: {own: 1}\n"
    assert "Pulumi.shop.yaml: it came into being while the inventory ran" in capsys.readouterr().err


def test_two_inventories_at_once_lose_no_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = found(1, "a-1", vpc_name="default")
    other = replace(
        found(2, "b-1", vpc_name="default", vpc_id="vpc-00000000000000bbb"), account="999999999999"
    )
    waiting, both = [one, other], Barrier(2)

    def read(*_: object) -> Reading:
        both.wait()
        return Reading([waiting.pop()])

    monkeypatch.setattr(accounts, "read", read)
    codes: list[int] = []
    threads = [Thread(target=lambda: codes.append(run(tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes == [0, 0]
    texts = [file.read_text("utf-8") for file in sorted(tmp_path.glob("Pulumi.*.yaml"))]
    assert len(texts) == 2
    for machine in (one, other):
        [text] = [text for text in texts if machine.id in text]
        assert str(machine.facts.vpc_id) in text
        rows = (tmp_path / "inventory-report" / "machines.csv").read_text("utf-8")
        assert machine.id in rows


def test_a_vpc_with_the_name_of_a_local_stack_leaves_its_file_alone(
    account: Account, tmp_path: Path
) -> None:
    local = tmp_path / "Pulumi.dev.yaml"
    local.write_text("config: {own: 1}\n")
    account.machines = [found(1, vpc_name="dev"), found(2, vpc_name="dev")]
    assert run(tmp_path) == 0
    assert local.read_text("utf-8") == "config: {own: 1}\n"
    assert (tmp_path / "Pulumi.dev-2.yaml").exists()


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(account: Account, tmp_path: Path) -> None:
    run(tmp_path)
    file, real = tmp_path / "Pulumi.shop.yaml", tmp_path / "elsewhere.yaml"
    file.rename(real)
    real.chmod(0o640)
    file.symlink_to(real)
    account.machines = [*account.machines, found(3)]

    assert run(tmp_path) == 0

    assert file.is_symlink()
    assert "web-003" in real.read_text("utf-8")
    assert real.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")] == []


@pytest.mark.parametrize("name", ["report.md", "machines.csv"])
def test_a_file_that_cannot_be_written_is_named(
    name: str, account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inventory-report" / name).mkdir(parents=True)
    assert run(tmp_path) == 1
    assert re.search(
        rf"{name}: it cannot be (read|written) \(Is a directory\)", capsys.readouterr().err
    )


def test_a_directory_that_is_not_there_is_said_before_anything_is_read(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.meanwhile = lambda: pytest.fail("an account was read")
    assert run(tmp_path / "absent") == 1
    assert "absent" in capsys.readouterr().err


def test_a_stack_file_that_is_not_in_utf_8_is_named_with_the_way_out(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_bytes(own := file.read_bytes() + "# für später\n".encode("latin-1"))
    assert run(tmp_path) == 1
    said = capsys.readouterr().err
    assert "Pulumi.shop.yaml: it cannot be read" in said
    assert "Save it in UTF-8" in said
    assert file.read_bytes() == own


def test_line_ends_of_windows_stay_in_the_file(account: Account, tmp_path: Path) -> None:
    run(tmp_path)
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_bytes(own := file.read_bytes().replace(b"\n", b"\r\n"))
    assert run(tmp_path) == 0
    assert file.read_bytes() == own
    account.machines = [*account.machines, found(3)]
    assert run(tmp_path) == 0
    now = file.read_bytes()
    assert now.count(b"\n") == now.count(b"\r\n") > own.count(b"\n")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read (No such file or directory). See that it is there"),
        ("Jürg".encode("latin-1"), "Save it in UTF-8 (a sheet as CSV UTF-8)"),
        (b'"stack"x,machine', "line 1: it is not CSV"),
    ],
    ids=["absent", "latin-1", "no CSV"],
)
def test_a_sheet_that_cannot_be_applied_is_named_with_the_way_out(
    content: bytes | None, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "plan.csv"
    if content is not None:
        sheet.write_bytes(content)
    assert run(tmp_path, "--from-sheet", str(sheet)) == 1
    said = capsys.readouterr().err
    assert "plan.csv" in said
    assert what in said
