"""Where the machines are now, and the configuration server that is put beside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from settings.addresses import Address
from settings.base import Model
from settings.names import ComputerName, ImageId, SubnetId, VpcId

_VolumeGib = Annotated[StrictInt, Field(ge=1, le=16384)]


class ConfigurationServer(Model):
    """The EC2 instance that becomes configuration server, process server and master target.

    Attributes:
        name: its computer name, under which it shows up in the vault.
        ami_id: what it is built from, once; a later change is for the next server.
        cache_gib: the process server's cache volume, in GiB.
        retention_gib: the master target's retention volume, in GiB.
        private_ip: a fixed address in the subnet; None leaves the choice to EC2, once.
    """

    subnet_id: SubnetId
    ami_id: ImageId
    name: ComputerName = "asr-cs"
    instance_type: str = "c5.2xlarge"
    cache_gib: _VolumeGib = Field(default=600, alias="cacheGiB")
    retention_gib: _VolumeGib = Field(default=600, alias="retentionGiB")
    private_ip: Address | None = None


class Source(Model):
    """The AWS side."""

    vpc_id: VpcId
    configuration_server: ConfigurationServer
