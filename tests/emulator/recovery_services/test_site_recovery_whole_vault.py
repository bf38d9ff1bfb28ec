"""Other operations on a vault: alerts, exports, empty lists and refused verbs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    VAULT,
    VAULT_NAME,
    Site,
)
from tests.emulator.recovery_services.test_site_recovery_contract import misfits

WEB = support.windows(1)


@pytest.fixture(scope="module")
def site() -> Site:
    site = Site([WEB]).prepare()
    site.protect(WEB)
    return site


def test_alert_settings_are_kept_and_answered_at_once(site: Site) -> None:
    settings = site.client.replication_alert_settings
    at = (GROUP_NAME, VAULT_NAME, "defaultAlertSetting")
    assert list(settings.list(GROUP_NAME, VAULT_NAME)) == []
    assert site.refused("GET", f"{VAULT}/replicationAlertSettings/defaultAlertSetting")[0] == 404
    told = {"sendToOwners": "Send", "customEmailAddresses": ["a@b.example"], "locale": "en_US"}
    settings.create(*at, {"properties": told})
    changed = {"sendToOwners": "DoNotSend", "customEmailAddresses": [], "locale": "fr_FR"}
    created = settings.create(*at, {"properties": changed})
    assert created.properties.send_to_owners == "DoNotSend"
    assert settings.get(*at).properties.locale == "fr_FR"
    (listed,) = site.get(f"{VAULT}/replicationAlertSettings")["value"]
    assert listed["properties"] == changed
    wrong = {"properties": {"customEmailAddresses": "a@b.example"}}
    assert site.refused("PUT", listed["id"], wrong)[:2] == (400, "InvalidParameter")


@pytest.mark.parametrize(
    "name",
    [
        "replicationNetworks",
        "replicationNetworkMappings",
        "replicationStorageClassifications",
        "replicationStorageClassificationMappings",
        "replicationvCenters",
        "replicationMigrationItems",
        "replicationProtectionClusters",
        "replicationProtectionIntents",
    ],
)
def test_lists_of_what_physical_machines_do_not_have_are_empty(site: Site, name: str) -> None:
    assert site.get(f"{VAULT}/{name}") == {"value": [], "nextLink": None}
    elsewhere = VAULT.replace(VAULT_NAME, "none")
    assert site.refused("GET", f"{elsewhere}/{name}")[0] == 404


@pytest.mark.parametrize(
    "name",
    [
        "{fabric}/replicationNetworks",
        "{fabric}/replicationLogicalNetworks",
        "{fabric}/replicationStorageClassifications",
        "{fabric}/replicationvCenters",
        "{container}/replicationMigrationItems",
        "{container}/replicationProtectionClusters",
    ],
)
def test_lists_within_a_fabric_are_empty(site: Site, name: str) -> None:
    path = name.format(fabric=site.fabric, container=site.container)
    assert site.get(path)["value"] == []
    missing = path.replace("replicationFabrics/", "replicationFabrics/no")
    assert site.refused("GET", missing)[0] == 404


def test_the_supported_systems_are_those_recorded(site: Site) -> None:
    systems = site.client.supported_operating_systems
    (known,) = systems.get(GROUP_NAME, VAULT_NAME).properties.supported_os_list
    named = {system.os_name: system for system in known.supported_os}
    assert known.instance_type == "A2A"
    assert len(named) == 25
    assert [version.version for version in named["redhat"].os_versions][:3] == ["6.0", "6.1", "6.2"]
    assert len(named["redhat"].os_versions) == 34
    (windows,) = named["Windows Server 2008 R2 Standard"].os_versions
    assert (windows.version, windows.service_pack) == ("6.1", "1")
    asked = systems.get(GROUP_NAME, VAULT_NAME, instance_type="InMageRcm")
    assert asked.properties.supported_os_list == []


def test_jobs_are_exported_to_a_file_that_only_its_signature_opens(site: Site) -> None:
    query = {
        "jobName": "EnableDr, PrimaryIrCompletion, SecondaryIrCompletion",
        "jobStatus": "Succeeded",
    }
    job = site.client.replication_jobs.begin_export(GROUP_NAME, VAULT_NAME, query).result()
    assert (job.properties.scenario_name, job.properties.state) == ("ExportJobs", "Succeeded")
    details = job.properties.custom_details
    path = "/_emulator/" + details.blob_uri.partition("/_emulator/")[2]
    assert site.call("GET", f"{path}?sig=wrong").status == 403
    assert site.call("GET", f"{path}-no?{details.sas_token}").status == 404
    exported = site.call("GET", f"{path}?{details.sas_token}").body["value"]
    assert [found["properties"]["scenarioName"] for found in exported] == [
        "SecondaryIrCompletion",
        "PrimaryIrCompletion",
        "EnableDr",
    ]
    assert json.dumps(exported), "it is plain JSON"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"affectedObjectTypes": "ProtectionProfile"}, 2),
        ({"startTime": "2030-01-01T00:00:00Z"}, 0),
        ({"endTime": "2020-01-01T00:00:00Z"}, 0),
        ({"jobOutputType": "Json", "jobName": "PairCloud"}, 0),
    ],
)
def test_an_export_has_what_its_query_asks_for(
    site: Site, query: dict[str, Any], count: int
) -> None:
    accepted = site.accepted("POST", f"{VAULT}/replicationJobs/export", query)
    location = accepted.headers["Location"].partition("?")[0]
    name = location.rpartition("/")[2]
    assert location.endswith(f"/replicationJobs/{name}/operationresults/{name}"), "as recorded"
    details = site.finished(accepted)["customDetails"]
    path = "/_emulator/" + details["blobUri"].partition("/_emulator/")[2]
    assert len(site.call("GET", f"{path}?{details['sasToken']}").body["value"]) == count


def test_an_export_in_another_form_is_refused(site: Site) -> None:
    path = f"{VAULT}/replicationJobs/export"
    assert site.refused("POST", path, {"jobOutputType": "Excel"})[:2] == (
        *(400, "OutputTypeNotEmulated"),
    )
    assert site.refused("POST", path, {"jobOutputType": "Text"})[1] == "InvalidParameter"


@pytest.mark.parametrize("verb", ["plannedFailover", "reProtect", "failoverCancel"])
def test_what_physical_machines_cannot_do_is_refused(site: Site, verb: str) -> None:
    status, code, message = site.refused("POST", f"{site.item(WEB)}/{verb}", {"properties": {}})
    assert (status, code) == (400, "OperationNotAllowed")
    assert "UnplannedFailover, DisableProtection, TestFailover" in message


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("affectedObjectFriendlyName eq 'WEB-01'", 4),
        ("affectedObjectFriendlyName eq 'web-02'", 0),
        ("severity eq 'OK' and eventType eq 'VmHealth'", 4),
        ("startTime eq '2030-01-01T00:00:00Z'", 0),
        ("startTime eq '2020-01-01T00:00:00Z' and endTime eq '2030-01-01T00:00:00Z'", 4),
        ("fabricName eq 'none'", 0),
        ("affectedObjectCorrelationId eq '{vm}'", 3),
        ("fabricName eq '{fabric}'", 4),
    ],
)
def test_events_are_found_by_machine_severity_fabric_and_time(
    site: Site, text: str, count: int
) -> None:
    vm = site.properties(WEB)["providerSpecificDetails"]["vmId"]
    wanted = text.format(vm=vm, fabric=site.fabric.rpartition("/")[2])
    path = f"{VAULT}/replicationEvents?api-version=2025-08-01&$filter={wanted}"
    assert len(site.get(path)["value"]) == count


@pytest.mark.parametrize("text", ["startTime eq 'soon'", "machine eq 'web-01'"])
def test_a_filter_of_events_that_is_not_understood_is_refused(site: Site, text: str) -> None:
    path = f"{VAULT}/replicationEvents?api-version=2025-08-01&$filter={text}"
    assert site.refused("GET", path)[:2] == (400, "InvalidFilter")


def test_a_settings_answer_has_nothing_that_its_model_lacks(site: Site) -> None:
    from azure.mgmt.recoveryservicessiterecovery import models

    systems = site.get(f"{VAULT}/replicationSupportedOperatingSystems")
    assert misfits(models.SupportedOperatingSystems(systems), systems, "Systems") == []
