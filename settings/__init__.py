"""The stack's config as typed, validated settings.

One pass finds everything that is wrong and reports it with its config path and the way out. AWS is
asked for the facts that only AWS knows. Nothing here needs Pulumi.
"""

from __future__ import annotations

from settings import outputs_file
from settings.accounts import Accounts, differences, headline, uncompared
from settings.draft import Draft
from settings.preflight.preflight import Aws, Preflight, examine
from settings.preflight.server_plan import ServerPlan
from settings.providers import PROVIDER_KEYS
from settings.providers import problems as provider_problems
from settings.reading import Reading, SettingsError, load, read
from settings.schema.fleet import MachineSettings, WaveSettings
from settings.schema.model import Settings
from settings.schema.packages import Package
from settings.schema.replication import Agent, Convergence, Replication
from settings.schema.source import (
    ConfigurationServer,
    RegisteredAppliance,
    ReplicationAppliance,
    Source,
)
from settings.schema.target import Network, Subnet, Target
from settings.stack import secrets, stack_config

__all__ = [
    "PROVIDER_KEYS",
    "Accounts",
    "Agent",
    "Aws",
    "ConfigurationServer",
    "Convergence",
    "Draft",
    "MachineSettings",
    "Network",
    "Package",
    "Preflight",
    "Reading",
    "RegisteredAppliance",
    "Replication",
    "ReplicationAppliance",
    "ServerPlan",
    "Settings",
    "SettingsError",
    "Source",
    "Subnet",
    "Target",
    "WaveSettings",
    "differences",
    "examine",
    "headline",
    "load",
    "outputs_file",
    "provider_problems",
    "read",
    "secrets",
    "stack_config",
    "uncompared",
]
