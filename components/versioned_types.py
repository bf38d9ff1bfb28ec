"""Leaves out the names that types of Azure resources have with an API version in them."""

from __future__ import annotations

import re

import pulumi

_OF_A_VERSION = re.compile(r"azure-native:[a-z]+/v\d{8}(preview)?:")


def leave_out() -> None:
    """Register resources without their aliases of API versions.

    The SDK declares one for each version that a type ever had, dozens of a resource, for stacks that
    named the version. No stack of this program has. The SDK would put a URN together for each
    of them, a tenth of the program's time.
    """
    pulumi.runtime.register_stack_transformation(_without)


def _without(
    resource: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    declared = resource.opts.aliases
    if not declared or not resource.type_.startswith("azure-native:"):
        return None
    opts = pulumi.ResourceOptions.merge(None, resource.opts)
    opts.aliases = [each for each in declared if not _is_of_a_version(each)]
    return pulumi.ResourceTransformationResult(resource.props, opts)


def _is_of_a_version(alias: object) -> bool:
    named = alias.type_ if isinstance(alias, pulumi.Alias) else None
    return isinstance(named, str) and _OF_A_VERSION.match(named) is not None
