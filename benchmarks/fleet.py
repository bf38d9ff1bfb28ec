"""Makes an emulated vault with any number of protected machines, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.estate.machines import Instance
from emulator.kernel.wire import Request, Response
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import VAULT, Site

VERSION = "api-version=2025-08-01"


@dataclass(frozen=True)
class Fleet:
    """A site whose machines are all protected. Its clock is stopped.

    Attributes:
        site: the site, whose world answers the requests.
        reads: the requests of the benchmarks: path and query by name.
    """

    site: Site
    reads: dict[str, str]

    def request(self, target: str) -> Request:
        """A GET request with a valid token."""
        headers = {"Authorization": f"Bearer {self.site.token}", "Host": "127.0.0.1:5000"}
        return Request.of("GET", target, headers)


def protected(count: int) -> Fleet:
    """Discover and protect `count` machines.

    Raises:
        RuntimeError: the emulator refused a request.
    """
    machines = [_machine(number) for number in range(count)]
    site = _Site(machines)
    site.prepare()
    for machine in machines:
        path = f"{site.container}/discoverProtectableItem"
        _accepted(site.call("POST", path, support.discover_body(machine)))
    site.pass_time(minutes=30)
    site.known = _discovered(site)
    for machine in machines:
        _accepted(site.call("PUT", site.item(machine), site.enable_body(machine)))
    site.pass_time(hours=3)
    items = f"{VAULT}/replicationProtectedItems"
    reads = {
        "one item": f"{site.item(machines[count // 2])}?{VERSION}",
        "items, a page of 100": f"{items}?{VERSION}",
        "items, the last page": f"{items}?{VERSION}&skipToken={max(0, count - 100)}",
        "jobs, a page of 100": f"{VAULT}/replicationJobs?{VERSION}",
        "one fabric": f"{site.fabric}?{VERSION}",
        "one policy": f"{site.policy}?{VERSION}",
    }
    return Fleet(site, reads)


class _Site(Site):
    """A site that looks up the ids of all discovered machines in one list."""

    known: dict[str, str]

    def protectable(self, machine: Instance) -> str:
        """The id of the discovered machine."""
        return self.known[machine.private_ip]


def _machine(number: int) -> Instance:
    address = f"10.10.{16 + number // 250}.{number % 250 + 1}"
    return support.windows(number, private_ip=address)


def _discovered(site: Site) -> dict[str, str]:
    found: dict[str, str] = {}
    target = f"{site.container}/replicationProtectableItems?{VERSION}"
    while target:
        body: Any = site.call("GET", target).body
        for one in body["value"]:
            found[one["properties"]["customDetails"]["ipAddress"]] = one["id"]
        _, _, path = (body["nextLink"] or "").partition(":5000")
        target = path
    return found


def _accepted(response: Response) -> None:
    if response.status != 202:
        raise RuntimeError(f"the emulator answered {response.status}: {response.body}")
