"""The AWS side: where the machines are, and the server of each experience."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, StrictInt

from settings.schema.ec2_tags import ServerTags
from settings.schema.packages import Package
from settings.schema.proxy import Proxy
from site_recovery.declared.addresses import Address
from site_recovery.declared.model import Model, defaults_to
from site_recovery.declared.names import (
    ComputerName,
    ImageId,
    InstanceTypeName,
    SecurityGroupId,
    SubnetId,
    VpcId,
)

CONFIGURATION_SERVER_INSTALLER = "https://aka.ms/unifiedinstaller_wus"
"""Source: "Migrate Amazon Web Services (AWS) VMs to Azure" (Microsoft Learn, 2018)."""

REPLICATION_APPLIANCE_INSTALLER = "https://aka.ms/V2ARcmApplianceCreationPowershellZip"
"""Source: "Deploy Azure Site Recovery replication appliance - Modernized" (Microsoft Learn)."""

Installation = Literal["unattended", "manual"]

_VolumeGib = Annotated[StrictInt, Field(ge=1, le=16384)]


def _installer(address: str) -> BeforeValidator:
    """An installer that is downloaded from the publisher unless the config has another URL."""

    def with_address(raw: Any) -> Any:
        return {"url": address, **raw} if isinstance(raw, dict) else raw

    return BeforeValidator(with_address)


class ConfigurationServer(Model):
    """The EC2 instance that becomes configuration server, process server and master target."""

    subnet_id: SubnetId = Field(
        description="Subnet of the server, in `source.vpcId`. It needs a route to Azure and to AWS "
        "Systems Manager."
    )
    ami_id: ImageId | None = Field(
        default=None,
        description="Image of the server: Windows Server 2016 or 2012 R2. Checked in preview. "
        "A change applies to the next server only.",
        json_schema_extra=defaults_to("newest public image of Windows Server 2016"),
    )
    name: ComputerName = Field(
        default="asr-cs",
        description="The server's `Name` tag, and the computer name by which it is found in the "
        "vault.",
    )
    instance_type: InstanceTypeName | None = Field(
        default=None,
        title="EC2 instance type",
        description="Checked against the [table of sizes](#how-large-a-configuration-server-is). "
        "A server that exists keeps its type unless you set another one.",
        json_schema_extra=defaults_to("by the number of machines"),
    )
    cache_gib: _VolumeGib | None = Field(
        default=None,
        alias="cacheGiB",
        description="Size of the cache volume, in GiB. Checked against the table. A change applies to the "
        "next server only.",
        json_schema_extra=defaults_to("by the number of machines, at least 600"),
    )
    retention_gib: _VolumeGib = Field(
        default=600,
        alias="retentionGiB",
        description="Size of the retention volume, in GiB. A change applies to the next server only.",
    )
    churn_gib_per_day: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None,
        alias="churnGiBPerDay",
        description="Data that changes on all machines together in a day, if you know it. It "
        "counts in the size of the server. More than 2000 needs a second stack.",
    )
    private_ip: Address | None = Field(
        default=None,
        description="Fixed address in the subnet.",
        json_schema_extra=defaults_to("chosen by EC2"),
    )
    installation: Installation = Field(
        default="unattended",
        description="Whether the instance installs the configuration server itself, or "
        "[you do](configuration-server.md#by-hand).",
    )
    installer: Annotated[Package, _installer(CONFIGURATION_SERVER_INSTALLER)] = Field(
        default_factory=lambda: Package(url=CONFIGURATION_SERVER_INSTALLER),
        description="What the instance installs.",
    )


class RegisteredAppliance(Model):
    """A replication appliance that was set up and registered with the vault already."""

    name: ComputerName = Field(description="Its name in the vault.")
    security_group_id: SecurityGroupId = Field(
        description="A security group of its instance. The program opens the ports from the "
        "machines to it."
    )
    private_ip: Address = Field(description="Its address in the VPC, to which the agents connect.")


class ReplicationAppliance(Model):
    """The EC2 instance that becomes the replication appliance, or one that exists already."""

    subnet_id: SubnetId | None = Field(
        default=None,
        description="Subnet of the appliance, in `source.vpcId`. It needs a route to Azure and to "
        "AWS Systems Manager.",
        json_schema_extra=defaults_to("required, unless `registered`"),
    )
    name: ComputerName = Field(
        default="asr-appliance",
        description="The appliance's `Name` tag, and the computer name by which it is found in "
        "the vault.",
    )
    ami_id: ImageId | None = Field(
        default=None,
        description="Image of the appliance: Windows Server 2022 or 2019. Checked in preview. "
        "A change applies to the next appliance only.",
        json_schema_extra=defaults_to("newest public image of Windows Server 2022"),
    )
    instance_type: InstanceTypeName | None = Field(
        default=None,
        title="EC2 instance type",
        description="At least 8 vCPUs and 16 GiB for up to 150 machines, 16 and 32 GiB for up to "
        "200. Checked in preview. An appliance that exists keeps its type unless you set another "
        "one.",
        json_schema_extra=defaults_to("`c5.2xlarge`; `c5.4xlarge` from 151 machines"),
    )
    cache_gib: _VolumeGib | None = Field(
        default=None,
        alias="cacheGiB",
        description="Size of the data volume in GiB, not less than the default. A change applies to the "
        "next appliance only.",
        json_schema_extra=defaults_to("620; 1024 from 151 machines"),
    )
    private_ip: Address | None = Field(
        default=None,
        description="Fixed address in the subnet.",
        json_schema_extra=defaults_to("chosen by EC2"),
    )
    installation: Installation = Field(
        default="unattended",
        description="Whether the instance installs the appliance itself, or "
        "[you do](replication-appliance.md#by-hand). A person "
        "[signs it in](replication-appliance.md#signing-it-in) in both cases, once.",
    )
    installer: Annotated[Package, _installer(REPLICATION_APPLIANCE_INSTALLER)] = Field(
        default_factory=lambda: Package(url=REPLICATION_APPLIANCE_INSTALLER),
        description="What the instance installs.",
    )
    registered: RegisteredAppliance | None = Field(
        default=None,
        description="An appliance that is registered with the vault already, in place of all other "
        "keys of this section. The vault is then in `target.adopt`.",
    )


Server: TypeAlias = ConfigurationServer | ReplicationAppliance


class Source(Model):
    """The AWS side. A server of the other experience may be declared too; it is ignored."""

    vpc_id: VpcId = Field(description="The machines' VPC. All machines of a stack are in it.")
    replication_appliance: ReplicationAppliance | None = Field(
        default=None,
        description="The server of the `modernized` experience. Ignored with `classic`.",
        json_schema_extra=defaults_to("required with `modernized`"),
    )
    configuration_server: ConfigurationServer | None = Field(
        default=None,
        description="The server of the `classic` experience. Ignored with `modernized`.",
        json_schema_extra=defaults_to("required with `classic`"),
    )
    proxy: Proxy | None = Field(
        default=None,
        description="The [proxy](connectivity.md#through-a-proxy) through which the server and the "
        "installation of the agents reach Azure and AWS.",
        json_schema_extra=defaults_to("none; they connect directly"),
    )
    tags: ServerTags = Field(
        default_factory=dict,
        description="Tags of the server that is created in AWS, beside `Name` and those of the "
        "program.",
    )
