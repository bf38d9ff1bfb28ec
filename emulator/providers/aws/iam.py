"""Roles, their policies and instance profiles."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.providers.aws import json_text, tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.resource import Naming, ResourceType
from emulator.providers.schema import Problem, Property

_TAGS = Property("map", items=Property())
_NAME = Property(replace=True, computed=True)
_PREFIX = Property(replace=True, write_only=True)
_PATH = Property(replace=True, default="/")
_SESSION_SECONDS = 3600


class _Iam(ResourceType):
    """Base class of all IAM types: the client, and the error for a missing entity."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    @property
    def _iam(self) -> Any:
        return self._cloud.client("iam")

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """The live state, or None when IAM has no such entity."""
        try:
            live = self._state(resource_id, state)
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return None
            raise
        return None if live is None else (resource_id, live)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove it. It is not an error if it is gone already."""
        try:
            self._remove(resource_id, state)
        except ClientError as error:
            if code_of(error) != "NoSuchEntity":
                raise

    @abstractmethod
    def _state(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any] | None:
        """The entity's state as read from IAM; None if it does not exist."""

    @abstractmethod
    def _remove(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Ask IAM to remove it."""

    def _made(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        live = self._state(resource_id, known)
        if live is None:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": resource_id}}, "Get")
        return live


class Role(_Iam):
    """`aws:iam/role:Role`."""

    token = "aws:iam/role:Role"  # noqa: S105 (a type token)
    inputs: Mapping[str, Property] = {
        "assumeRolePolicy": Property("json", required=True),
        "name": _NAME,
        "namePrefix": _PREFIX,
        "description": Property(default=""),
        "path": _PATH,
        "maxSessionDuration": Property("integer", default=_SESSION_SECONDS),
        "permissionsBoundary": Property(),
        "forceDetachPolicies": Property("boolean", default=False, write_only=True),
        "managedPolicyArns": Property("set", items=Property(), computed=True),
        "tags": _TAGS,
    }
    outputs = ("arn", "createDate", "tagsAll", "uniqueId")
    naming = Naming(longest=64)

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """A policy given as an object becomes JSON text."""
        return json_text.as_text(inputs, "assumeRolePolicy")

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Policies are JSON."""
        return [
            *json_text.problems(self.token, inputs, "assumeRolePolicy"),
            *_bad_name(self.token, inputs),
        ]

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateRole, and the managed policies that are listed."""
        asked: dict[str, Any] = {
            "RoleName": inputs["name"],
            "AssumeRolePolicyDocument": inputs["assumeRolePolicy"],
            "Path": inputs.get("path", "/"),
            "MaxSessionDuration": inputs.get("maxSessionDuration", _SESSION_SECONDS),
            "Tags": tags.to_list(tags.wanted(self._cloud, inputs)),
        }
        if "description" in inputs:
            asked["Description"] = inputs["description"]
        if "permissionsBoundary" in inputs:
            asked["PermissionsBoundary"] = inputs["permissionsBoundary"]
        self._iam.create_role(**asked)
        for arn in inputs.get("managedPolicyArns", []):
            self._iam.attach_role_policy(RoleName=inputs["name"], PolicyArn=arn)
        return inputs["name"], self._made(inputs["name"], inputs)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Change each part by the call that IAM has for it."""
        iam = self._iam
        if inputs["assumeRolePolicy"] != state.get("assumeRolePolicy"):
            iam.update_assume_role_policy(
                RoleName=resource_id, PolicyDocument=inputs["assumeRolePolicy"]
            )
        iam.update_role(
            RoleName=resource_id,
            Description=inputs.get("description", ""),
            MaxSessionDuration=inputs.get("maxSessionDuration", _SESSION_SECONDS),
        )
        boundary = inputs.get("permissionsBoundary")
        if boundary and boundary != state.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=resource_id, PermissionsBoundary=boundary)
        elif state.get("permissionsBoundary") and not boundary:
            iam.delete_role_permissions_boundary(RoleName=resource_id)
        if "managedPolicyArns" in inputs:
            self._attach(resource_id, set(inputs["managedPolicyArns"]))
        old, new = state.get("tagsAll", {}), tags.wanted(self._cloud, inputs)
        gone = [key for key in old if key not in new]
        if gone:
            iam.untag_role(RoleName=resource_id, TagKeys=gone)
        if new:
            iam.tag_role(RoleName=resource_id, Tags=tags.to_list(new))
        return self._made(resource_id, inputs)

    def _attach(self, role: str, wanted: set[str]) -> None:
        attached = set(self._attached(role))
        for arn in sorted(attached - wanted):
            self._iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        for arn in sorted(wanted - attached):
            self._iam.attach_role_policy(RoleName=role, PolicyArn=arn)

    def _attached(self, role: str) -> list[str]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        return [entry["PolicyArn"] for page in pages for entry in page["AttachedPolicies"]]

    def _state(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        role = self._iam.get_role(RoleName=resource_id)["Role"]
        live = tags.to_map(role.get("Tags"))
        return {
            "arn": role["Arn"],
            "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
            "createDate": role["CreateDate"].isoformat(),
            "description": role.get("Description", ""),
            "forceDetachPolicies": known.get("forceDetachPolicies", False),
            "managedPolicyArns": self._attached(resource_id),
            "maxSessionDuration": role.get("MaxSessionDuration", _SESSION_SECONDS),
            "name": role["RoleName"],
            "namePrefix": known.get("namePrefix"),
            "path": role["Path"],
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get(
                "PermissionsBoundaryArn"
            ),
            "uniqueId": role["RoleId"],
            **tags.outputs(self._cloud, live, known.get("tags", {})),
        }

    def _remove(self, resource_id: str, state: Mapping[str, Any]) -> None:
        managed = set(state.get("managedPolicyArns", []))
        every = state.get("forceDetachPolicies", False)
        for arn in self._attached(resource_id):
            if every or arn in managed:
                self._iam.detach_role_policy(RoleName=resource_id, PolicyArn=arn)
        if every:
            for name in self._iam.list_role_policies(RoleName=resource_id)["PolicyNames"]:
                self._iam.delete_role_policy(RoleName=resource_id, PolicyName=name)
        self._iam.delete_role(RoleName=resource_id)


class RolePolicy(_Iam):
    """`aws:iam/rolePolicy:RolePolicy`: a policy inside a role; its id is `role:name`."""

    token = "aws:iam/rolePolicy:RolePolicy"  # noqa: S105
    inputs: Mapping[str, Property] = {
        "name": _NAME,
        "namePrefix": _PREFIX,
        "policy": Property("json", required=True),
        "role": Property(required=True, replace=True),
    }
    naming = Naming(longest=128)

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """A policy given as an object becomes JSON text."""
        return json_text.as_text(inputs, "policy")

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Policies are JSON."""
        return [*json_text.problems(self.token, inputs, "policy"), *_bad_name(self.token, inputs)]

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """PutRolePolicy."""
        resource_id = f"{inputs['role']}:{inputs['name']}"
        return resource_id, self.update(resource_id, {}, inputs)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """PutRolePolicy."""
        role, _, name = resource_id.partition(":")
        self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=inputs["policy"])
        return self._made(resource_id, inputs)

    def _state(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        role, _, name = resource_id.partition(":")
        found = self._iam.get_role_policy(RoleName=role, PolicyName=name)
        return {
            "name": name,
            "namePrefix": known.get("namePrefix"),
            "policy": json.dumps(found["PolicyDocument"]),
            "role": role,
        }

    def _remove(self, resource_id: str, state: Mapping[str, Any]) -> None:
        role, _, name = resource_id.partition(":")
        self._iam.delete_role_policy(RoleName=role, PolicyName=name)


class RolePolicyAttachment(_Iam):
    """`aws:iam/rolePolicyAttachment:RolePolicyAttachment`; its id is `role/arn`."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"  # noqa: S105
    inputs: Mapping[str, Property] = {
        "policyArn": Property(required=True, replace=True),
        "role": Property(required=True, replace=True),
    }

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """AttachRolePolicy."""
        self._iam.attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        resource_id = f"{inputs['role']}/{inputs['policyArn']}"
        return resource_id, self._made(resource_id, inputs)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Do nothing: every change needs replacement."""
        return self._made(resource_id, inputs)

    def _state(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any] | None:
        role, _, arn = resource_id.partition("/")
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        attached = (entry["PolicyArn"] for page in pages for entry in page["AttachedPolicies"])
        return {"policyArn": arn, "role": role} if arn in attached else None

    def _remove(self, resource_id: str, state: Mapping[str, Any]) -> None:
        role, _, arn = resource_id.partition("/")
        self._iam.detach_role_policy(RoleName=role, PolicyArn=arn)


class InstanceProfile(_Iam):
    """`aws:iam/instanceProfile:InstanceProfile`."""

    token = "aws:iam/instanceProfile:InstanceProfile"  # noqa: S105
    inputs: Mapping[str, Property] = {
        "name": _NAME,
        "namePrefix": _PREFIX,
        "path": _PATH,
        "role": Property(),
        "tags": _TAGS,
    }
    outputs = ("arn", "createDate", "tagsAll", "uniqueId")
    naming = Naming(longest=128)

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Names have few letters to choose from."""
        return _bad_name(self.token, inputs)

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateInstanceProfile, and its role."""
        name = inputs["name"]
        self._iam.create_instance_profile(
            InstanceProfileName=name,
            Path=inputs.get("path", "/"),
            Tags=tags.to_list(tags.wanted(self._cloud, inputs)),
        )
        if "role" in inputs:
            self._iam.add_role_to_instance_profile(
                InstanceProfileName=name, RoleName=inputs["role"]
            )
        return name, self._made(name, inputs)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """The role and the tags."""
        old, new = state.get("role"), inputs.get("role")
        if old and old != new:
            self._iam.remove_role_from_instance_profile(
                InstanceProfileName=resource_id, RoleName=old
            )
        if new and old != new:
            self._iam.add_role_to_instance_profile(InstanceProfileName=resource_id, RoleName=new)
        before, after = state.get("tagsAll", {}), tags.wanted(self._cloud, inputs)
        gone = [key for key in before if key not in after]
        if gone:
            self._iam.untag_instance_profile(InstanceProfileName=resource_id, TagKeys=gone)
        if after:
            self._iam.tag_instance_profile(
                InstanceProfileName=resource_id, Tags=tags.to_list(after)
            )
        return self._made(resource_id, inputs)

    def _state(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        profile = self._iam.get_instance_profile(InstanceProfileName=resource_id)["InstanceProfile"]
        roles = profile.get("Roles", [])
        live = tags.to_map(profile.get("Tags"))
        return {
            "arn": profile["Arn"],
            "createDate": profile["CreateDate"].isoformat(),
            "name": profile["InstanceProfileName"],
            "namePrefix": known.get("namePrefix"),
            "path": profile["Path"],
            "role": roles[0]["RoleName"] if roles else None,
            "uniqueId": profile["InstanceProfileId"],
            **tags.outputs(self._cloud, live, known.get("tags", {})),
        }

    def _remove(self, resource_id: str, state: Mapping[str, Any]) -> None:
        if state.get("role"):
            self._iam.remove_role_from_instance_profile(
                InstanceProfileName=resource_id, RoleName=state["role"]
            )
        self._iam.delete_instance_profile(InstanceProfileName=resource_id)


def _bad_name(token: str, inputs: Mapping[str, Any]) -> list[Problem]:
    name = inputs.get("name", "")
    if re.fullmatch(r"[\w+=,.@-]*", name, re.ASCII):
        return []
    return [Problem("name", f'name "{name}" of {token} may have only letters, digits and _+=,.@-')]
