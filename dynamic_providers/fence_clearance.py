"""The resource that removes the fence of a stack's cutovers, unless machines still have it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import pulumi
from pulumi.dynamic import DiffResult

from dynamic_providers import adapter
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs
from dynamic_providers.declared import DeclaredResource
from site_recovery.aws import kept_fence
from site_recovery.errors import MigrationError


class FenceClearanceInputs(Inputs):
    """The inputs.

    Attributes:
        group_id: the security group that is the fence.
        tag: its tag `Name`.
        region: its AWS region.
    """

    group_id: str
    tag: str
    region: str
    urn: str


Recorded: TypeAlias = adapter.Recorded[FenceClearanceInputs, Outputs]


class FenceClearanceProvider(MigrationProvider[FenceClearanceInputs, Outputs]):
    """Does nothing until it is deleted."""

    identity = ("group_id",)

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """Another group replaces it. A renamed stack keeps its group, and so the name."""
        replaces = recorded.replaced(news, "group_id")
        return DiffResult(changes=bool(replaces), replaces=replaces)

    async def on_create(self, inputs: FenceClearanceInputs) -> tuple[str, Outputs]:
        """Record what to remove.

        Raises:
            MigrationError: the group is gone, and its record is not.
        """
        if not await asyncio.to_thread(kept_fence.exists, inputs.group_id, inputs.region):
            raise MigrationError(
                f"security group {inputs.group_id}, the fence of the cutovers, does not exist any "
                "more. Run pulumi refresh, which forgets it, then pulumi up, which makes another"
            )
        return f"{inputs.group_id}/clearance", Outputs()

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[FenceClearanceInputs, Outputs] | None:
        """Check whether the group still exists; None if not."""
        inputs = recorded.inputs
        there = await asyncio.to_thread(kept_fence.exists, inputs.group_id, inputs.region)
        return (inputs, Outputs()) if there else None

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Delete the group; if machines have it, say so and keep it."""
        inputs = recorded.inputs
        held = await asyncio.to_thread(
            kept_fence.remove, inputs.group_id, inputs.tag, inputs.region
        )
        if held:
            self.row(inputs.urn).event(
                f"security group {inputs.group_id} stays in AWS, as {inputs.tag}{kept_fence.KEPT}: "
                f"it fences {', '.join(held)}, and no connection gets through it. Delete it when "
                "these are terminated, or have other groups"
            )


class FenceClearance(DeclaredResource, name="Fence", provider=FenceClearanceProvider):
    """Removes the fence of a stack when it is deleted.

    The record of the group itself is only forgotten, as EC2 would refuse to delete a group that a
    stopped machine has.
    """

    group_id: pulumi.Output[str]
