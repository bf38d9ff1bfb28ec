"""COVERAGE.md agrees with the route table and the published operations."""

from __future__ import annotations

import json

import pytest

from emulator import coverage
from tests.contract import openapi
from tests.contract.test_every_operation import needs_openapi


def test_the_committed_table_is_current() -> None:
    assert coverage.COVERAGE.read_text("utf-8") == coverage.text(), (
        "run `python -m emulator.coverage` and commit what it makes"
    )


def test_the_table_shows_implemented_and_missing_operations() -> None:
    table = coverage.text()
    done = [line for line in table.splitlines() if line.endswith("| done |")]
    missing = [line for line in table.splitlines() if line.endswith("| not done |")]
    assert len(done) + len(missing) == len(coverage.published())
    assert any("ReplicationProtectedItems_Create |" in line for line in done)
    assert any("ReplicationMigrationItems_Migrate |" in line for line in missing)


def test_every_route_of_recovery_services_is_published_under_its_id() -> None:
    known = {
        (operation.id, operation.verb, openapi.shape_of(operation.path))
        for operation in coverage.published()
    }
    offered = {
        (route.operation_id, route.method, openapi.shape_of(route.template))
        for route in coverage.routes()
        if "Microsoft.RecoveryServices" in route.template
    }
    assert offered - known == set()


@needs_openapi
def test_the_list_of_operations_is_that_of_the_contract() -> None:
    file = openapi.directory() / "operations.json"
    if not file.is_file():
        pytest.skip(f"there is no {file}")
    services = {"Site Recovery": "siterecovery", "Vaults": "recoveryservices"}
    contract = json.loads(file.read_text("utf-8"))
    for title, name in services.items():
        ours = {
            (operation.verb, openapi.shape_of(operation.path))
            for operation in coverage.published()
            if operation.service == title
        }
        theirs = {(entry["verb"], openapi.shape_of(entry["path"])) for entry in contract[name]}
        assert ours == theirs
    ids = {operation.id for operation in coverage.published()}
    assert set(openapi.published()) <= ids
