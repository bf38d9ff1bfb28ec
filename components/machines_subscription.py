"""The provider of what is in the machines' subscription, if that is another than the vault's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pulumi

from settings import PROVIDER_KEYS

if TYPE_CHECKING:
    from pulumi_azure_native.provider import Provider

_NAMESPACE = "azure-native:"
_NAME = "machines-subscription"
_FLAGS = {"true": True, "false": False}
_CAPITAL = re.compile(r"(?=[A-Z])")


def provider(subscription: str, parent: pulumi.Resource) -> Provider:
    """A provider like that of the stack, in another subscription.

    A provider that a program declares takes nothing from the config, so it is given all that the
    config says to the stack's.

    Args:
        subscription: the id of the subscription.
        parent: the component that it belongs to.
    """
    # Few stacks have one.
    from pulumi_azure_native.provider import Provider

    config = pulumi.Config(_NAMESPACE.rstrip(":"))
    keys = [key.removeprefix(_NAMESPACE) for key in PROVIDER_KEYS if key.startswith(_NAMESPACE)]
    known = {_CAPITAL.sub("_", key).lower(): config.get(key) for key in keys}
    said = {key: _FLAGS.get(value, value) for key, value in known.items() if value is not None}
    return Provider(
        _NAME,
        **{**said, "subscription_id": subscription},
        opts=pulumi.ResourceOptions(parent=parent),
    )
