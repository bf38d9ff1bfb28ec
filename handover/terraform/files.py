"""The files of a Terraform configuration for the parts of migrated machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from handover.terraform import hcl
from handover.terraform.declared import Declarations, Declared
from handover.terraform.hcl import Block, Expression

FOLDER = "terraform"
"""The folder of the configuration, within the project of Pulumi."""

_AZURERM = ">= 4.42.0, < 6.0.0"
"""Since 4.42.0 azurerm imports a machine without an OS profile; 6 is not there yet."""
_TERRAFORM = ">= 1.5.0"
"""The first one with `import` blocks."""


_READ_ME = """\
# The same machines for Terraform

For a team that uses Terraform, and in the place of Pulumi: only one of them may manage a machine.

    terraform init
    terraform plan
    terraform apply

The plan has to show imports, and nothing to change. The apply records them; after it `imports.tf` can go.
Every resource has `prevent_destroy`: Terraform refuses a plan that would delete or replace it.
"""


def files(
    declarations: Declarations, modules: Mapping[str, str], subscription: str, cloud: str
) -> dict[str, str]:
    """The files by their paths within the project.

    Args:
        declarations: what is declared.
        modules: the name of the file of each owner.
        subscription: in which the machines are.
        cloud: of Azure, such as `public`.
    """
    resources = declarations.resources
    made = {
        "providers": _providers(subscription, cloud),
        "imports": "\n".join(hcl.rendered(_import(each)) for each in resources),
    }
    for owner, module in modules.items():
        own = [each for each in resources if each.owner == owner]
        # `providers.tf` and `imports.tf` are no machines.
        name = module
        while name in made:
            name += "_"
        made[name] = "\n".join(map(_declaration, own))
    if declarations.problems:
        notes = "".join(map(hcl.comment, declarations.problems))
        made["imports"] = f"{notes}\n{made['imports']}"
    return {
        f"{FOLDER}/README.md": _READ_ME,
        **{f"{FOLDER}/{name}.tf": text for name, text in made.items()},
    }


def _providers(subscription: str, cloud: str) -> str:
    wanted = {Expression("source"): "hashicorp/azurerm", Expression("version"): _AZURERM}
    terraform = Block(
        "terraform",
        arguments={"required_version": _TERRAFORM},
        blocks=[Block("required_providers", arguments={"azurerm": wanted})],
    )
    said = {} if cloud == "public" else {"environment": cloud}
    provider = Block(
        "provider",
        ("azurerm",),
        {**said, "subscription_id": subscription},
        [Block("features")],
    )
    return "\n".join(map(hcl.rendered, (terraform, provider)))


def _import(resource: Declared) -> Block:
    return Block("import", arguments={"to": Expression(resource.address), "id": resource.import_id})


def _declaration(resource: Declared) -> str:
    return "".join(_notes(resource)) + hcl.rendered(resource.block)


def _notes(resource: Declared) -> Iterable[str]:
    if resource.left:
        yield hcl.comment(
            f"azurerm has no argument here for what Azure shows: {', '.join(resource.left)}."
        )
