"""Request bodies common to both experiences, their parsing, and the errors of invalid bodies.

Fields are as in the published contract (`azure-mgmt-recoveryservicessiterecovery` 2.0.0); what
the service ignores is ignored here too. Values are strict: a number is not a string.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from emulator.kernel.wire import ArmError, Request
from emulator.recovery_services.wire.provider_values import Flag


class Body(BaseModel):
    """A part of a request body: camelCase on the wire, unknown properties ignored."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True, extra="ignore", frozen=True)


class ProviderPart(Body):
    """A provider-specific part, known by its `instanceType`; the experience reads the rest."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True, extra="allow", frozen=True)
    instance_type: str


class DiscoverProperties(Body):
    """The properties of a `discoverProtectableItem` request."""

    friendly_name: str = Field(min_length=1)
    ip_address: str = Field(min_length=1)
    os_type: Literal["Windows", "Linux"]


class DiscoverBody(Body):
    """ReplicationProtectionContainers_DiscoverProtectableItem."""

    properties: DiscoverProperties


class PolicyCreateProperties(Body):
    """A new policy's properties."""

    provider_specific_input: ProviderPart


class PolicyCreateBody(Body):
    """ReplicationPolicies_Create."""

    properties: PolicyCreateProperties


class PolicyUpdateProperties(Body):
    """An updated policy's properties."""

    replication_provider_settings: ProviderPart


class PolicyUpdateBody(Body):
    """ReplicationPolicies_Update."""

    properties: PolicyUpdateProperties


class MappingProperties(Body):
    """A new container mapping's properties."""

    target_protection_container_id: str
    policy_id: str
    provider_specific_input: ProviderPart | None = None


class MappingBody(Body):
    """ReplicationProtectionContainerMappings_Create."""

    properties: MappingProperties


class MappingUpdateProperties(Body):
    """An updated container mapping's properties."""

    provider_specific_input: ProviderPart


class MappingUpdateBody(Body):
    """ReplicationProtectionContainerMappings_Update."""

    properties: MappingUpdateProperties


class EnableProperties(Body):
    """The properties of an enable protection request."""

    policy_id: str
    protectable_item_id: str | None = None
    provider_specific_details: ProviderPart


class EnableBody(Body):
    """ReplicationProtectedItems_Create."""

    properties: EnableProperties


class AddressInput(Body):
    """IPConfigInputDetails; one word is misspelt on the wire."""

    ip_config_name: str | None = None
    is_primary: bool | None = None
    is_seleted_for_failover: bool | None = None
    recovery_subnet_name: str | None = None
    recovery_static_ip_address: str | None = Field(default=None, alias="recoveryStaticIPAddress")
    tfo_subnet_name: str | None = None
    tfo_static_ip_address: str | None = Field(default=None, alias="tfoStaticIPAddress")


class InterfaceInput(Body):
    """VMNicInputDetails."""

    nic_id: str | None = None
    ip_configs: list[AddressInput] | None = None
    selection_type: str | None = None


class UpdateProperties(Body):
    """The properties of an update of an item, in either experience."""

    recovery_azure_vm_name: str | None = Field(default=None, alias="recoveryAzureVMName")
    recovery_azure_vm_size: str | None = Field(default=None, alias="recoveryAzureVMSize")
    selected_recovery_azure_network_id: str | None = None
    selected_tfo_azure_network_id: str | None = None
    selected_source_nic_id: str | None = None
    vm_nics: list[InterfaceInput] | None = None
    enable_rdp_on_target_option: str | None = None
    license_type: str | None = None
    recovery_availability_set_id: str | None = None
    provider_specific_details: ProviderPart | None = None


class UpdateBody(Body):
    """ReplicationProtectedItems_Update."""

    properties: UpdateProperties = UpdateProperties()


class TestFailoverProperties(Body):
    """The request of a test failover."""

    failover_direction: Literal["PrimaryToRecovery", "RecoveryToPrimary"] | None = None
    network_type: str | None = None
    network_id: str | None = None
    provider_specific_details: ProviderPart | None = None


class TestFailoverBody(Body):
    """ReplicationProtectedItems_TestFailover."""

    properties: TestFailoverProperties


class CleanupProperties(Body):
    """The properties of a test failover cleanup request."""

    comments: str | None = None


class CleanupBody(Body):
    """ReplicationProtectedItems_TestFailoverCleanup."""

    properties: CleanupProperties


class FailoverProperties(Body):
    """The request of an unplanned failover."""

    failover_direction: Literal["PrimaryToRecovery", "RecoveryToPrimary"] | None = None
    source_site_operations: Literal["Required", "NotRequired"] | None = None
    provider_specific_details: ProviderPart | None = None


class FailoverBody(Body):
    """ReplicationProtectedItems_UnplannedFailover."""

    properties: FailoverProperties


class RecoveryPointProperties(Body):
    """The properties of a change of the recovery point."""

    recovery_point_id: str
    provider_specific_details: ProviderPart


class RecoveryPointBody(Body):
    """ReplicationProtectedItems_ApplyRecoveryPoint."""

    properties: RecoveryPointProperties


class DisableProperties(Body):
    """The properties of a disable protection request: the reason."""

    disable_protection_reason: Literal["NotSpecified", "MigrationComplete"] = "NotSpecified"


class DisableBody(Body):
    """ReplicationProtectedItems_Delete (POST .../remove)."""

    properties: DisableProperties


class RecoveryPointInput(Body):
    """The provider-specific part of failovers, with the properties that all providers share."""

    recovery_point_id: str | None = None


class TestFailoverInput(RecoveryPointInput):
    """The provider-specific part of a test failover, for providers that name the network in it."""

    network_id: str | None = None


class ChosenPointInput(RecoveryPointInput):
    """The provider-specific part of a change of recovery point, if it must name the point."""

    recovery_point_id: str


class FailoverInput(RecoveryPointInput):
    """The provider-specific part with the option to shut down the source; a boolean as a string."""

    perform_shutdown: Flag


class ResumeProperties(Body):
    """The properties of a request that resumes a job."""

    comments: str | None = None


class ResumeBody(Body):
    """ReplicationJobs_Resume."""

    properties: ResumeProperties = ResumeProperties()


_Model = TypeVar("_Model", bound=BaseModel)


def parse(model: type[_Model], request: Request) -> _Model:
    """The request's body as a model.

    Raises:
        ArmError: 400, each misfit in `details` with the property's path as `target`.
    """
    return read(model, request.json())


def read(model: type[_Model], content: Any, at: str = "") -> _Model:
    """A part of a body as a model; `at` is the part's place in the body.

    Raises:
        ArmError: 400, each misfit in `details` with the property's path as `target`.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        details = [
            {
                "code": "InvalidParameter",
                "target": ".".join([*([at] if at else []), *map(str, problem["loc"])]),
                "message": str(problem["msg"]),
            }
            for problem in error.errors()
        ]
        first = details[0]
        raise ArmError(
            400,
            "InvalidParameter",
            f"The property '{first['target']}' in the request body is not valid: "
            f"{first['message']}.",
            details=details,
        ) from error


def extras(part: ProviderPart) -> dict[str, Any]:
    """A provider-specific part as it was sent."""
    return part.model_dump(by_alias=True)
