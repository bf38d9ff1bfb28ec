"""The accounts in which the program and the plugins of a run work: they have to be the same."""

from __future__ import annotations

from dataclasses import dataclass

from settings.schema.model import Settings
from site_recovery.aws.client import AWS_PLACE
from site_recovery.problems import Problem


@dataclass(frozen=True)
class Accounts:
    """What one side of a run sees. Empty is what it does not tell.

    Attributes:
        aws: the AWS account of its credentials, 12 digits.
        subscription: the id of the Azure subscription.
        tenant: the id of the Microsoft Entra tenant of its Azure credentials.
    """

    aws: str = ""
    subscription: str = ""
    tenant: str = ""


def differences(program: Accounts, plugins: Accounts) -> list[Problem]:
    """Refuse a run that would work in two accounts.

    Args:
        program: what the program's own clients see.
        plugins: what `pulumi-aws` and `pulumi-azure-native` see.
    """
    found = []
    if _differ(program.aws, plugins.aws):
        found.append(
            Problem(
                AWS_PLACE,
                f"the program's own clients are in account {program.aws} and pulumi-aws is in "
                f"account {plugins.aws}, so that one run would work in two accounts",
                "Give both the same credentials: remove those of the provider from the config, and "
                "set AWS_PROFILE or the other AWS_ variables of the environment",
            )
        )
    if _differ(program.subscription, plugins.subscription):
        found.append(
            Problem(
                "azure-native:subscriptionId",
                f"the program works in subscription {program.subscription} and "
                f"pulumi-azure-native in {plugins.subscription}",
                "Give both the same subscription, and remove ARM_SUBSCRIPTION_ID from the "
                "environment if it names another one",
            )
        )
    return found


def uncompared(program: Accounts, plugins: Accounts) -> str | None:
    """What a run says if the plugin's AWS account could not be compared; None otherwise."""
    if program.aws or not plugins.aws:
        return None
    return (
        f"whether the program works in account {plugins.aws} of pulumi-aws is not known: STS did not "
        "answer its own clients. Compare AWS_PROFILE and the other AWS_ variables, and let the computer "
        "reach the STS of aws:region on port 443"
    )


def headline(program: Accounts, plugins: Accounts, stack: Settings) -> str:
    """The first line of a preview: from which account to which subscription; then the regions."""
    source = "" if stack.retired else f"AWS account {program.aws or 'unknown'} → "
    tenant = f", tenant {plugins.tenant}" if plugins.tenant else ""
    elsewhere = stack.target.machines_elsewhere(program.subscription)
    machines = f", machines in {stack.machines_subscription_id}" if elsewhere else ""
    return f"{source}Azure {program.subscription}{machines}\n{stack.aws_region} → {stack.azure_location}{tenant}"


def _differ(one: str, other: str) -> bool:
    return bool(one and other) and one.lower() != other.lower()
