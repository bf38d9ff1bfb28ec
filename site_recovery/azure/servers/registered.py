"""The registration of a Site Recovery server in its vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Registration:
    """A registered configuration server or replication appliance (ARM ids, server ids).

    Attributes:
        master_target_id: empty if the experience has no master target.
        run_as_accounts: account id by friendly name, as set up on a configuration server.
        machines_site_id: the Microsoft.OffAzure site in which the machines of an appliance appear;
            empty for a configuration server.
    """

    fabric_id: str
    container_id: str
    provider_id: str
    process_server_id: str
    master_target_id: str = ""
    run_as_accounts: Mapping[str, str] = field(default_factory=dict)
    machines_site_id: str = ""
