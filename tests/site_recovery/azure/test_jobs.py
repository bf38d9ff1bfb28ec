"""Jobs of the vault parsed from their wire objects."""

from __future__ import annotations

from typing import Any

from site_recovery.azure.answers import jobs
from site_recovery.jobs import Job

NOTHING = {
    "errorCode": 0,
    "errorMessage": None,
    "errorId": "2079adeb-498d-496a-8ecb-f16d1d26a67a",
    "possibleCauses": "",
    "recommendedAction": "",
}


def failed(provider: Any) -> Job:
    service = {"code": "28031", "message": "The virtual machine could not be created."}
    error = {"serviceErrorDetails": service, "providerErrorDetails": provider}
    properties = {"scenarioName": "UnplannedFailover", "state": "Failed", "errors": [error]}
    return jobs.job({"id": "/jobs/a", "name": "a", "properties": properties})


def test_a_provider_that_said_nothing_is_no_error() -> None:
    assert [error.code for error in failed(NOTHING).errors] == ["28031"]


def test_what_the_provider_said_follows_what_the_service_says() -> None:
    provider = {"errorCode": 95117, "errorMessage": "The process server is not reached."}
    assert [error.code for error in failed(provider).errors] == ["28031", "95117"]
