"""The stack's config as typed, validated settings.

Everything that is wrong is found in one pass and reported with its place in the config and the
way out; nothing here needs Pulumi or a cloud.
"""

from __future__ import annotations

from settings.experience import Experience
from settings.fleet import MachineSettings, TargetMachine, WaveSettings, WaveTarget
from settings.model import Settings
from settings.packages import Package
from settings.preflight import Preflight, examine
from settings.reading import Reading, SettingsError, load, read
from settings.replication import Agent, Convergence, Replication
from settings.source import (
    ConfigurationServer,
    RegisteredAppliance,
    ReplicationAppliance,
    Source,
)
from settings.stack import stack_config
from settings.target import Network, Subnet, Target

__all__ = [
    "Agent",
    "ConfigurationServer",
    "Convergence",
    "Experience",
    "MachineSettings",
    "Network",
    "Package",
    "Preflight",
    "Reading",
    "RegisteredAppliance",
    "Replication",
    "ReplicationAppliance",
    "Settings",
    "SettingsError",
    "Source",
    "Subnet",
    "Target",
    "TargetMachine",
    "WaveSettings",
    "WaveTarget",
    "examine",
    "load",
    "read",
    "stack_config",
]
