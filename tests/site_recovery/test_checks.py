"""Checks of machines in Azure: what is declared, which scripts run, and how their output is read."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from site_recovery import checks
from site_recovery.checks import Printed, Record
from site_recovery.declared.checks import Check, effective

AT = datetime(2026, 1, 5, tzinfo=UTC)
TEST = Record("i-1", "test", "/vm/web-test", "2026-01-05", AT, passed=True, declared="abc")
HTTP = {"http": {"path": "/healthz", "port": 8080}}


def check(**declared: Any) -> Check:
    return Check.model_validate(declared)


def encoded(lines: list[str]) -> str:
    return base64.b64decode(lines[0].rpartition(" ")[2]).decode("utf-16-le")


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "this at none"),
        ({"tcp": 80, "http": {}}, "tcp and http"),
        ({"azureRunCommand": {}}, "no lines"),
        ({"tcp": 80, "from": "azure", "host": "web"}, "host is for"),
        ({"running": {}, "host": "web"}, "host is for"),
        ({"tcp": 0}, "greater than or equal to 1"),
        ({"http": {"path": "healthz"}}, "is not the path of a page"),
        ({"http": {"path": "/'; rm -r /'"}}, "is not the path of a page"),
        ({"running": {"within": "1s"}}, "out of bounds"),
        ({"tcp": 80, "timeout": "100m"}, "out of bounds"),
    ],
)
def test_a_check_is_one_thing(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        check(**declared)


def test_running_is_always_checked_and_first() -> None:
    tcp = check(tcp=443)
    assert [each.title for each in effective([tcp])] == ["running within 15m", "tcp 443"]
    patient = check(running={"within": "1h"})
    assert [each.title for each in effective([tcp, patient])] == ["running within 1h", "tcp 443"]


@pytest.mark.parametrize(
    ("declared", "title"),
    [
        ({"tcp": 22, "from": "azure"}, "tcp 22 in the machine"),
        ({"http": {}}, "http 80/"),
        ({"http": {"tls": True, "path": "/up"}}, "https 443/up"),
        ({"azureRunCommand": {"linux": ["true"]}}, "run command"),
    ],
)
def test_a_check_has_a_title(declared: dict[str, Any], title: str) -> None:
    assert check(**declared).title == title


def test_a_script_is_wrapped_so_that_it_tells_its_exit_code() -> None:
    both = check(azureRunCommand={"linux": ["exit 3"], "windows": ["exit 3"]})
    assert checks.script(both, "linux") == [
        "(",
        "set -e",
        "exit 3",
        ")",
        'echo "migration-check-ended: $?"',
    ]
    windows = checks.script(both, "windows")
    assert windows[0].startswith("powershell.exe -NoProfile -NonInteractive")
    assert encoded(windows).endswith("exit 3")
    assert windows[1] == '"migration-check-ended: $LASTEXITCODE"'
    assert checks.script(check(azureRunCommand={"linux": ["true"]}), "windows") == []


def test_a_page_is_asked_in_the_machine_without_trusting_a_certificate_if_told_so() -> None:
    page = check(http={"tls": True, "verify": False}, **{"from": "azure"})
    assert "curl -sS -k " in checks.script(page, "linux")[2]
    assert "ServerCertificateValidationCallback" in encoded(checks.script(page, "windows"))
    strict = check(**HTTP, **{"from": "azure"})
    assert " -k " not in checks.script(strict, "linux")[2]
    assert "http://localhost:8080/healthz" in encoded(checks.script(strict, "windows"))


ON_WINDOWS = [
    ("ComponentStatus/StdOut/succeeded", "Running\nmigration-check-ended: 0"),
    ("ComponentStatus/StdErr/succeeded", "a warning"),
]


def on_linux(out: str, err: str = "") -> list[tuple[str, str]]:
    return [
        ("ProvisioningState/succeeded", f"Enable succeeded: \n[stdout]\n{out}\n[stderr]\n{err}")
    ]


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (ON_WINDOWS, Printed(0, "Running", "a warning")),
        (on_linux("active\nmigration-check-ended: 3\n", "why"), Printed(3, "active", "why")),
        (on_linux("lines\nof output\n"), Printed(None, "lines\nof output", "")),
        (
            on_linux("migration-check-ended: 0\nmore\nmigration-check-ended: 5\n"),
            Printed(5, "more", ""),
        ),
        ([], Printed(None, "", "")),
    ],
)
def test_the_output_of_both_systems_is_read(
    messages: list[tuple[str, str]], found: Printed
) -> None:
    assert checks.printed(messages) == found


@pytest.mark.parametrize(
    ("declared", "found", "wrong"),
    [
        ({"azureRunCommand": {"linux": ["x"]}}, Printed(0, "", "noise"), None),
        (
            {"azureRunCommand": {"linux": ["x"]}},
            Printed(2, "out", "err"),
            "the script ended with 2 and printed out err",
        ),
        ({"tcp": 1}, Printed(None, "", ""), "the script did not get to its end"),
        (HTTP, Printed(0, "200", ""), None),
        (HTTP, Printed(0, "503", ""), "/healthz answered 503, not 200"),
        (HTTP, Printed(0, "", ""), "/healthz answered nothing, not 200"),
        (HTTP, Printed(7, "000", "curl: (7) refused"), "the script ended with 7 and printed "),
    ],
)
def test_a_verdict_says_what_is_wrong(
    declared: dict[str, Any], found: Printed, wrong: str | None
) -> None:
    said = checks.verdict(check(**declared), found)
    assert said is None if wrong is None else (said or "").startswith(wrong)


def test_a_long_output_is_shown_by_its_end() -> None:
    said = str(Printed(1, "x" * 2000, "the error"))
    assert said.endswith("the error")
    assert len(said) < 700


@pytest.mark.parametrize(
    "other",
    [
        {"passed": False},
        {"vm_id": "/vm/other"},
        {"instance": "i-2"},
        {"declared": "def"},
        {"test": "2026-01-06"},
    ],
)
def test_a_record_holds_for_the_same_machine_test_and_checks_only(other: dict[str, Any]) -> None:
    asked = ("i-1", "/VM/web-test", "2026-01-05", "abc")
    assert TEST.holds_for(*asked)
    assert not Record.of({**TEST.wire(), **Record(**{**vars(TEST), **other}).wire()}).holds_for(
        *asked
    )
    assert not TEST.holds_for("i-1", None, "2026-01-05", "abc")


def test_only_a_test_that_passed_last_counts() -> None:
    assert checks.last_passed_test(TEST) == AT
    assert checks.last_passed_test(Record(**{**vars(TEST), "passed": False})) is None
    assert checks.last_passed_test(Record(**{**vars(TEST), "subject": "production"})) is None
    assert checks.last_passed_test(None) is None


@given(
    st.builds(
        Record,
        instance=st.text(),
        subject=st.sampled_from(["test", "production"]),
        vm_id=st.text(),
        test=st.text(),
        at=st.datetimes(timezones=st.just(UTC)),
        passed=st.booleans(),
        declared=st.text(),
        messages=st.dictionaries(st.text(), st.text()),
    )
)
def test_a_record_survives_the_state(record: Record) -> None:
    assert Record.of(record.wire()) == record


def test_the_digest_changes_with_what_is_declared() -> None:
    one, other = effective([check(tcp=1)]), effective([check(tcp=2)])
    assert checks.digest(one) == checks.digest(effective([check(tcp=1)]))
    assert checks.digest(one) != checks.digest(other)
    assert timedelta(minutes=15) == one[0].running.within if one[0].running else False
