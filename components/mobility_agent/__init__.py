"""Site Recovery's mobility agent on the machines, installed by Systems Manager."""

from __future__ import annotations

from components.mobility_agent.component import MobilityAgent, MobilityAgentArgs

__all__ = ["MobilityAgent", "MobilityAgentArgs"]
