"""Keeps a run from starting a second server beside one that the stack's record lacks."""

from __future__ import annotations

import json
import subprocess

import pulumi

from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG, live_servers
from site_recovery.errors import MigrationError


def only_server(region: str) -> pulumi.ResourceHook:
    """A hook before the creation of the server's instance, in a preview too.

    EC2 starts an instance as often as it is asked. If the engine was killed after the first time,
    no record has that instance, and the vault would get two servers of one name.

    Args:
        region: the AWS region of the server.
    """

    def check(args: pulumi.ResourceHookArgs) -> None:
        tags = (args.new_inputs or {}).get("tags") or {}
        vault_id = tags.get(VAULT_TAG)
        # In a preview the vault may be unknown: then it does not exist, and has no server.
        if not isinstance(vault_id, str):
            return
        there = live_servers(str(tags.get(ROLE_TAG)), vault_id, region)
        unrecorded = sorted(set(there) - _recorded_ids()) if there else []
        if unrecorded:
            raise MigrationError(
                f"{tags.get('Name')}: {' and '.join(unrecorded)} in EC2 carries the tags of this "
                "server, and the stack's record does not have it: an earlier run ended while EC2 "
                "started it. Run `make recover` to take it into the record, or terminate it."
            )

    return pulumi.ResourceHook(
        "only-server", check, opts=pulumi.ResourceHookOptions(on_dry_run=True)
    )


def _recorded_ids() -> set[str]:
    """The ids of the stack's resources: an instance that is replaced is among them."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    done = subprocess.run(
        ["pulumi", "stack", "export", "--stack", name, "--non-interactive"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MigrationError(
            f"the record of stack {name} cannot be read ({done.stderr.strip()}), and a second "
            "server must not be started. Let `pulumi stack export` work, then try again."
        )
    resources = json.loads(done.stdout)["deployment"].get("resources") or ()
    return {str(resource["id"]) for resource in resources if "id" in resource}
