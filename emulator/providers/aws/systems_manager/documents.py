"""Documents of Systems Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.providers.aws import json_text
from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.aws.systems_manager.tagged import Tagged
from emulator.providers.resource import Naming
from emulator.providers.schema import Property, canonical

_WIRE = {
    "documentFormat": "DocumentFormat",
    "targetType": "TargetType",
    "versionName": "VersionName",
}
_CONTENT = Property("json", required=True)


class Document(Tagged):
    """`aws:ssm/document:Document`; its id is its name, and its newest version is the default."""

    token = "aws:ssm/document:Document"  # noqa: S105 (a type token)
    kind = "Document"
    gone = frozenset({"InvalidDocument"})
    inputs: Mapping[str, Property] = {
        "name": Property(replace=True, computed=True),
        "content": _CONTENT,
        "documentFormat": Property(default="JSON"),
        "documentType": Property(required=True, replace=True),
        "targetType": Property(default=""),
        "versionName": Property(default=""),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = (
        "arn",
        "createdDate",
        "defaultVersion",
        "description",
        "documentVersion",
        "hash",
        "hashType",
        "latestVersion",
        "owner",
        "parameters",
        "platformTypes",
        "schemaVersion",
        "status",
        "tagsAll",
    )
    naming = Naming(longest=128)

    def recomputed(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Changed content makes a new version, whose number the service chooses."""
        if not self._has_other_content(state, inputs):
            return ()
        return ("defaultVersion", "documentVersion", "hash", "latestVersion", "parameters")

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Content given as an object becomes JSON text."""
        return json_text.as_text(inputs, "content")

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateDocument."""
        self.client(inputs).create_document(
            Name=inputs["name"],
            Content=inputs["content"],
            DocumentType=inputs["documentType"],
            **self._asked(inputs),
            **self.wanted_tags(inputs),
        )
        return inputs["name"], self.required(inputs["name"], inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeDocument and GetDocument."""
        client = self.client(state)
        try:
            found = client.describe_document(Name=resource_id)["Document"]
            held = client.get_document(
                Name=resource_id,
                DocumentVersion="$LATEST",
                DocumentFormat=found.get("DocumentFormat", "JSON"),
            )
        except ClientError as error:
            if self.is_gone(error):
                return None
            raise
        return resource_id, {
            "arn": self.arn(state, f"document/{resource_id}"),
            "content": held["Content"],
            "createdDate": found["CreatedDate"].isoformat(),
            "defaultVersion": found["DefaultVersion"],
            "description": found.get("Description"),
            "documentFormat": found.get("DocumentFormat", "JSON"),
            "documentType": found["DocumentType"],
            "documentVersion": found["DocumentVersion"],
            "hash": found["Hash"],
            "hashType": found["HashType"],
            "latestVersion": found["LatestVersion"],
            "name": resource_id,
            "owner": found["Owner"],
            "parameters": [
                {
                    "name": one["Name"],
                    "type": one["Type"],
                    "description": one.get("Description"),
                    "defaultValue": one.get("DefaultValue"),
                }
                for one in found.get("Parameters", [])
            ],
            "platformTypes": found.get("PlatformTypes", []),
            "region": self.region(state),
            "schemaVersion": found["SchemaVersion"],
            "status": found["Status"],
            "targetType": found.get("TargetType", ""),
            "versionName": found.get("VersionName", ""),
            **self.tag_outputs(resource_id, state),
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """UpdateDocument and UpdateDocumentDefaultVersion, unless only tags differ."""
        client = self.client(inputs)
        if self.differs(state, inputs):
            made = client.update_document(
                Name=resource_id,
                Content=inputs["content"],
                DocumentVersion="$LATEST",
                **self._asked(inputs),
            )["DocumentDescription"]
            client.update_document_default_version(
                Name=resource_id, DocumentVersion=made["DocumentVersion"]
            )
        self.change_tags(resource_id, state, inputs)
        return self.required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteDocument, with all versions."""
        try:
            self.client(state).delete_document(Name=resource_id)
        except ClientError as error:
            if not self.is_gone(error):
                raise

    def differs(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Whether anything but tags changes. Another formatting of the content is not a change."""
        same = {**inputs, "content": state.get("content")}
        return self._has_other_content(state, inputs) or super().differs(state, same)

    @staticmethod
    def _has_other_content(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        before, after = state.get("content"), inputs.get("content")
        return bool(canonical(before, _CONTENT) != canonical(after, _CONTENT))

    @staticmethod
    def _asked(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {wire: inputs[name] for name, wire in _WIRE.items() if inputs.get(name)}
