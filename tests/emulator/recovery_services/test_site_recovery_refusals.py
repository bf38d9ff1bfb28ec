"""Requests that Site Recovery refuses: they get an ARM error and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    GROUP,
    MODERNIZED,
    STORAGE,
    VAULT,
    Classic,
    Site,
)

WEB, OTHER = support.windows(1), support.windows(2)
OTHER_VAULT = VAULT.replace("rsv-migration", "rsv-other")


@pytest.fixture(scope="module")
def prepared(experience: Classic) -> Site:
    """A site with a discovered machine; the tests of this module change nothing in it."""
    site = Site([WEB, OTHER], experience=experience).prepare()
    site.protectable(WEB)
    return site


def disk_input(identifier: str) -> dict[str, str]:
    return {"diskId": identifier, "diskType": "Premium_LRS", "logStorageAccountId": STORAGE}


def of(experience: Classic, *rows: tuple[Any, ...]) -> list[Any]:
    """Parameters of a test that begin with an experience."""
    return [pytest.param(experience, *row, id=f"{experience.name}-{row[0]}") for row in rows]


@pytest.mark.parametrize(
    ("experience", "target", "value"),
    [
        *of(
            CLASSIC,
            ("recoveryPointHistory", "1440"),
            ("recoveryPointHistory", None),
            ("recoveryPointHistory", 99_999),
            ("multiVmSyncStatus", "Enabled"),
        ),
        *of(
            MODERNIZED,
            ("recoveryPointHistoryInMinutes", "1440"),
            ("recoveryPointHistoryInMinutes", None),
            ("recoveryPointHistoryInMinutes", 16 * 24 * 60),
            ("enableMultiVmSync", "Enable"),
            ("enableMultiVmSync", True),
        ),
    ],
    scope="module",
)
def test_a_policy_with_a_wrong_value_is_refused_with_the_property(
    prepared: Site, target: str, value: Any
) -> None:
    body = prepared.experience.policy(**{target: value})
    response = prepared.call("PUT", f"{VAULT}/replicationPolicies/wrong", body)
    assert response.status == 400
    (detail,) = response.body["error"]["details"]
    assert detail["target"] == f"properties.providerSpecificInput.{target}"
    assert prepared.call("GET", f"{VAULT}/replicationPolicies/wrong").status == 404


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({}, "properties"),
        ({"properties": {}}, "properties.providerSpecificInput"),
        (
            {"properties": {"providerSpecificInput": {}}},
            "properties.providerSpecificInput.instanceType",
        ),
        ({"properties": "text"}, "properties"),
    ],
)
def test_a_body_without_what_is_required_is_refused(
    prepared: Site, body: dict[str, Any], target: str
) -> None:
    response = prepared.call("PUT", f"{VAULT}/replicationPolicies/wrong", body)
    assert response.status == 400
    assert response.body["error"]["details"][0]["target"] == target


def test_a_replication_provider_that_is_not_offered_is_refused(prepared: Site) -> None:
    body = prepared.experience.policy(instanceType="HyperVReplicaAzure")
    status, code, message = prepared.refused("PUT", f"{VAULT}/replicationPolicies/wrong", body)
    assert (status, code) == (400, "InvalidReplicationProvider")
    assert "HyperVReplicaAzure" in message


def test_a_mapping_wants_a_policy_of_this_vault_and_azure_as_its_target(prepared: Site) -> None:
    path = f"{prepared.container}/replicationProtectionContainerMappings/wrong"
    foreign = prepared.experience.mapping(f"{OTHER_VAULT}/replicationPolicies/policy")
    assert prepared.refused("PUT", path, foreign)[:2] == (400, "PolicyNotFound")
    elsewhere = prepared.experience.mapping(prepared.policy)
    elsewhere["properties"]["targetProtectionContainerId"] = prepared.container
    assert prepared.refused("PUT", path, elsewhere)[1] == "InvalidTargetProtectionContainer"
    other = next(one for one in support.BOTH if one is not prepared.experience).instance_type
    other_provider = prepared.experience.mapping(prepared.policy, other)
    assert prepared.refused("PUT", path, other_provider)[1] == "InvalidReplicationProvider"
    again = prepared.experience.mapping(prepared.policy)
    assert prepared.refused("PUT", path, again)[:2] == (409, "PolicyAlreadyAssociated")


@pytest.mark.parametrize(
    ("experience", "name", "value", "word"),
    [
        *of(
            CLASSIC,
            ("runAsAccountId", "9", "configuration server"),
            ("runAsAccountId", None, "required"),
            ("processServerId", "00000000", "configuration server"),
            ("masterTargetId", None, "required"),
            ("logStorageAccountId", f"{STORAGE}gone", "not found"),
            ("logStorageAccountId", None, "required"),
            ("targetAzureV2ResourceGroupId", f"{GROUP}-gone", "not found"),
            ("targetAzureNetworkId", f"{support.NETWORK}-gone", "not found"),
            ("targetAzureNetworkId", "vnet-prod", "not found"),
            ("targetAzureSubnetId", None, "required"),
            ("targetAzureVmName", "web_01", "not valid"),
            ("targetAzureVmName", "-web", "not valid"),
            ("targetAzureVmName", "w" * 64, "not valid"),
            ("targetAzureVmName", "Office365", "reserved"),
            ("targetVmSize", "Standard_Nothing", "not offered"),
            ("diskType", "Fast", "Input should be"),
        ),
        *of(
            MODERNIZED,
            ("fabricDiscoveryMachineId", None, "required"),
            ("fabricDiscoveryMachineId", f"{VAULT}/machines/web-01", "not found"),
            ("processServerId", "00000000", "replication appliance"),
            ("processServerId", None, "required"),
            ("runAsAccountId", f"{VAULT}/runasaccounts/none", "not known to the site"),
            ("targetResourceGroupId", f"{GROUP}-gone", "not found"),
            ("targetResourceGroupId", None, "required"),
            ("targetNetworkId", f"{support.NETWORK}-gone", "not found"),
            ("testNetworkId", "vnet-test", "not found"),
            ("targetVmName", "web_01", "not valid"),
            ("targetVmName", "Office365", "reserved"),
            ("targetVmSize", "Standard_Nothing", "not offered"),
            ("disksDefault", None, "required"),
            ("disksToInclude", [disk_input("{1}")], "no disk '{1}'"),
            ("licenseType", "Linux", "Input should be"),
        ),
    ],
    scope="module",
)
def test_enabling_with_a_wrong_target_is_refused_with_the_property(
    prepared: Site, name: str, value: Any, word: str
) -> None:
    body = prepared.enable_body(WEB, **{name: value})
    response = prepared.call("PUT", prepared.item(WEB), body)
    assert response.status == 400, response.body
    (detail,) = response.body["error"]["details"]
    assert detail["target"] == f"properties.providerSpecificDetails.{name}"
    assert word in detail["message"]
    assert prepared.call("GET", prepared.item(WEB)).status == 404


def test_classic_enabling_wants_a_discovered_machine() -> None:
    site = Site([WEB]).prepare()
    body = site.enable_body(WEB)
    body["properties"]["protectableItemId"] += "0"
    assert site.refused("PUT", site.item(WEB), body)[0] == 400


def test_enabling_wants_an_associated_policy(prepared: Site) -> None:
    body = prepared.enable_body(WEB)
    body["properties"]["policyId"] = f"{VAULT}/replicationPolicies/none"
    assert prepared.refused("PUT", prepared.item(WEB), body)[1] == "PolicyNotFound"


def test_a_policy_that_is_not_associated_protects_nothing(experience: Classic) -> None:
    site = Site([WEB], experience=experience)
    site.register()
    site.policy = site.create_policy("alone")
    body = site.enable_body(WEB)
    status, code, message = site.refused("PUT", site.item(WEB), body)
    assert site.experience.server.name in message or "replicationcontainer" in message
    assert (status, code) == (400, "78253")


def test_a_name_or_a_machine_that_is_in_use_is_refused(experience: Classic) -> None:
    site = Site([WEB, OTHER], experience=experience).prepare()
    body = site.enable_body(WEB)
    site.accepted("PUT", site.item(WEB), body)
    assert site.refused("PUT", site.item(WEB), body)[:2] == (409, "ProtectedItemAlreadyExists")
    assert site.refused("PUT", site.item(OTHER), body)[:2] == (409, "MachineAlreadyProtected")


def test_what_is_under_nothing_is_not_found(prepared: Site) -> None:
    for path in (
        f"{VAULT}/replicationFabrics/none",
        f"{VAULT}/replicationFabrics/none/replicationProtectionContainers",
        f"{prepared.fabric}/replicationProtectionContainers/none/replicationProtectedItems",
        f"{prepared.container}/replicationProtectedItems/none/recoveryPoints",
        f"{VAULT}/replicationJobs/none",
        f"{VAULT}/replicationEvents/none",
        f"{prepared.container}/replicationProtectableItems/none",
        f"{prepared.fabric}/replicationRecoveryServicesProviders/none",
    ):
        status, code, message = prepared.refused("GET", path)
        assert (status, code) == (404, "NotFound"), path
        assert message == "Specified resource with name 'none' does not exist."
    of_a_vault = prepared.refused("GET", f"{OTHER_VAULT}/replicationFabrics")
    assert of_a_vault[:2] == (404, "ResourceNotFound"), "that is Resource Manager's answer"
    assert "rsv-other" in of_a_vault[2]


def test_what_is_not_found_tells_the_ids_of_the_request(prepared: Site) -> None:
    sent = {"x-ms-client-request-id": "mine", "x-ms-correlation-request-id": "d143d842"}
    path = f"{VAULT}/replicationRecoveryPlans/recovery-plan-1"
    response = prepared.call("GET", path, headers=sent)
    message = "Specified resource with name 'recovery-plan-1' does not exist."
    assert response.body == {
        "error": {
            "code": "NotFound",
            "message": message,
            "details": [
                {
                    "code": "ArmResourceDoesNotExist",
                    "message": message,
                    "possibleCauses": "Ensure correct resource name was specified.",
                    "recommendedAction": "Verify ARM resource name details.",
                    "clientRequestId": "mine",
                    "activityId": "d143d842",
                }
            ],
        }
    }
    told = {"x-ms-request-id": "d143d842", **sent}
    assert {name: response.headers[name] for name in told} == told


def test_deleting_what_is_not_there_is_204_under_a_parent_that_is(prepared: Site) -> None:
    for path in (
        f"{VAULT}/replicationFabrics/none",
        f"{VAULT}/replicationPolicies/none",
        f"{prepared.fabric}/replicationRecoveryServicesProviders/none",
        f"{prepared.container}/replicationProtectionContainerMappings/none",
        f"{prepared.container}/replicationProtectedItems/none",
    ):
        assert prepared.call("DELETE", path).status == 204, path
    assert prepared.refused("DELETE", f"{OTHER_VAULT}/replicationPolicies/none")[0] == 404


def test_an_operation_on_an_item_of_another_vault_is_not_found(prepared: Site) -> None:
    elsewhere = prepared.item(WEB).replace("rsv-migration", "rsv-other")
    assert prepared.refused("POST", f"{elsewhere}/failoverCommit")[0] == 404


def test_an_unknown_api_version_is_refused(prepared: Site) -> None:
    response = prepared.call("GET", f"{VAULT}/replicationFabrics", version="2031-01-01")
    assert (response.status, response.body["error"]["code"]) == (400, "NoRegisteredProviderFound")


def test_a_second_operation_on_a_busy_item_is_a_conflict(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.test_failover(WEB)
    for action, properties in (
        ("testFailover", site.experience.test_failover()),
        ("unplannedFailover", site.experience.failover()),
        ("remove", {}),
    ):
        refusal = site.refused("POST", f"{site.item(WEB)}/{action}", {"properties": properties})
        assert refusal[:2] == (409, "OperationInProgress")
        assert "TestFailover" in refusal[2]
    assert site.properties(WEB)["allowedOperations"] == []


def test_only_allowed_operations_are_accepted_in_each_state(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    bodies: dict[str, Any] = {
        "testFailover": site.experience.test_failover(),
        "testFailoverCleanup": {"comments": ""},
        "unplannedFailover": site.experience.failover(),
        "failoverCommit": {},
    }

    def all_refused_but(*allowed: str) -> bool:
        codes = {
            site.refused("POST", f"{site.item(WEB)}/{action}", {"properties": properties})[:2]
            for action, properties in bodies.items()
            if action not in allowed
        }
        return codes == {(400, "OperationNotAllowed")}

    assert site.enable(WEB)["state"] == "Succeeded"
    assert all_refused_but(), "while the disks are replicated"
    site.pass_time(hours=1.5)
    assert all_refused_but("testFailover", "unplannedFailover"), "at rest"
    complete = {"properties": {"disableProtectionReason": "MigrationComplete"}}
    refusal = site.refused("POST", f"{site.item(WEB)}/remove", complete)
    assert refusal[:2] == (400, "OperationNotAllowed"), "before the failover"
    site.finished(site.test_failover(WEB))
    assert all_refused_but("testFailoverCleanup"), "with a test environment"
    assert site.refused("POST", f"{site.item(WEB)}/remove", {"properties": {}})[0] == 400
    site.finished(site.clean_up(WEB))
    site.finished(site.fail_over(WEB))
    assert all_refused_but("failoverCommit"), "after the failover"


def test_a_failover_to_a_point_of_another_machine_is_refused(experience: Classic) -> None:
    site = Site([WEB, OTHER], experience=experience).prepare()
    for machine in (WEB, OTHER):
        site.protect(machine)
    foreign = site.get(f"{site.item(OTHER)}/recoveryPoints")["value"][0]["id"]
    body = {"properties": site.experience.failover(foreign)}
    refusal = site.refused("POST", f"{site.item(WEB)}/unplannedFailover", body)
    assert refusal[:2] == (400, "RecoveryPointNotFound")


def test_a_failback_is_refused(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    body = {"properties": site.experience.failover() | {"failoverDirection": "RecoveryToPrimary"}}
    _, code, message = site.refused("POST", f"{site.item(WEB)}/unplannedFailover", body)
    assert code == "InvalidParameter"
    assert "cannot be failed back" in message


@pytest.mark.parametrize(
    "changes", [{"networkType": "Somewhere"}, {"networkId": None}, {"networkId": "vnet-test"}]
)
def test_a_test_failover_wants_a_network(experience: Classic, changes: dict[str, Any]) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    body = {"properties": site.experience.test_failover(**changes)}
    assert site.refused("POST", f"{site.item(WEB)}/testFailover", body)[0] == 400


def test_what_is_in_use_stays(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    assert site.refused("DELETE", site.policy)[:2] == (409, "PolicyInUse")
    assert site.refused("POST", f"{site.fabric}/remove")[1] == "ServerHasPolicyAssociations"
    site.protect(WEB)
    assert site.refused("POST", f"{mapping}/remove", {"properties": {}})[1] == (
        "ContainerMappingInUse"
    )
    assert site.refused("DELETE", mapping)[1] == "ContainerMappingInUse"
    for method, path in (("POST", f"{site.fabric}/remove"), ("DELETE", site.fabric)):
        assert site.refused(method, path)[1] == "ServerHasProtectedItems"
    site.finished(site.remove(WEB))
    steps: tuple[tuple[str, str, object], ...] = (
        ("POST", f"{mapping}/remove", {"properties": {}}),
        ("DELETE", site.policy, None),
        ("POST", f"{site.fabric}/remove", None),
    )
    for method, path, body in steps:
        assert site.finished(site.accepted(method, path, body))["state"] == "Succeeded"
    assert site.get(f"{VAULT}/replicationFabrics")["value"] == []
    assert site.get(f"{VAULT}/replicationPolicies")["value"] == []


def _remove_mapping(site: Site) -> Any:
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    return site.accepted("POST", f"{mapping}/remove", {"properties": {}})


def _purge_server(site: Site) -> Any:
    return site.accepted("DELETE", site.fabric)


def _remove_server(site: Site) -> Any:
    site.finished(_remove_mapping(site))
    site.fault(operation="DeleteServer", delaySeconds=60)
    accepted = site.accepted("POST", f"{site.fabric}/remove")
    site.map_policy(site.policy)
    return accepted


@pytest.mark.parametrize("begin", [_remove_mapping, _purge_server, _remove_server])
def test_what_comes_into_use_while_it_is_removed_stays(
    experience: Classic, begin: Callable[[Site], Any]
) -> None:
    site = Site([WEB], experience=experience).prepare()
    body = site.enable_body(WEB)
    removal = begin(site)
    enabling = site.accepted("PUT", site.item(WEB), body)
    job = site.finished(removal)
    assert job["state"] == "Failed"
    assert "Disable their replication first" in job["errors"][0]["serviceErrorDetails"]["message"]
    assert site.finished(enabling)["state"] == "Succeeded"
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    assert [site.get(path)["id"] for path in (site.fabric, mapping)] == [site.fabric, mapping]
    assert site.refused("DELETE", f"{VAULT}?api-version=2024-10-01")[0] == 400
    site.finished(site.remove(WEB))
    assert site.finished(_remove_mapping(site))["state"] == "Succeeded"


def test_a_policy_that_is_associated_while_it_is_deleted_stays(experience: Classic) -> None:
    site = Site(experience=experience)
    site.register()
    policy = site.create_policy("late")
    site.fault(operation="RemoveProtectionProfile", delaySeconds=60)
    deletion = site.accepted("DELETE", policy)
    site.map_policy(policy)
    assert site.finished(deletion)["state"] == "Failed"
    assert site.get(policy)["name"] == "late"


def test_a_removed_server_is_not_registered_again_by_itself(experience: Classic) -> None:
    site = Site(experience=experience)
    site.register()
    site.finished(site.accepted("POST", f"{site.fabric}/remove"))
    site.pass_time(hours=2)
    assert site.get(f"{VAULT}/replicationFabrics")["value"] == []


def test_malformed_json_is_refused(prepared: Site) -> None:
    from emulator.kernel.wire import Request

    headers = {"Authorization": f"Bearer {prepared.token}"}
    url = f"{VAULT}/replicationPolicies/wrong?api-version=2025-08-01"
    for content in (b"{", b"[]", b"\xff", b'{"properties": {"providerSpecificInput": []}}'):
        response = prepared.world.handle(Request.of("PUT", url, headers, content))
        assert response.status == 400, content
