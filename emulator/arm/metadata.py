"""The endpoints of this cloud, which the Azure CLI, Terraform and Go SDKs read first.

Source: `/metadata/endpoints` of https://management.azure.com; go-azure-sdk (api-version 2022-09-01,
one cloud), azure-cli-core (2019-05-01, a list of clouds; 2015-01-01, the oldest form).
"""

from __future__ import annotations

from emulator.arm.identity import TENANT
from emulator.kernel.long_running import origin
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

NAME = "AzureEmulator"
AUDIENCE = "https://management.azure.com"
_OLDEST, _LIST = "2015-01-01", "2019-05-01"

routes = Routes()


@routes.route("GET", "/metadata/endpoints", "_Metadata_Endpoints")
def endpoints(world: World, request: Request) -> Response:
    """The endpoints of the cloud. Services that the emulator does not have are left out."""
    version = request.query.get("api-version", "")
    here = origin(request)
    authentication: Document = {
        "loginEndpoint": f"{here}/",
        "audiences": [AUDIENCE, f"{AUDIENCE}/"],
        "tenant": TENANT,
        "identityProvider": "AAD",
    }
    if version == _OLDEST:
        return Response(
            200,
            {
                "galleryEndpoint": here,
                "graphEndpoint": here,
                "portalEndpoint": here,
                "authentication": authentication,
            },
        )
    cloud = {
        "name": NAME,
        "portal": here,
        "authentication": authentication,
        "resourceManager": here,
        "graph": here,
        "graphAudience": here,
        "microsoftGraphResourceId": here,
        "gallery": here,
        "media": here,
        "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
    }
    return Response(200, [cloud] if version == _LIST else cloud)


def register(world: World) -> None:
    """Register no events."""
