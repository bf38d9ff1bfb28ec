"""The EC2 instances of machines, as a cutover reads and changes them."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from site_recovery.aws.client import (
    AWS_FAILURES,
    CLIENT_CONFIG,
    aws_problem,
    connect,
    error_code,
)
from site_recovery.batches import batches
from site_recovery.convergence.sources import GroupsGoneError, Ran
from site_recovery.cutover_memory import Interface, Source
from site_recovery.errors import MigrationError
from site_recovery.fencing import Fencing
from site_recovery.fleet import Platform

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = (
    "ec2:CreateTags",
    "ec2:DeleteTags",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
    "ssm:GetCommandInvocation",
    "ssm:ListCommands",
    "ssm:SendCommand",
)
"""The IAM actions of a cutover; all but those that read can be limited to single resources."""

_T = TypeVar("_T")
_GROUP = re.compile(r"sg-\w+")
_PAGE = 100
_AT_ONCE = 10
_SHORTEST_TIMEOUT = 30
"""Seconds; the least that SendCommand takes for its delivery."""
_OVER = {"Success", "Cancelled", "TimedOut", "Failed"}
_DOCUMENTS: Mapping[Platform, str] = {
    "windows": "AWS-RunPowerShellScript",
    "linux": "AWS-RunShellScript",
}


class Ec2Sources:
    """The instances of one region; see `convergence.sources.Sources`.

    Args:
        region: the AWS region.
        fencing: the security groups of a machine that is fenced.
        servers: addresses of the server that the machines replicate to.
    """

    def __init__(self, region: str, fencing: Fencing, servers: Iterable[str]) -> None:
        self.fencing = fencing
        self.servers = frozenset(servers)
        self._region = region
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @cached_property
    def _ec2(self) -> EC2Client:
        return connect("ec2", self._region)

    @cached_property
    def _ssm(self) -> SSMClient:
        return connect("ssm", self._region)

    @cached_property
    def _ssm_once(self) -> SSMClient:
        # A retry after a lost reply would run the script twice: SendCommand takes no token.
        once = Config(retries={"total_max_attempts": 1})
        return connect("ssm", self._region, CLIENT_CONFIG.merge(once))

    async def look(self, instance_ids: Sequence[str]) -> Mapping[str, Source]:
        """Read instances by id (DescribeInstances)."""

        def read() -> dict[str, Source]:
            found: dict[str, Source] = {}
            paginator = self._ec2.get_paginator("describe_instances")
            for ids in batches(sorted(set(instance_ids)), _PAGE):
                for page in paginator.paginate(Filters=[{"Name": "instance-id", "Values": ids}]):
                    for reservation in page["Reservations"]:
                        found |= {i["InstanceId"]: _source(i) for i in reservation["Instances"]}
            return found

        return await self._call("EC2", read)

    async def status(self, instance_id: str) -> str:
        """The worse of its two status checks (DescribeInstanceStatus)."""

        def read() -> str:
            answer = self._ec2.describe_instance_status(InstanceIds=[instance_id])
            for shown in answer["InstanceStatuses"]:
                both = (shown["SystemStatus"]["Status"], shown["InstanceStatus"]["Status"])
                return next((each for each in both if each != "ok"), "ok")
            return ""

        return await self._call("EC2", read)

    async def tag(self, instance_id: str, tags: Mapping[str, str]) -> None:
        """Set tags (CreateTags)."""
        pairs = [{"Key": key, "Value": text} for key, text in tags.items()]
        await self._call("EC2", lambda: self._ec2.create_tags(Resources=[instance_id], Tags=pairs))  # type: ignore[arg-type]

    async def untag(self, instance_id: str, names: Iterable[str]) -> None:
        """Remove tags (DeleteTags)."""
        keys = [{"Key": name} for name in names]
        if keys:
            await self._call(
                "EC2",
                lambda: self._ec2.delete_tags(Resources=[instance_id], Tags=keys),  # type: ignore[arg-type]
            )

    async def give_groups(self, interface_id: str, groups: Sequence[str]) -> None:
        """Replace the groups of an interface (ModifyNetworkInterfaceAttribute)."""
        try:
            await self._call(
                "EC2",
                lambda: self._ec2.modify_network_interface_attribute(
                    NetworkInterfaceId=interface_id, Groups=list(groups)
                ),
            )
        except MigrationError as error:
            gone = _gone(error.__cause__, groups)
            if gone:
                raise GroupsGoneError(str(error), gone) from error
            raise

    async def stop(self, instance_id: str) -> None:
        """Ask an instance to stop (StopInstances)."""
        await self._call("EC2", lambda: self._ec2.stop_instances(InstanceIds=[instance_id]))

    async def start(self, instance_id: str) -> None:
        """Ask an instance to start (StartInstances)."""
        await self._call("EC2", lambda: self._ec2.start_instances(InstanceIds=[instance_id]))

    async def terminate(self, instance_id: str) -> None:
        """Terminate an instance (TerminateInstances)."""
        await self._call("EC2", lambda: self._ec2.terminate_instances(InstanceIds=[instance_id]))

    async def find(self, instance_id: str, comment: str) -> str | None:
        """The newest command with this comment on an instance (ListCommands)."""

        def read() -> str | None:
            pages = self._ssm.get_paginator("list_commands").paginate(InstanceId=instance_id)
            for page in pages:
                for command in page["Commands"]:
                    if command.get("Comment") == comment:
                        return command["CommandId"]
            return None

        return await self._call("Systems Manager", read)

    async def send(
        self,
        instance_id: str,
        platform: Platform,
        lines: Sequence[str],
        comment: str,
        within: timedelta,
    ) -> str:
        """Run a script (SendCommand); returns the id of the command."""
        seconds = max(_SHORTEST_TIMEOUT, math.ceil(within.total_seconds()))

        def run() -> str:
            answer = self._ssm_once.send_command(
                DocumentName=_DOCUMENTS[platform],
                InstanceIds=[instance_id],
                Parameters={"commands": list(lines), "executionTimeout": [str(seconds)]},
                TimeoutSeconds=seconds,
                Comment=comment,
            )
            return answer["Command"]["CommandId"]

        return await self._call("Systems Manager", run)

    async def ran(self, instance_id: str, command: str) -> Ran | None:
        """How a command ended (GetCommandInvocation); None while it runs."""

        def read() -> Ran | None:
            try:
                answer = self._ssm.get_command_invocation(CommandId=command, InstanceId=instance_id)
            except ClientError as error:
                # Right after SendCommand the invocation may not be there yet.
                if error.response["Error"].get("Code") == "InvocationDoesNotExist":
                    return None
                raise
            if answer["Status"] not in _OVER:
                return None
            return Ran(
                answer["StatusDetails"],
                answer["StandardOutputContent"],
                answer["StandardErrorContent"],
            )

        return await self._call("Systems Manager", read)

    async def _call(self, service: Literal["EC2", "Systems Manager"], work: Callable[[], _T]) -> _T:
        async with self._slots:
            try:
                return await asyncio.to_thread(work)
            except AWS_FAILURES as error:
                problem = aws_problem(error, service, self._region, PERMISSIONS)
                raise MigrationError(str(problem)) from error


def _gone(error: BaseException | None, groups: Sequence[str]) -> frozenset[str]:
    """Those of the groups that EC2 says do not exist. It names one at a time."""
    if not isinstance(error, ClientError) or error_code(error) != "InvalidGroup.NotFound":
        return frozenset()
    named = _GROUP.findall(error.response["Error"].get("Message", ""))
    return frozenset(groups).intersection(named)


def _source(instance: Any) -> Source:
    return Source(
        instance["InstanceId"],
        instance["State"]["Name"],
        tuple(
            Interface(
                each["NetworkInterfaceId"], tuple(group["GroupId"] for group in each["Groups"])
            )
            for each in instance.get("NetworkInterfaces", ())
        ),
        {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())},
        instance.get("PrivateIpAddress", ""),
        frozenset(_addresses(instance)),
    )


def _addresses(instance: Any) -> Iterator[str]:
    for interface in instance.get("NetworkInterfaces", ()):
        for each in interface.get("PrivateIpAddresses", ()):
            yield each["PrivateIpAddress"]
        for each in interface.get("Ipv6Addresses", ()):
            yield each["Ipv6Address"]
