"""Operating systems that the service lists as supported.

Recorded is the list of the provider `A2A` alone, whichever provider was asked about; what it says
of physical machines is not known, and so nothing is said. Whether a machine can be protected does
not depend on it.
"""

from __future__ import annotations

from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import API_VERSIONS, VAULT, require_vault, vault_id

routes = Routes(API_VERSIONS)

_NAME = "replicationSupportedOperatingSystems"
_PROVIDER = "A2A"

_LINUX = {
    "centos": ("6.0-10", "7.0-9", "8.0-7", "7.*", "8.*"),
    "debian": ("7", "8", "9", "10", "11"),
    "oracle": ("6.4-10", "7.0-9", "8.0-8", "9.1", "7.*", "8.*"),
    "rhel": ("9.0-1",),
    "redhat": ("6.0-10", "7.0-9", "8.0-8", "9.0-1", "7.*", "8.*"),
    "suse": ("11", "12"),
    "sles": ("15",),
    "ubuntu": ("14.04", "16.04", "18.04", "20.04", "22.04"),
}
"""Versions by name; `6.0-10` is every minor version from 6.0 to 6.10."""

_EDITIONS_2008_R2 = ("Datacenter", "Enterprise", "Standard")
_EDITIONS_2012_R2 = ("Datacenter", "Datacenter Evaluation", "Standard", "Standard Evaluation")
_WINDOWS = {
    **{f"Windows Server 2008 R2 {edition}": ("6.1",) for edition in _EDITIONS_2008_R2},
    **{f"Windows Server 2012 {edition}": ("6.2",) for edition in ("Standard", "Datacenter")},
    **{f"Windows Server 2012 R2 {edition}": ("6.3",) for edition in _EDITIONS_2012_R2},
    **{f"Windows Server 2016 {edition}": ("6.3", "10.0") for edition in ("Standard", "Datacenter")},
    "Windows Web Server 2008 R2": ("6.1",),
    "Windows Server Datacenter": ("10.0",),
    "Windows 7": ("6.1",),
    "Windows 8": ("6.2",),
    "Windows 8.1": ("6.3",),
    "Windows 10": ("10.0",),
}


@routes.route("GET", f"{VAULT}/{_NAME}", "SupportedOperatingSystems_Get")
def get_systems(world: World, request: Request, **path: str) -> Response:
    """The systems of every provider, or of the one in `instanceType`."""
    require_vault(world, path)
    asked = request.query.get("instanceType", _PROVIDER).lower()
    listed = [{"instanceType": _PROVIDER, "supportedOs": _systems()}]
    document = {
        "id": f"{vault_id(path)}/{_NAME}/Default",
        "name": "Default",
        "type": f"Microsoft.RecoveryServices/vaults/{_NAME}",
        "properties": {"supportedOsList": listed if asked == _PROVIDER.lower() else []},
    }
    return Response(200, document)


def _systems() -> list[Document]:
    linux = [_system(name, "linux", versions) for name, versions in _LINUX.items()]
    return linux + [_system(name, "windows", versions) for name, versions in _WINDOWS.items()]


def _system(name: str, kind: str, versions: tuple[str, ...]) -> Document:
    numbers = [number for version in versions for number in _spread(version)]
    pack = {"servicePack": "1"} if (kind, numbers[0]) == ("windows", "6.1") else {}
    return {
        "osName": name,
        "osType": kind,
        "osVersions": [{"version": number, **pack} for number in numbers],
    }


def _spread(version: str) -> list[str]:
    first, _, last = version.partition("-")
    if not last:
        return [first]
    major, _, minor = first.partition(".")
    return [f"{major}.{number}" for number in range(int(minor), int(last) + 1)]
