"""State Manager associations: the results of their runs, for each instance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from site_recovery.aws.client import AWS_FAILURES, CLIENT_CONFIG, aws_problem, connect
from site_recovery.aws.ec2 import instance_states
from site_recovery.aws.managed_instances import ManagedInstance, managed_instances
from site_recovery.batches import batches
from site_recovery.errors import MigrationError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = (
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeAssociation",
    "ssm:DescribeAssociationExecutions",
    "ssm:DescribeAssociationExecutionTargets",
    "ssm:StartAssociationsOnce",
    "ssm:GetCommandInvocation",
)
"""The IAM actions that the credentials need."""

_PAGE = 50
"""The most executions, or targets of them, in one page."""

_EXECUTIONS = 10
"""How many of the newest runs of an association are read: five hours of its schedule."""

_UP = ("pending", "running")
"""The states of an instance that runs, or starts to."""

_START_AT_ONCE = 10
"""The most association ids in one StartAssociationsOnce."""

_UNKNOWN_OPERATION = frozenset({"InvalidAction", "UnknownOperationException", "NotImplemented"})
_UNKNOWN_STATUS = frozenset({404, 405, 501})

WAITING = "Pending"
"""The status of a target whose run has not begun."""

SUCCESS = "Success"
FAILURES = frozenset({"Failed", "TimedOut", "Cancelled", "Skipped"})
"""The final statuses of a target that is not a success."""


class AssociationGoneError(MigrationError):
    """The association no longer exists."""


@dataclass(frozen=True)
class Run:
    """One run of an association on one instance (DescribeAssociationExecutionTargets).

    Attributes:
        execution_id: the id of the run.
        status: `Success`, one of `FAILURES`, or another one while it is in progress.
        detail: the detailed status of the service.
        command_id: the command whose output says more; empty if there is none.
    """

    execution_id: str
    status: str
    detail: str
    command_id: str

    @property
    def final(self) -> bool:
        """Whether this run has ended on this instance."""
        return self.status == SUCCESS or self.status in FAILURES


class Associations:
    """The associations of a region, and the machines that Systems Manager manages there.

    Args:
        region: the AWS region.
        client: a Systems Manager client; by default one from the environment (credentials,
            endpoint) that slows down if the service throttles it.
        ec2: an EC2 client; by default one from the environment.
    """

    def __init__(
        self, region: str, client: SSMClient | None = None, ec2: EC2Client | None = None
    ) -> None:
        self._region = region
        self._ec2 = ec2
        with self._explained():
            self._client: SSMClient = client or connect(
                "ssm",
                region,
                CLIENT_CONFIG.merge(Config(retries={"mode": "adaptive", "max_attempts": 8})),
            )

    def managed(self, instance_ids: Iterable[str]) -> dict[str, ManagedInstance]:
        """The instances that Systems Manager manages, by id.

        Raises:
            MigrationError: AWS did not answer or refused.
        """
        found, problems = managed_instances(instance_ids, self._region, self._client)
        for problem in problems:
            raise MigrationError(str(problem))
        return found

    def down(self, instance_ids: Iterable[str]) -> dict[str, str]:
        """The state in EC2 of those instances that do not run, by id.

        Raises:
            MigrationError: AWS did not answer or refused.
        """
        states = instance_states(instance_ids, self._region, self._ec2)
        return {one: state for one, state in states.items() if state not in _UP}

    def runs(self, association_id: str, instance_ids: Iterable[str]) -> dict[str, list[Run]]:
        """The runs of the present version of an association by instance, the newest first.

        Older runs are only read as long as an instance has none that ended.

        Raises:
            AssociationGoneError: there is no such association.
            MigrationError: AWS did not answer or refused.
        """
        found: dict[str, list[Run]] = {}
        missing = set(instance_ids)
        with self._explained(association_id):
            for execution in self._executions(association_id):
                for target in self._targets(association_id, execution):
                    run = _run(execution, target)
                    found.setdefault(target["ResourceId"], []).append(run)
                    if run.final:
                        missing.discard(target["ResourceId"])
                if not missing:
                    break
        return found

    def start(self, association_ids: Iterable[str]) -> bool:
        """Run associations now, on all their instances (StartAssociationsOnce).

        Returns:
            Whether AWS accepted it. A local AWS may not know the operation; the associations then
            run by their schedule.

        Raises:
            MigrationError: AWS did not answer or refused.
        """
        ids = sorted(set(association_ids))
        with self._explained():
            for batch in batches(ids, _START_AT_ONCE):
                try:
                    self._client.start_associations_once(AssociationIds=batch)
                except ClientError as error:
                    if _is_unknown_operation(error):
                        return False
                    raise
        return True

    def output(self, command_id: str, instance_id: str) -> str:
        """The output of a run on an instance (GetCommandInvocation); empty if it is not known."""
        try:
            answer = self._client.get_command_invocation(
                CommandId=command_id, InstanceId=instance_id
            )
        except AWS_FAILURES:
            # The output only adds details to a failure that is known without it.
            return ""
        return answer.get("StandardOutputContent") or answer.get("StandardErrorContent") or ""

    def _executions(self, association_id: str) -> list[str]:
        described = self._client.describe_association(AssociationId=association_id)
        version = described["AssociationDescription"].get("AssociationVersion")
        executions: list[Mapping[str, Any]] = []
        # The newest come first, so one page is enough.
        paginator = self._client.get_paginator("describe_association_executions")
        for page in paginator.paginate(
            AssociationId=association_id, PaginationConfig={"PageSize": _PAGE, "MaxItems": _PAGE}
        ):
            executions += page["AssociationExecutions"]
        current = [e for e in executions if version in (None, e.get("AssociationVersion", version))]
        current.sort(key=lambda execution: execution["CreatedTime"], reverse=True)
        return [execution["ExecutionId"] for execution in current[:_EXECUTIONS]]

    def _targets(self, association_id: str, execution_id: str) -> Iterator[Mapping[str, Any]]:
        paginator = self._client.get_paginator("describe_association_execution_targets")
        for page in paginator.paginate(
            AssociationId=association_id,
            ExecutionId=execution_id,
            PaginationConfig={"PageSize": _PAGE},
        ):
            yield from page["AssociationExecutionTargets"]

    @contextmanager
    def _explained(self, association_id: str = "") -> Iterator[None]:
        try:
            yield
        except AWS_FAILURES as error:
            raise _explain(error, self._region, association_id) from error


def _run(execution_id: str, target: Mapping[str, Any]) -> Run:
    source = target.get("OutputSource") or {}
    return Run(
        execution_id=execution_id,
        status=target.get("Status") or WAITING,
        detail=target.get("DetailedStatus") or "",
        command_id=source.get("OutputSourceId", ""),
    )


def _is_unknown_operation(error: ClientError) -> bool:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in _UNKNOWN_OPERATION or status in _UNKNOWN_STATUS


def _explain(error: Exception, region: str, association_id: str) -> MigrationError:
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code == "AssociationDoesNotExist":
            return AssociationGoneError(
                f"AWS: there is no association {association_id} in {region} any more. Run "
                "pulumi refresh, then pulumi up: it is made again."
            )
    return MigrationError(str(aws_problem(error, "Systems Manager", region, PERMISSIONS)))
