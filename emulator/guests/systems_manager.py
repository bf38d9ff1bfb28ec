"""The agents of Systems Manager on the instances, and their associations. They read over the
public API and report over the control API of the local AWS, which stands for the channel between
agent and service.
"""

from __future__ import annotations

import json
import logging
import re
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.error import URLError

from botocore.exceptions import BotoCoreError, ClientError

from emulator.estate.machines import Assignment, Instance, ReportStatus

_log = logging.getLogger(__name__)
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_TIMEOUT_SECONDS = 5


class SystemsManager:
    """State Manager of one region.

    The content of an association is read again only after it was changed or started; one request
    lists the associations of all instances.

    Args:
        client: gives the boto3 client of a service by its name.
        endpoint: the URL of the local AWS.
    """

    def __init__(self, client: Callable[[str], Any], endpoint: str) -> None:
        self._ssm = client("ssm")
        self._endpoint = endpoint
        self._read: dict[tuple[str, str], Assignment] = {}

    def assignments(self, instances: Iterable[Instance]) -> dict[str, list[Assignment]]:
        """Every association by the ids of the instances that it is for.

        Raises:
            BotoCoreError: AWS does not answer.
            ClientError: AWS refuses.
        """
        entries = [
            entry
            for page in self._ssm.get_paginator("list_associations").paginate()
            for entry in page["Associations"]
        ]
        found: dict[str, list[Assignment]] = {}
        known = list(instances) if entries else []
        read: dict[tuple[str, str], Assignment] = {}
        for entry in entries:
            key = (entry["AssociationId"], _revision(entry))
            assignment = self._read.get(key) or self._assignment(*key)
            if assignment is None:
                continue
            read[key] = assignment
            for instance in known:
                if _is_target(instance, entry.get("Targets", [])):
                    found.setdefault(instance.id, []).append(assignment)
        self._read = read
        return found

    def managed(self) -> frozenset[str]:
        """The ids of the instances whose agents answer; empty if AWS does not answer."""
        pages = self._ssm.get_paginator("describe_instance_information")
        try:
            return frozenset(
                one["InstanceId"]
                for page in pages.paginate(PaginationConfig={"PageSize": 50})
                for one in page["InstanceInformationList"]
                if one["PingStatus"] == "Online"
            )
        except (BotoCoreError, ClientError) as error:
            _log.warning("Systems Manager does not tell which instances it manages: %s", error)
            return frozenset()

    def report(
        self, instance_id: str, association_id: str, status: ReportStatus, detail: str
    ) -> None:
        """Report the status of an instance. A failure to report is logged, as the agent does."""
        body = {
            "associationId": association_id,
            "instanceId": instance_id,
            "status": status,
            "detail": detail,
        }
        request = urllib.request.Request(  # noqa: S310 - the endpoint is the local AWS
            f"{self._endpoint}/_emulator/systems-manager/executions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()  # noqa: S310
        except (URLError, OSError) as error:
            _log.warning("%s could not report on %s: %s", instance_id, association_id, error)

    def _assignment(self, association_id: str, revision: str) -> Assignment | None:
        try:
            described = self._ssm.describe_association(AssociationId=association_id)[
                "AssociationDescription"
            ]
            document = self._ssm.get_document(
                Name=described["Name"],
                DocumentVersion=described.get("DocumentVersion", "$DEFAULT"),
            )
        except ClientError as error:
            # Either may be deleted between two requests.
            _log.warning("the association %s cannot be read: %s", association_id, error)
            return None
        return Assignment(
            association_id,
            revision,
            described["Name"],
            document["Content"],
            {name: values[0] for name, values in described.get("Parameters", {}).items() if values},
            _every(described.get("ScheduleExpression")),
        )


def _revision(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('AssociationVersion', '1')}|{entry.get('LastExecutionDate', '')}"


def _is_target(instance: Instance, targets: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an association is for an instance: all of its targets must match."""
    wanted = list(targets)
    return bool(wanted) and all(_means(one["Key"], one["Values"], instance) for one in wanted)


def _means(key: str, values: Iterable[str], instance: Instance) -> bool:
    if key == "InstanceIds":
        return instance.id in values or "*" in values
    if key.startswith("tag:"):
        return instance.tags.get(key.removeprefix("tag:"), "") in values
    return key == "tag-key" and not set(values).isdisjoint(instance.tags)


def _every(schedule: str | None) -> timedelta | None:
    match = _RATE.fullmatch(schedule or "")
    return timedelta(**{f"{match[2]}s": int(match[1])}) if match else None
