"""Azure Policy: definitions, assignments, and what they deny.

Source: Microsoft.Authorization, PolicyDefinitions_* and PolicyAssignments_* operations; the body of a
refusal as in "Resolve errors for policy violations". Management groups, initiatives and exemptions
are not done; of effects, `deny` refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.arm import actions
from emulator.arm.governance import scopes
from emulator.arm.governance.policy_rules import DENY, DENY_ACTION, Evaluation, RuleError, check
from emulator.kernel import schema
from emulator.kernel.resources import ResourceId, find, listing
from emulator.kernel.routes import Route, Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

DEFINITION = "Microsoft.Authorization/policyDefinitions"
ASSIGNMENT = "Microsoft.Authorization/policyAssignments"
_DEFINITIONS, _ASSIGNMENTS = DEFINITION.lower(), ASSIGNMENT.lower()
_API_VERSIONS = (
    "2020-09-01",
    "2021-06-01",
    "2022-06-01",
    "2023-04-01",
    "2024-04-01",
    "2024-05-01",
    "2025-01-01",
    "2025-03-01",
)
_COMMON = dict.fromkeys(("id", "name", "type", "systemData"), schema.IGNORED)
_DEFINITION_BODY = {
    **_COMMON,
    "properties": {
        "displayName": str,
        "description": str,
        "policyType": schema.IGNORED,
        "mode": schema.OneOf("All", "Indexed"),
        "metadata": schema.ANY,
        "parameters": schema.MapOf(schema.ANY),
        "policyRule": schema.ANY,
        "version": str,
        "versions": [str],
    },
}
_ASSIGNMENT_BODY = {
    **_COMMON,
    "location": str,
    "identity": schema.ANY,
    "properties": {
        "displayName": str,
        "description": str,
        "scope": schema.IGNORED,
        "metadata": schema.ANY,
        "policyDefinitionId": str,
        "parameters": schema.MapOf({"value": schema.ANY}),
        "notScopes": [str],
        "enforcementMode": schema.OneOf("Default", "DoNotEnforce"),
        "nonComplianceMessages": [{"message": str}],
    },
}
_OWN = "microsoft.authorization/"
_ALL_DEFINITIONS = f"{scopes.SUBSCRIPTION}/providers/{DEFINITION}"
_ONE_DEFINITION = f"{_ALL_DEFINITIONS}/{{name}}"

routes = Routes(_API_VERSIONS)


@routes.route("PUT", _ONE_DEFINITION, "PolicyDefinitions_CreateOrUpdate")
def put_definition(world: World, request: Request, subscription: str, name: str) -> Response:
    """Create or replace a definition (201)."""
    given = schema.body(request, _DEFINITION_BODY).get("properties", {})
    try:
        check(given.get("policyRule"), list(given.get("parameters") or ()))
    except RuleError as error:
        raise ArmError(400, "InvalidPolicyRule", f"The policy rule is invalid: {error}.") from error
    identifier = f"/subscriptions/{subscription}/providers/{DEFINITION}/{name}"
    properties = {"policyType": "Custom", "mode": "All", **given}
    document = {"id": identifier, "name": name, "type": DEFINITION, "properties": properties}
    world.store.put(_DEFINITIONS, identifier, document)
    return Response(201, document)


@routes.route("GET", _ONE_DEFINITION, "PolicyDefinitions_Get")
def get_definition(world: World, request: Request, subscription: str, name: str) -> Response:
    """One definition."""
    return Response(200, _definition(world, request.path))


@routes.route("GET", _ALL_DEFINITIONS, "PolicyDefinitions_List")
def list_definitions(world: World, request: Request, subscription: str) -> Response:
    """The definitions of a subscription."""
    return listing(world.store.list(_DEFINITIONS))


@routes.route("DELETE", _ONE_DEFINITION, "PolicyDefinitions_Delete")
def delete_definition(world: World, request: Request, subscription: str, name: str) -> Response:
    """Delete a definition: 200, or 204 if there is none."""
    used = [one["name"] for one in world.store.list(_ASSIGNMENTS) if _is_of(one, request.path)]
    if used:
        raise ArmError(
            409,
            "PolicyDefinitionInUse",
            f"The policy definition '{name}' is used by assignments: {', '.join(used)}.",
        )
    return _deleted(world, _DEFINITIONS, request.path)


def put_assignment(world: World, request: Request, name: str, **place: str) -> Response:
    """Create or replace an assignment at a subscription or group (201)."""
    scope = scopes.of(request)
    scopes.require(world, scope)
    body = schema.body(request, _ASSIGNMENT_BODY)
    given = body.get("properties", {})
    definition = _definition(world, str(given.get("policyDefinitionId")))
    missing = [
        parameter
        for parameter, its in (definition["properties"].get("parameters") or {}).items()
        if "defaultValue" not in its and parameter not in (given.get("parameters") or {})
    ]
    if missing:
        raise ArmError(
            400,
            "MissingPolicyParameter",
            f"The policy assignment '{name}' is missing the parameter(s) '{', '.join(missing)}'.",
        )
    identifier = f"{scope}/providers/{ASSIGNMENT}/{name}"
    properties = {"enforcementMode": "Default", "scope": scope, **given}
    document = {"id": identifier, "name": name, "type": ASSIGNMENT, "properties": properties}
    world.store.put(_ASSIGNMENTS, identifier, document)
    return Response(201, document)


def get_assignment(world: World, request: Request, name: str, **place: str) -> Response:
    """One assignment."""
    found = world.store.get(_ASSIGNMENTS, request.path)
    if found is None:
        raise ArmError(404, "PolicyAssignmentNotFound", f"No policy assignment '{name}'.")
    return Response(200, found)


def list_assignments(world: World, request: Request, **place: str) -> Response:
    """The assignments that hold for a scope, and those below it."""
    scope = scopes.of(request)
    return listing(
        one
        for one in world.store.list(_ASSIGNMENTS)
        if scopes.covers(scopes.of_document(one), scope)
        or scopes.covers(scope, scopes.of_document(one))
    )


def delete_assignment(world: World, request: Request, name: str, **place: str) -> Response:
    """Delete an assignment: 200, or 204 if there is none."""
    return _deleted(world, _ASSIGNMENTS, request.path)


for _at, _level in ((scopes.SUBSCRIPTION, ""), (scopes.GROUP, "ForResourceGroup")):
    _all = f"{_at}/providers/{ASSIGNMENT}"
    _one = f"{_all}/{{name}}"
    routes.route("PUT", _one, "PolicyAssignments_Create")(put_assignment)
    routes.route("GET", _one, "PolicyAssignments_Get")(get_assignment)
    routes.route("DELETE", _one, "PolicyAssignments_Delete")(delete_assignment)
    routes.route("GET", _all, f"PolicyAssignments_List{_level}")(list_assignments)


def register(world: World) -> None:
    """Register no events."""


def refuse(world: World, request: Request, route: Route) -> Response | None:
    """An interceptor that refuses a write or a deletion which an assignment denies.

    Raises:
        ArmError: 403 `RequestDisallowedByPolicy`.
    """
    if not route.api_versions or request.method not in ("PUT", "PATCH", "DELETE"):
        return None
    needed = actions.needed(request)
    if needed is None or needed.action.lower().startswith(_OWN):
        return None
    deletes = request.method == "DELETE"
    resource = _resource(world, needed, request)
    refusal = disallowed(world, resource, DENY_ACTION if deletes else DENY)
    if refusal is not None:
        raise refusal
    return None


def disallowed(world: World, resource: Mapping[str, Any], effect: str = DENY) -> ArmError | None:
    """The refusal of a resource as it would be; None if no assignment denies it.

    Args:
        world: the world.
        resource: with its `id`, `name`, `type` and what else its body has.
        effect: the effect of assignments that refuse it: `deny` for a write, `denyaction` for a
            deletion.
    """
    violations = list(_violations(world, resource, effect))
    if not violations:
        return None
    named = [
        {
            "policyAssignment": {"name": info["policyAssignmentDisplayName"]}
            | {"id": info["policyAssignmentId"]},
            "policyDefinition": {"name": info["policyDefinitionDisplayName"]}
            | {"id": info["policyDefinitionId"]},
        }
        for info in violations
    ]
    return ArmError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{resource['name']}' was disallowed by policy. Policy identifiers: "
        f"'{json.dumps(named, separators=(',', ':'))}'.",
        target=str(resource["name"]),
        additional_info=[{"type": "PolicyViolation", "info": info} for info in violations],
    )


def _violations(world: World, resource: Mapping[str, Any], refusing: str) -> Iterator[Document]:
    for assignment in world.store.list(_ASSIGNMENTS):
        given = assignment["properties"]
        applies = scopes.covers(scopes.of_document(assignment), resource["id"]) and not any(
            scopes.covers(left_out, resource["id"]) for left_out in given.get("notScopes") or ()
        )
        if not applies or given["enforcementMode"].lower() != "default":
            continue
        definition = _definition(world, given["policyDefinitionId"])
        rule = definition["properties"]
        if rule["mode"].lower() == "indexed" and "location" not in resource:
            continue
        parameters = {
            name: its["defaultValue"]
            for name, its in (rule.get("parameters") or {}).items()
            if "defaultValue" in its
        } | {name: its["value"] for name, its in (given.get("parameters") or {}).items()}
        evaluation = Evaluation(resource, parameters)
        effect = evaluation.effect(rule["policyRule"])
        if effect != refusing or not evaluation.holds(rule["policyRule"]["if"]):
            continue
        yield {
            "policyDefinitionDisplayName": rule.get("displayName", definition["name"]),
            "evaluationDetails": {"evaluatedExpressions": evaluation.expressions},
            "policyDefinitionId": definition["id"],
            "policyDefinitionName": definition["name"],
            "policyDefinitionEffect": effect,
            "policyAssignmentId": assignment["id"],
            "policyAssignmentName": assignment["name"],
            "policyAssignmentDisplayName": given.get("displayName", assignment["name"]),
            "policyAssignmentScope": scopes.of_document(assignment),
            "policyAssignmentParameters": given.get("parameters") or {},
        }


def _resource(world: World, needed: actions.Needed, request: Request) -> Document:
    """The resource as a PUT or PATCH would make it, or as it is before a DELETE."""
    parsed = ResourceId.parse(needed.scope)
    body = {} if request.method == "DELETE" else request.json()
    if request.method in ("PATCH", "DELETE"):
        body = {**(find(world, needed.scope) or {}), **body}
    kind = parsed.type or "Microsoft.Resources/subscriptions/resourceGroups"
    return {**body, "id": needed.scope, "name": parsed.name, "type": kind}


def _definition(world: World, identifier: str) -> Document:
    found = world.store.get(_DEFINITIONS, identifier)
    if found is None:
        raise ArmError(
            404,
            "PolicyDefinitionNotFound",
            f"The policy definition '{identifier}' could not be found.",
        )
    return found


def _is_of(assignment: Document, definition: str) -> bool:
    return str(assignment["properties"]["policyDefinitionId"]).lower() == definition.lower()


def _deleted(world: World, kind: str, identifier: str) -> Response:
    found = world.store.get(kind, identifier)
    if found is None:
        return Response(204)
    world.store.delete(kind, identifier)
    return Response(200, found)
