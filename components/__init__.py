"""The Pulumi components of a stack, one per file."""

from __future__ import annotations

from components import debug_messages, plugin_accounts, stack_traces, versioned_types
from components.configuration_server import ConfigurationServer, ConfigurationServerArgs
from components.landing_zone import LandingZone, LandingZoneArgs
from components.migration_wave import MigrationWave, MigrationWaveArgs
from components.mobility_agent import MobilityAgent, MobilityAgentArgs
from components.occupied import Occupied
from components.replication_appliance import ReplicationAppliance, ReplicationApplianceArgs
from components.replication_settings import ReplicationSettings, ReplicationSettingsArgs
from components.security_groups import Attachment, SecurityGroups, SecurityGroupsArgs, attachments
from components.server import server
from components.source_side import source_side
from components.stack_page import stack_page
from components.vault import Vault, VaultArgs

__all__ = [
    "Attachment",
    "ConfigurationServer",
    "ConfigurationServerArgs",
    "LandingZone",
    "LandingZoneArgs",
    "MigrationWave",
    "MigrationWaveArgs",
    "MobilityAgent",
    "MobilityAgentArgs",
    "Occupied",
    "ReplicationAppliance",
    "ReplicationApplianceArgs",
    "ReplicationSettings",
    "ReplicationSettingsArgs",
    "SecurityGroups",
    "SecurityGroupsArgs",
    "Vault",
    "VaultArgs",
    "attachments",
    "debug_messages",
    "plugin_accounts",
    "server",
    "source_side",
    "stack_page",
    "stack_traces",
    "versioned_types",
]
