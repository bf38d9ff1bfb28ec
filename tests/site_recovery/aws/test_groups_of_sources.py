"""The security groups of a source, given on the local AWS."""

from __future__ import annotations

import asyncio

import boto3
import pytest

from site_recovery.aws.cutover_source import Ec2Sources
from site_recovery.convergence.sources import GroupsGoneError
from site_recovery.errors import MigrationError
from site_recovery.fencing import Fencing
from tests.local_aws import LocalAws

REGION = "eu-west-1"


def test_a_group_that_does_not_exist_any_more_is_named(aws: LocalAws) -> None:
    ec2, sources = (
        boto3.client("ec2", region_name=REGION),
        Ec2Sources(REGION, Fencing("sg-fence"), ()),
    )
    instance_id = aws.estate["machines"]["web-01"]

    def interface() -> tuple[str, tuple[str, ...]]:
        (found,) = asyncio.run(sources.look([instance_id]))[instance_id].interfaces
        return found.id, found.groups

    own, before = interface()
    made = ec2.create_security_group(GroupName="gone", Description="gone", VpcId=aws.estate["vpc"])[
        "GroupId"
    ]
    asyncio.run(sources.give_groups(own, [*before, made]))
    assert set(interface()[1]) == {*before, made}
    asyncio.run(sources.give_groups(own, before))
    ec2.delete_security_group(GroupId=made)
    with pytest.raises(GroupsGoneError) as refused:
        asyncio.run(sources.give_groups(own, [*before, made]))
    assert refused.value.groups == {made}
    assert interface() == (own, before)
    with pytest.raises(MigrationError) as unknown:
        asyncio.run(sources.give_groups("eni-0123456789abcdef0", before))
    assert not isinstance(unknown.value, GroupsGoneError)
