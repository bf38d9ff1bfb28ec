"""What one round of observing sees of the services, and how a machine is known in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from site_recovery.jobs import Job
from site_recovery.sources import Source
from site_recovery.target_settings import TargetSettings

TEST_VM_SUFFIX = "-test"

TAG_INSTANCE = "migrated-from-instance"
TAG_MACHINE = "migrated-from-machine"
"""Tags that a failover puts on the virtual machine: after Complete Migration removed the item,
they are the evidence that the machine is migrated."""


@dataclass(frozen=True)
class Machine:
    """What identifies a machine to the services.

    Attributes:
        name: its key in the config; also the name of its protected item.
        private_ip: by which the service knows it before it is protected.
        vm_name: of the virtual machine that a failover creates.
        source_problem: why its instance cannot replicate (any more), or None.
        hold: why its replication may not begin, or None.
        bios_id: its BIOS id, where it is known.
        migrated: whether it is recorded that it was migrated.
    """

    name: str
    instance_id: str
    private_ip: str
    vm_name: str
    source_problem: str | None = None
    migrated: bool = False
    hold: str | None = None
    bios_id: str = ""


class Gone(StrEnum):
    """What of a vault is not there any more, and with it all that was in it."""

    VAULT = "vault"
    SERVER = "server"


@dataclass(frozen=True)
class Snapshot:
    """What one round of list calls said, as wire objects.

    Attributes:
        items: protected items of the vault.
        provider: the replication provider by which they should be replicated; any, if empty.
        sources: machines of the container or the appliance's site that can be protected.
        virtual_machines: of the target resource group.
        jobs: by name, newest state.
        settings: what items say of their targets, by item id in lower case.
        gone: the vault itself, or the server in it through which machines replicate, if that is
            not there any more.
    """

    items: tuple[Mapping[str, Any], ...] = ()
    provider: str = ""
    sources: tuple[Source, ...] = ()
    virtual_machines: tuple[Mapping[str, Any], ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    gone: Gone | None = None
    settings: Mapping[str, TargetSettings] = field(default_factory=dict)
