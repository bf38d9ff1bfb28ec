"""`/_emulator/registrations`: the installer of a configuration server, given a credentials file.

It is what happens on the instance when the setup program runs there with a vault credentials
file: everything the installer and the vault check is checked, then the server registers after as
long as an installation takes. No person is needed for it, and no tags.
"""

from __future__ import annotations

from datetime import datetime

from emulator.arm.vaults import certificates
from emulator.arm.vaults.vault import KIND, vault_id
from emulator.guests import configuration_server
from emulator.guests.servers import InstallationRefused
from emulator.guests.vault_credentials import CredentialsError, VaultCredentials
from emulator.kernel import schema
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

routes = Routes()


@routes.route("POST", "/_emulator/registrations", "_Emulator_Register", changes=False)
def register_server(world: World, request: Request) -> Response:
    """Install and register `{"instanceId", "credential"}`: 202, and the server as it is now.

    `credential` is the text of the file. `GET /_emulator/guests` tells how far it is. A server
    whose fabric was removed from its vault registers again this way.

    Raises:
        ArmError: 400 or 409, with what the installer reports.
    """
    asked = schema.body(request, {"instanceId": str, "credential": str})
    for name in ("instanceId", "credential"):
        if not asked.get(name):
            raise ArmError(400, "InvalidRequestContent", f"'{name}' is missing.")
    vault = vault_of(world, asked["credential"])
    try:
        server = configuration_server.ROLE.install(world, asked["instanceId"], vault)
    except InstallationRefused as refusal:
        raise ArmError(409, "InstallationRefused", f"The installer reports: {refusal}.") from None
    return Response(202, server)


def vault_of(world: World, text: str) -> str:
    """The id of the vault that a good credentials file is for.

    Raises:
        ArmError: 400, with what the installer reports of a bad one.
    """
    try:
        file = VaultCredentials.read(text)
    except CredentialsError as error:
        raise _invalid(str(error)) from error
    identifier = vault_id(file.subscription, file.group, file.vault)
    vault = world.store.get(KIND, identifier)
    if vault is None:
        raise _invalid(f"there is no vault '{identifier}'")
    upload = certificates.uploaded(world, identifier, file.certificate)
    if upload is None:
        raise _invalid(f"its certificate was never uploaded to the vault '{file.vault}'")
    told = upload["properties"]
    wanted = {
        "ResourceId": (file.number, str(told["resourceId"])),
        "AadTenantId": (file.tenant, told.get("aadTenantId")),
        "ServicePrincipalClientId": (file.client, told.get("servicePrincipalClientId")),
    }
    for name, (given, right) in wanted.items():
        if given != right:
            raise _invalid(f"its {name} is not what the vault answered to the certificate")
    expires = datetime.fromisoformat(upload[PRIVATE]["expires"])
    if world.now >= expires:
        raise ArmError(
            400,
            "VaultCredentialsExpired",
            f"The installer reports: the vault credentials expired on {expires:%d %B %Y at %H:%M} "
            "UTC. They are good for 120 hours; download new ones.",
        )
    return str(vault["id"])


def _invalid(problem: str) -> ArmError:
    return ArmError(
        400,
        "InvalidVaultCredentials",
        f"The installer reports: the credentials are bad: {problem}.",
    )
