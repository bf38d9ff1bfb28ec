"""The alert settings of a vault: the recipients. They are stored, but no mail is ever sent."""

from __future__ import annotations

from pydantic import Field

from emulator.kernel.routes import Routes
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import (
    ALERT_SETTINGS,
    API_VERSIONS,
    children,
    page,
    put,
    require,
    require_vault,
    vault_id,
)

routes = Routes(API_VERSIONS)


class _Properties(bodies.Body):
    send_to_owners: str | None = None
    custom_email_addresses: list[str] = Field(default_factory=list)
    locale: str | None = None


class _Body(bodies.Body):
    properties: _Properties = _Properties()


@routes.route("GET", ALERT_SETTINGS.collection, "ReplicationAlertSettings_List")
def list_settings(world: World, request: Request, **path: str) -> Response:
    """The alert settings of the vault; none before they are set for the first time."""
    require_vault(world, path)
    return Response(200, page(request, children(world, ALERT_SETTINGS, vault_id(path))))


@routes.route("GET", ALERT_SETTINGS.template, "ReplicationAlertSettings_Get")
def get_setting(world: World, request: Request, **path: str) -> Response:
    """One alert setting; the service has `defaultAlertSetting` only."""
    return Response(200, require(world, ALERT_SETTINGS, path))


@routes.route("PUT", ALERT_SETTINGS.template, "ReplicationAlertSettings_Create")
def save_setting(world: World, request: Request, **path: str) -> Response:
    """Set the recipients of alerts, without a long-running operation (recorded)."""
    require_vault(world, path)
    asked = bodies.parse(_Body, request).properties
    document = {
        "name": path["setting"],
        "type": ALERT_SETTINGS.type,
        "id": ALERT_SETTINGS.key(path),
        "properties": asked.model_dump(by_alias=True),
    }
    put(world, ALERT_SETTINGS, document)
    return Response(200, document)
