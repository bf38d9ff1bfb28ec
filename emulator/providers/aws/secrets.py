"""Secrets Manager: secrets, their versions and their policies.

Secrets stay secret in the engine's state: the SDK marks these inputs, and the engine keeps the
marks, because this provider declines secrets (see `StandInProvider.configure`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.providers.aws import json_text, tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.errors import ProviderError
from emulator.providers.resource import Naming, ResourceType
from emulator.providers.schema import Problem, Property

_GONE = "ResourceNotFoundException"
_CURRENT = "AWSCURRENT"
_RECOVERY_DAYS = 30


class _SecretsManager(ResourceType):
    """Base class of the types: a client per region, and a deletion that ignores missing secrets."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def _client(self, known: Mapping[str, Any]) -> Any:
        return self._cloud.client("secretsmanager", known.get("region"))

    def _region(self, known: Mapping[str, Any]) -> str:
        return known.get("region") or self._cloud.region

    def _required(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        found = self.read(resource_id, known)
        if found is None:
            raise ProviderError(f"{resource_id} was deleted by someone else")
        return found[1]


class Secret(_SecretsManager):
    """`aws:secretsmanager/secret:Secret`; its id is its ARN."""

    token = "aws:secretsmanager/secret:Secret"  # noqa: S105 (a type token)
    inputs: Mapping[str, Property] = {
        "name": Property(replace=True, computed=True),
        "namePrefix": Property(replace=True, write_only=True),
        "description": Property(default=""),
        "forceOverwriteReplicaSecret": Property("boolean", default=False, write_only=True),
        "kmsKeyId": Property(),
        "policy": Property("json", computed=True),
        "recoveryWindowInDays": Property("integer", default=_RECOVERY_DAYS, write_only=True),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = ("arn", "tagsAll")
    naming = Naming(longest=512)

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """A policy given as an object becomes JSON text."""
        return json_text.as_text(inputs, "policy")

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """The policy is JSON, and the window is 0 or from 7 to 30 days."""
        days = inputs.get("recoveryWindowInDays", 0)
        found = json_text.problems(self.token, inputs, "policy")
        if isinstance(days, int) and days != 0 and not 7 <= days <= _RECOVERY_DAYS:
            reason = f"recoveryWindowInDays of {self.token} must be 0, or from 7 to 30, not {days}"
            found.append(Problem("recoveryWindowInDays", reason))
        return found

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateSecret, and PutResourcePolicy when there is a policy."""
        client = self._client(inputs)
        asked: dict[str, Any] = {
            "Name": inputs["name"],
            "Tags": tags.to_list(tags.wanted(self._cloud, inputs)),
            "ForceOverwriteReplicaSecret": inputs.get("forceOverwriteReplicaSecret", False),
        }
        simple = {"description": "Description", "kmsKeyId": "KmsKeyId"}
        asked |= {wire: inputs[name] for name, wire in simple.items() if name in inputs}
        arn = str(client.create_secret(**asked)["ARN"])
        if inputs.get("policy"):
            client.put_resource_policy(SecretId=arn, ResourcePolicy=inputs["policy"])
        return arn, self._required(arn, inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeSecret. A secret that is scheduled for deletion counts as gone."""
        client = self._client(state)
        try:
            found = client.describe_secret(SecretId=resource_id)
            policy = client.get_resource_policy(SecretId=resource_id).get("ResourcePolicy")
        except ClientError as error:
            if code_of(error) == _GONE:
                return None
            raise
        if "DeletedDate" in found:
            return None
        return found["ARN"], {
            "arn": found["ARN"],
            "name": found["Name"],
            "description": found.get("Description") or "",
            "kmsKeyId": found.get("KmsKeyId"),
            "policy": policy,
            "region": self._region(state),
            **tags.outputs(self._cloud, tags.to_map(found.get("Tags")), state.get("tags", {})),
            **{
                name: state[name]
                for name, of in self.inputs.items()
                if of.write_only and name in state
            },
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """UpdateSecret, its policy and its tags. Leaving the policy out keeps it."""
        client = self._client(inputs)
        changed = {
            wire: inputs.get(name, "")
            for name, wire in (("description", "Description"), ("kmsKeyId", "KmsKeyId"))
            if (inputs.get(name) or "") != (state.get(name) or "")
        }
        if changed:
            client.update_secret(SecretId=resource_id, **changed)
        if inputs.get("policy") == "{}":
            client.delete_resource_policy(SecretId=resource_id)
        elif inputs.get("policy") and inputs["policy"] != state.get("policy"):
            client.put_resource_policy(SecretId=resource_id, ResourcePolicy=inputs["policy"])
        before, after = state.get("tagsAll", {}), tags.wanted(self._cloud, inputs)
        gone = [key for key in before if key not in after]
        if gone:
            client.untag_resource(SecretId=resource_id, TagKeys=gone)
        if after != before and after:
            client.tag_resource(SecretId=resource_id, Tags=tags.to_list(after))
        return self._required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteSecret: at once with a window of 0 days, otherwise after the window."""
        days = state.get("recoveryWindowInDays", _RECOVERY_DAYS)
        how: dict[str, Any] = {"RecoveryWindowInDays": days}
        if days == 0:
            how = {"ForceDeleteWithoutRecovery": True}
        try:
            self._client(state).delete_secret(SecretId=resource_id, **how)
        except ClientError as error:
            if code_of(error) != _GONE:
                raise


class SecretVersion(_SecretsManager):
    """`aws:secretsmanager/secretVersion:SecretVersion`; its id is `<secret id>|<version id>`."""

    token = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105
    inputs: Mapping[str, Property] = {
        "secretId": Property(required=True, replace=True),
        "secretString": Property(required=True, replace=True),
        "versionStages": Property("set", items=Property(), computed=True),
        "region": REGION,
    }
    outputs = ("arn", "hasSecretStringWo", "secretArn", "versionId")

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """PutSecretValue."""
        asked: dict[str, Any] = {
            "SecretId": inputs["secretId"],
            "SecretString": inputs["secretString"],
        }
        if inputs.get("versionStages"):
            asked["VersionStages"] = inputs["versionStages"]
        made = self._client(inputs).put_secret_value(**asked)
        resource_id = f"{inputs['secretId']}|{made['VersionId']}"
        return resource_id, self._required(resource_id, inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """GetSecretValue of exactly this version, even if there is a newer one."""
        secret, _, version = resource_id.rpartition("|")
        try:
            found = self._client(state).get_secret_value(SecretId=secret, VersionId=version)
        except ClientError as error:
            # A secret that is scheduled for deletion returns nothing.
            if code_of(error) in (_GONE, "InvalidRequestException"):
                return None
            raise
        return resource_id, {
            "arn": found["ARN"],
            "hasSecretStringWo": False,
            "region": self._region(state),
            "secretArn": found["ARN"],
            "secretId": secret,
            "secretString": found["SecretString"],
            "versionId": found["VersionId"],
            "versionStages": found.get("VersionStages", []),
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """UpdateSecretVersionStage, label by label: everything else replaces."""
        secret, _, version = resource_id.rpartition("|")
        client = self._client(inputs)
        old = set(state.get("versionStages", []))
        new = set(inputs.get("versionStages", old))
        for label in sorted(new - old):
            asked = {"SecretId": secret, "VersionStage": label, "MoveToVersionId": version}
            holder = self._holder(client, secret, label)
            client.update_secret_version_stage(
                **asked, **({"RemoveFromVersionId": holder} if holder else {})
            )
        for label in sorted(old - new - {_CURRENT}):
            client.update_secret_version_stage(
                SecretId=secret, VersionStage=label, RemoveFromVersionId=version
            )
        return self._required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove the version's labels, after which Secrets Manager deletes it in time. AWSCURRENT
        stays, because a secret needs a current version.
        """
        secret, _, version = resource_id.rpartition("|")
        found = self.read(resource_id, state)
        for label in sorted(set(found[1]["versionStages"]) - {_CURRENT}) if found else ():
            self._client(state).update_secret_version_stage(
                SecretId=secret, VersionStage=label, RemoveFromVersionId=version
            )

    @staticmethod
    def _holder(client: Any, secret: str, label: str) -> str | None:
        versions = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        return next((name for name, labels in versions.items() if label in labels), None)


class SecretPolicy(_SecretsManager):
    """`aws:secretsmanager/secretPolicy:SecretPolicy`; its id is the secret's ARN."""

    token = "aws:secretsmanager/secretPolicy:SecretPolicy"  # noqa: S105
    inputs: Mapping[str, Property] = {
        "secretArn": Property(required=True, replace=True),
        "policy": Property("json", required=True),
        "blockPublicPolicy": Property("boolean", default=False, write_only=True),
        "region": REGION,
    }

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """A policy given as an object becomes JSON text."""
        return json_text.as_text(inputs, "policy")

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Policies are JSON."""
        return json_text.problems(self.token, inputs, "policy")

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """PutResourcePolicy."""
        return inputs["secretArn"], self.update(inputs["secretArn"], {}, inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """GetResourcePolicy."""
        try:
            found = self._client(state).get_resource_policy(SecretId=resource_id)
        except ClientError as error:
            if code_of(error) == _GONE:
                return None
            raise
        if not found.get("ResourcePolicy"):
            return None
        return resource_id, {
            "blockPublicPolicy": state.get("blockPublicPolicy"),
            "policy": found["ResourcePolicy"],
            "region": self._region(state),
            "secretArn": found["ARN"],
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """PutResourcePolicy, which overwrites."""
        self._client(inputs).put_resource_policy(
            SecretId=resource_id,
            ResourcePolicy=inputs["policy"],
            BlockPublicPolicy=inputs.get("blockPublicPolicy", False),
        )
        return self._required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteResourcePolicy."""
        try:
            self._client(state).delete_resource_policy(SecretId=resource_id)
        except ClientError as error:
            if code_of(error) != _GONE:
                raise
