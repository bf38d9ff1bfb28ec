"""Parameters of Systems Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.aws.systems_manager.tagged import Tagged
from emulator.providers.resource import Naming
from emulator.providers.schema import Problem, Property

_SECURE = "SecureString"
_WIRE = {
    "allowedPattern": "AllowedPattern",
    "dataType": "DataType",
    "description": "Description",
    "keyId": "KeyId",
    "tier": "Tier",
    "type": "Type",
}


class Parameter(Tagged):
    """`aws:ssm/parameter:Parameter`; its id is its name."""

    token = "aws:ssm/parameter:Parameter"  # noqa: S105 (a type token)
    kind = "Parameter"
    gone = frozenset({"ParameterNotFound"})
    inputs: Mapping[str, Property] = {
        "name": Property(replace=True, computed=True),
        "type": Property(required=True),
        "value": Property(computed=True),
        "insecureValue": Property(computed=True),
        "allowedPattern": Property(default=""),
        "arn": Property(computed=True),
        "dataType": Property(computed=True),
        "description": Property(default=""),
        "keyId": Property(computed=True),
        "overwrite": Property("boolean", default=False, write_only=True),
        "tier": Property(computed=True),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = ("hasValueWo", "tagsAll", "version")
    naming = Naming(longest=1011)

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Exactly one value and a known type are needed."""
        found = []
        values = [name for name in ("value", "insecureValue") if name in inputs]
        if len(values) != 1:
            reason = f"exactly one of value and insecureValue of {self.token} must be given"
            found.append(Problem("value", reason))
        if inputs["type"] == _SECURE and "insecureValue" in inputs:
            reason = f"insecureValue of {self.token} is not for type {_SECURE}"
            found.append(Problem("insecureValue", reason))
        return found

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """PutParameter, which refuses a name that is taken, unless `overwrite` is set."""
        if inputs.get("overwrite"):
            # The service refuses tags together with Overwrite.
            self._put(inputs, Overwrite=True)
            self.change_tags(inputs["name"], {}, inputs)
        else:
            self._put(inputs, Overwrite=False, **self.wanted_tags(inputs))
        return inputs["name"], self.required(inputs["name"], inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """GetParameter and DescribeParameters."""
        client = self.client(state)
        try:
            found = client.get_parameter(Name=resource_id, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if self.is_gone(error):
                return None
            raise
        named = [{"Key": "Name", "Option": "Equals", "Values": [resource_id]}]
        described = client.describe_parameters(ParameterFilters=named)["Parameters"][0]
        shown = "insecureValue" if "insecureValue" in state else "value"
        return resource_id, {
            "allowedPattern": described.get("AllowedPattern", ""),
            "arn": found["ARN"],
            "dataType": found["DataType"],
            "description": described.get("Description", ""),
            "hasValueWo": False,
            "keyId": described.get("KeyId"),
            "name": resource_id,
            "overwrite": state.get("overwrite"),
            "region": self.region(state),
            "tier": described.get("Tier"),
            "type": found["Type"],
            "version": found["Version"],
            shown: found["Value"],
            **self.tag_outputs(resource_id, state),
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """PutParameter, unless only tags differ. An ignored value is written again."""
        if self.differs(state, inputs):
            self._put(inputs, Overwrite=True)
        self.change_tags(resource_id, state, inputs)
        return self.required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteParameter."""
        try:
            self.client(state).delete_parameter(Name=resource_id)
        except ClientError as error:
            if not self.is_gone(error):
                raise

    def _put(self, inputs: Mapping[str, Any], **more: Any) -> None:
        asked = {wire: inputs[name] for name, wire in _WIRE.items() if name in inputs}
        value = inputs.get("value", inputs.get("insecureValue"))
        self.client(inputs).put_parameter(Name=inputs["name"], Value=value, **asked, **more)
