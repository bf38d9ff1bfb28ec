"""Where the machines are now, and the server that is put beside them, by experience."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, StrictInt

from settings.schema.packages import Package
from site_recovery.declared.addresses import Address
from site_recovery.declared.model import Model
from site_recovery.declared.names import ComputerName, ImageId, SecurityGroupId, SubnetId, VpcId

CONFIGURATION_SERVER_INSTALLER = "https://aka.ms/unifiedinstaller_wus"
"""Source: "Migrate Amazon Web Services (AWS) VMs to Azure" (Microsoft Learn, 2018)."""

REPLICATION_APPLIANCE_INSTALLER = "https://aka.ms/V2ARcmApplianceCreationPowershellZip"
"""Source: "Deploy Azure Site Recovery replication appliance - Modernized" (Microsoft Learn)."""

Installation = Literal["unattended", "manual"]

_VolumeGib = Annotated[StrictInt, Field(ge=1, le=16384)]


def _installer(address: str) -> BeforeValidator:
    """An installer whose address is the publisher's unless another is given."""

    def with_address(raw: Any) -> Any:
        return {"url": address, **raw} if isinstance(raw, dict) else raw

    return BeforeValidator(with_address)


class ConfigurationServer(Model):
    """The EC2 instance that becomes configuration server, process server and master target.

    Attributes:
        name: its computer name, under which it shows up in the vault.
        ami_id: what it is built from, once; a later change is for the next server. None for the
            newest public image of Windows Server 2016.
        instance_type: None for the smallest known one that serves the machines.
        cache_gib: the process server's cache volume, in GiB; None for what the machines need.
        retention_gib: the master target's retention volume, in GiB.
        churn_gib_per_day: what changes on all machines together, where that is known.
        private_ip: a fixed address in the subnet; None leaves the choice to EC2, once.
        installation: whether the instance installs itself or a person does.
        installer: what it installs.
    """

    subnet_id: SubnetId
    ami_id: ImageId | None = None
    name: ComputerName = "asr-cs"
    instance_type: str | None = None
    cache_gib: _VolumeGib | None = Field(default=None, alias="cacheGiB")
    retention_gib: _VolumeGib = Field(default=600, alias="retentionGiB")
    churn_gib_per_day: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None, alias="churnGiBPerDay"
    )
    private_ip: Address | None = None
    installation: Installation = "unattended"
    installer: Annotated[Package, _installer(CONFIGURATION_SERVER_INSTALLER)] = Field(
        default_factory=lambda: Package(url=CONFIGURATION_SERVER_INSTALLER)
    )


class RegisteredAppliance(Model):
    """A replication appliance that was set up and registered with the vault already.

    Attributes:
        name: under which it shows up in the vault.
        security_group_id: a group of its instance, which the machines are let through to.
        private_ip: its address in the VPC.
    """

    name: ComputerName
    security_group_id: SecurityGroupId
    private_ip: Address


class ReplicationAppliance(Model):
    """The EC2 instance that becomes the replication appliance, or one that is there already.

    Attributes:
        subnet_id: where it is put; None only with `registered`.
        name: its computer name, under which it shows up in the vault.
        ami_id: what it is built from, once; None for the newest public image of Windows Server
            2022.
        instance_type: None for the smallest known one that serves the machines.
        cache_gib: its data volume, in GiB; None for what the machines need.
        private_ip: a fixed address in the subnet; None leaves the choice to EC2, once.
        installation: whether the instance installs itself or a person does. Signing it in takes a
            person either way.
        installer: what it installs.
        registered: an appliance that is there already, instead of all else.
    """

    subnet_id: SubnetId | None = None
    name: ComputerName = "asr-appliance"
    ami_id: ImageId | None = None
    instance_type: str | None = None
    cache_gib: _VolumeGib | None = Field(default=None, alias="cacheGiB")
    private_ip: Address | None = None
    installation: Installation = "unattended"
    installer: Annotated[Package, _installer(REPLICATION_APPLIANCE_INSTALLER)] = Field(
        default_factory=lambda: Package(url=REPLICATION_APPLIANCE_INSTALLER)
    )
    registered: RegisteredAppliance | None = None


Server: TypeAlias = ConfigurationServer | ReplicationAppliance


class Source(Model):
    """The AWS side. The server of the other experience may stand there, and counts for nothing."""

    vpc_id: VpcId
    configuration_server: ConfigurationServer | None = None
    replication_appliance: ReplicationAppliance | None = None
