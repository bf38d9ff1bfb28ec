"""The operations of Microsoft.OffAzure that a migration reads: sites, machines, accounts."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from emulator.kernel.long_running import origin
from emulator.kernel.resources import list_of_views, public, require
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.off_azure import sites
from emulator.off_azure.sites import SERVER_SITES, VMWARE_SITES

API_VERSIONS = ("2020-01-01", "2020-07-07", "2023-06-06")
"""2020-01-01 is the one that was recorded."""

PAGE_SIZE = 100

routes = Routes(API_VERSIONS)

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_SERVERS = f"{_GROUP}/providers/Microsoft.OffAzure/ServerSites/{{site}}"
_VMWARE = f"{_GROUP}/providers/Microsoft.OffAzure/VMwareSites/{{site}}"


@routes.route("GET", _SERVERS, "ServerSitesController_Get")
def get_server_site(world: World, request: Request, **path: str) -> Response:
    """One site of physical machines."""
    return Response(200, public(_site(world, SERVER_SITES, path)))


@routes.route("GET", f"{_SERVERS}/machines", "ServersController_ListByServerSite")
def list_servers(world: World, request: Request, **path: str) -> Response:
    """The machines whose agents report to an appliance, page by page."""
    site = _site(world, SERVER_SITES, path)
    return _page(world, request, sites.machine_keys(world, site["id"]))


@routes.route("GET", f"{_SERVERS}/machines/{{machine}}", "ServersController_GetMachine")
def get_server(world: World, request: Request, **path: str) -> Response:
    """One machine."""
    site = _site(world, SERVER_SITES, path)
    identifier = f"{site['id']}/machines/{path['machine']}"
    found = require(world, f"{site['type']}/machines", identifier)
    return Response(200, sites.shown(world, found))


@routes.route("GET", f"{_SERVERS}/runAsAccounts", "ServerRunAsAccountsController_ListByServerSite")
def list_server_accounts(world: World, request: Request, **path: str) -> Response:
    """The run-as accounts of a site of physical machines."""
    return _accounts(world, _site(world, SERVER_SITES, path))


@routes.route("GET", f"{_SERVERS}/runAsAccounts/{{account}}", "ServerRunAsAccountsController_Get")
def get_server_account(world: World, request: Request, **path: str) -> Response:
    """One run-as account."""
    site = _site(world, SERVER_SITES, path)
    identifier = f"{site['id']}/runasaccounts/{path['account']}"
    return Response(200, public(require(world, f"{site['type']}/runasaccounts", identifier)))


@routes.route("GET", _VMWARE, "SitesController_Get")
def get_vmware_site(world: World, request: Request, **path: str) -> Response:
    """The site for VMware that comes with every fabric."""
    return Response(200, public(_site(world, VMWARE_SITES, path)))


@routes.route("GET", f"{_VMWARE}/machines", "MachinesController_ListByVmwareSite")
def list_vmware_machines(world: World, request: Request, **path: str) -> Response:
    """Always empty: there is no VMware here."""
    _site(world, VMWARE_SITES, path)
    return _page(world, request, [])


@routes.route("GET", f"{_VMWARE}/runAsAccounts", "RunAsAccountsController_ListByVmwareSite")
def list_vmware_accounts(world: World, request: Request, **path: str) -> Response:
    """The run-as accounts of the site for VMware."""
    return _accounts(world, _site(world, VMWARE_SITES, path))


def _site(world: World, kind: str, path: dict[str, str]) -> Document:
    identifier = sites.site_id(_GROUP.format_map(path), kind, path["site"])
    return require(world, f"Microsoft.OffAzure/{kind}", identifier)


def _accounts(world: World, site: Document) -> Response:
    found = [public(account) for account in sites.accounts(world, site["id"])]
    return Response(200, {"value": found, "nextLink": None})


def _page(world: World, request: Request, keys: Sequence[str]) -> Response:
    """A page; its next link has the recorded parameters."""
    start = _number(request, "continuationToken", 0)
    size = min(PAGE_SIZE, _number(request, "$top", PAGE_SIZE) or PAGE_SIZE)
    link = None
    if start + size < len(keys):
        query = {
            "api-version": request.query["api-version"],
            "$top": str(size),
            "continuationToken": str(start + size),
            "totalRecordCount": str(len(keys)),
        }
        pairs = "&".join(f"{name}={value}" for name, value in query.items())
        link = f"{origin(request)}{quote(request.path)}?{pairs}"
    shown = (sites.view(world, key) for key in keys[start : start + size])
    return Response(200, list_of_views(shown, {"nextLink": link}))


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdigit():
        raise ArmError(400, "InvalidQueryParameter", f"The parameter '{name}' is not valid.")
    return int(text)
