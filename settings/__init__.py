"""The stack's config as typed, validated settings.

Everything that is wrong is found in one pass and reported with its place in the config and the
way out; nothing here needs Pulumi or a cloud.
"""

from __future__ import annotations

from settings.fleet import MachineSettings, TargetMachine, WaveSettings
from settings.model import Settings
from settings.preflight import Preflight, examine
from settings.reading import Reading, SettingsError, load, read
from settings.replication import Convergence, Replication
from settings.source import ConfigurationServer, Source
from settings.stack import stack_config
from settings.target import Network, Subnet, Target

__all__ = [
    "ConfigurationServer",
    "Convergence",
    "MachineSettings",
    "Network",
    "Preflight",
    "Reading",
    "Replication",
    "Settings",
    "SettingsError",
    "Source",
    "Subnet",
    "Target",
    "TargetMachine",
    "WaveSettings",
    "examine",
    "load",
    "read",
    "stack_config",
]
