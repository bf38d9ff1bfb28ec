"""An in-memory State Manager behind real boto3 clients, which validate requests and responses.

It knows the states of instances too, as EC2 tells them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal

import boto3
from botocore import xform_name

from site_recovery.aws.associations import Associations

_Asked = dict[str, Any]
"""A request's body."""

REGION = "eu-west-1"
START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Refusal(Exception):
    """An error answer of AWS."""

    code: str
    status: int = 400


@dataclass
class Execution:
    """A run of an association, with status, detail and output by instance."""

    association_id: str
    version: str
    targets: dict[str, str]
    details: dict[str, str] = field(default_factory=dict)


@dataclass
class StateManager:
    """Associations with their runs, the oldest first.

    Attributes:
        versions: current version by association id.
        executions: runs, the oldest first.
        managed: ping status by instance id.
        instances: the state in EC2 by instance id.
        outputs: the output of a run, by execution number and instance id.
        on_start: called when associations should run now.
        refusals: by operation, the error that it answers with.
        calls: the operations that were called.
    """

    versions: dict[str, str] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    managed: dict[str, str] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    outputs: dict[tuple[int, str], str] = field(default_factory=dict)
    on_start: Callable[[], object] = lambda: None
    refusals: dict[str, Refusal] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def ran(self, association_id: str, version: str = "1", **statuses: str) -> Execution:
        """Add a run. Instance ids are given without their hyphen."""
        targets = {name.replace("_", "-"): status for name, status in statuses.items()}
        execution = Execution(association_id, version, targets)
        self.versions.setdefault(association_id, version)
        self.executions.append(execution)
        return execution

    def associations(self) -> Associations:
        """What reads it: both clients' requests are answered by this object."""
        return Associations(REGION, self._client("ssm"), self._client("ec2"))

    def _client(self, service: Literal["ec2", "ssm"]) -> Any:
        client = boto3.client(
            service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
        )
        answer: Any = self._answer  # a hook may return a response, which its type omits
        client.meta.events.register(f"before-call.{service}", answer)
        return client

    def _answer(self, model: Any, params: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.calls.append(model.name)
        body = params["body"]
        try:
            if model.name in self.refusals:
                raise self.refusals[model.name]
            asked = body if isinstance(body, dict) else json.loads(body)
            answer = getattr(self, f"_{xform_name(model.name)}")(asked)
            return SimpleNamespace(status_code=200), answer
        except Refusal as refusal:
            return SimpleNamespace(status_code=refusal.status), {
                "Error": {"Code": refusal.code, "Message": "no"},
                "ResponseMetadata": {"HTTPStatusCode": refusal.status},
            }

    def _describe_instances(self, asked: _Asked) -> dict[str, Any]:
        assert asked["Filter.1.Name"] == "instance-id"
        wanted = [value for key, value in asked.items() if key.startswith("Filter.1.Value.")]
        found = [
            {"InstanceId": one, "State": {"Name": self.instances[one]}}
            for one in wanted
            if one in self.instances
        ]
        return {"Reservations": [{"Instances": found}]}

    def _describe_instance_information(self, asked: _Asked) -> dict[str, Any]:
        known = [i for i in asked["Filters"][0]["Values"] if i in self.managed]
        listed = [{"InstanceId": i, "PingStatus": self.managed[i]} for i in known]
        return _page("InstanceInformationList", listed, asked)

    def _describe_association(self, asked: _Asked) -> dict[str, Any]:
        association = asked["AssociationId"]
        if association not in self.versions:
            raise Refusal("AssociationDoesNotExist")
        version = self.versions[association]
        return {
            "AssociationDescription": {"AssociationId": association, "AssociationVersion": version}
        }

    def _describe_association_executions(self, asked: _Asked) -> dict[str, Any]:
        listed = [
            {
                "AssociationId": execution.association_id,
                "AssociationVersion": execution.version,
                "ExecutionId": execution_id(number),
                "CreatedTime": START + timedelta(minutes=30 * number),
            }
            for number, execution in enumerate(self.executions)
            if execution.association_id == asked["AssociationId"]
        ]
        return _page("AssociationExecutions", listed[::-1], asked)

    def _describe_association_execution_targets(self, asked: _Asked) -> dict[str, Any]:
        id_ = asked["ExecutionId"]
        execution = self.executions[_number(id_)]
        assert execution.association_id == asked["AssociationId"]
        listed = [
            {
                "ExecutionId": id_,
                "ResourceId": instance,
                "Status": status,
                "DetailedStatus": execution.details.get(instance, status),
                "OutputSource": {"OutputSourceId": id_, "OutputSourceType": "RunCommand"},
            }
            for instance, status in execution.targets.items()
        ]
        return _page("AssociationExecutionTargets", listed, asked)

    def _start_associations_once(self, asked: _Asked) -> dict[str, Any]:
        assert len(asked["AssociationIds"]) <= 10
        self.on_start()
        return {}

    def _get_command_invocation(self, asked: _Asked) -> dict[str, Any]:
        text = self.outputs.get((_number(asked["CommandId"]), asked["InstanceId"]))
        if text is None:
            raise Refusal("InvocationDoesNotExist")
        return {"StandardOutputContent": text}


def execution_id(number: int) -> str:
    """The id of a run by its number."""
    return f"{number:08}-0000-4000-8000-000000000000"


def report(message: str, agent: str = "failed", bios: str = "EC2") -> str:
    """The output of a script, whose last line is its report."""
    return f"extracting\n{json.dumps({'agent': agent, 'bios': bios, 'message': message})}\n"


def statuses(status: str, instances: Iterable[str]) -> dict[str, str]:
    """The same status for many instances, as `StateManager.ran` takes it."""
    return {instance.replace("-", "_"): status for instance in instances}


def _number(execution_id: str) -> int:
    return int(execution_id[:8])


def _page(key: str, items: list[dict[str, Any]], asked: _Asked) -> dict[str, Any]:
    first, size = int(asked.get("NextToken", "0")), asked.get("MaxResults", 10)
    answer: dict[str, Any] = {key: items[first : first + size]}
    if first + size < len(items):
        answer["NextToken"] = str(first + size)
    return answer
