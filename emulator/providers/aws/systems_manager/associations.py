"""Associations of State Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.aws.systems_manager.tagged import Tagged
from emulator.providers.schema import Property

_WIRE = {
    "applyOnlyAtCronInterval": "ApplyOnlyAtCronInterval",
    "associationName": "AssociationName",
    "automationTargetParameterName": "AutomationTargetParameterName",
    "complianceSeverity": "ComplianceSeverity",
    "documentVersion": "DocumentVersion",
    "maxConcurrency": "MaxConcurrency",
    "maxErrors": "MaxErrors",
    "scheduleExpression": "ScheduleExpression",
    "syncCompliance": "SyncCompliance",
}


class Association(Tagged):
    """`aws:ssm/association:Association`; its id is the association's."""

    token = "aws:ssm/association:Association"  # noqa: S105 (a type token)
    kind = "Association"
    gone = frozenset({"AssociationDoesNotExist", "InvalidResourceId"})
    inputs: Mapping[str, Property] = {
        "name": Property(required=True, replace=True),
        "applyOnlyAtCronInterval": Property("boolean", default=False),
        "associationName": Property(),
        "automationTargetParameterName": Property(),
        "complianceSeverity": Property(),
        "documentVersion": Property(computed=True),
        "maxConcurrency": Property(),
        "maxErrors": Property(),
        "parameters": Property("map", items=Property(), computed=True),
        "scheduleExpression": Property(),
        "syncCompliance": Property(),
        "targets": Property(
            "list",
            computed=True,
            items=Property(
                "object",
                fields={
                    "key": Property(required=True),
                    "values": Property("list", required=True, items=Property()),
                },
            ),
        ),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = ("arn", "associationId", "tagsAll")

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateAssociation, which runs it."""
        made = self.client(inputs).create_association(
            Name=inputs["name"], **_asked(inputs), **self.wanted_tags(inputs)
        )["AssociationDescription"]
        return made["AssociationId"], self.required(made["AssociationId"], inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeAssociation."""
        try:
            answer = self.client(state).describe_association(AssociationId=resource_id)
            tag_outputs = self.tag_outputs(resource_id, state)
        except ClientError as error:
            if self.is_gone(error):
                return None
            raise
        found = answer["AssociationDescription"]
        return resource_id, {
            "arn": self.arn(state, f"association/{resource_id}"),
            "associationId": resource_id,
            "name": found["Name"],
            "parameters": {
                name: ",".join(values) for name, values in found.get("Parameters", {}).items()
            },
            "region": self.region(state),
            "targets": [
                {"key": one["Key"], "values": one["Values"]} for one in found.get("Targets", [])
            ],
            **{name: found.get(wire) for name, wire in _WIRE.items()},
            **tag_outputs,
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """UpdateAssociation, which runs it again, unless only tags differ."""
        if self.differs(state, inputs):
            self.client(inputs).update_association(
                AssociationId=resource_id, Name=inputs["name"], **_asked(inputs)
            )
        self.change_tags(resource_id, state, inputs)
        return self.required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteAssociation. What it did on the instances stays."""
        try:
            self.client(state).delete_association(AssociationId=resource_id)
        except ClientError as error:
            if not self.is_gone(error):
                raise


def _asked(inputs: Mapping[str, Any]) -> dict[str, Any]:
    asked = {wire: inputs[name] for name, wire in _WIRE.items() if name in inputs}
    if "parameters" in inputs:
        asked["Parameters"] = {name: [value] for name, value in inputs["parameters"].items()}
    if "targets" in inputs:
        asked["Targets"] = [
            {"Key": one["key"], "Values": one["values"]} for one in inputs["targets"]
        ]
    return asked
