"""A machine from the inside, with a network around it, for tests of its commands."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from emulator.estate.guest_os import guest as guest_os
from emulator.estate.guest_os import running
from emulator.estate.guest_os.guest import Guest
from emulator.estate.guest_os.running import Result
from emulator.estate.machines import Instance
from emulator.estate.network import Network
from emulator.estate.security_groups import Rule, SecurityGroup
from emulator.estate.static import StaticEstate
from emulator.kernel.clock import EPOCH

OPEN = SecurityGroup("sg-open", ingress=(Rule(from_port=443, to_port=443, cidrs=("10.0.0.0/8",)),))
"""Lets the VPC in on 443 and everything out."""
FENCE = SecurityGroup("sg-fence", egress=(Rule(from_port=443, to_port=443, cidrs=("0.0.0.0/0",)),))
"""Lets nothing in, and only https out."""


def chance(*about: object) -> random.Random:
    return random.Random(":".join(map(str, about)))


@dataclass
class Machine:
    """A machine that runs scripts, is fenced and stopped, in a time that the test moves."""

    instance: Instance
    groups: tuple[SecurityGroup, ...] = (OPEN, FENCE)
    now: datetime = EPOCH
    inside: dict[str, Any] = field(init=False)
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        self.network = StaticEstate([self.instance], self.groups).network()
        self.inside = guest_os.new(self.instance, self.network, chance)
        self.guest().look()

    def guest(self) -> Guest:
        return Guest(self.inside, self.instance, self.network, self.now, chance)

    def become(self, network: Network | None = None, **changes: Any) -> None:
        """Change the instance or the network now."""
        self.instance = replace(self.instance, **changes)
        self.network = network or StaticEstate([self.instance], self.groups).network()
        self.guest().look()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def run(self, *lines: str) -> Result:
        return running.run(self.instance.platform, "\n".join(lines), self.guest())

    @property
    def writes(self) -> dict[str, Any]:
        writes: dict[str, Any] = self.inside["writes"]
        return writes


def linux(system: str = "ubuntu-20.04", **changes: Any) -> Machine:
    made = Instance(
        *("i-linux", "db-01", "10.10.1.41"),
        platform="linux",
        os=system,
        drivers=None,
        security_groups=(OPEN.group_id,),
    )
    return Machine(replace(made, **changes))


def windows(system: str = "windows-server-2012-r2", **changes: Any) -> Machine:
    made = Instance(
        *("i-windows", "web-01", "10.10.1.11"), os=system, security_groups=(OPEN.group_id,)
    )
    return Machine(replace(made, **changes))
