"""The permissions that Systems Manager's calls need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.aws.access.calls import Call
from emulator.aws.access.facts import ANY, Facts, Need

_OF_PARAMETERS = frozenset({"GetParameter", "PutParameter", "DeleteParameter"})
_OF_ASSOCIATIONS = frozenset(
    {
        "DeleteAssociation",
        "DescribeAssociation",
        "DescribeAssociationExecutionTargets",
        "DescribeAssociationExecutions",
        "StartAssociationsOnce",
        "UpdateAssociation",
    }
)
_OF_DOCUMENTS = frozenset(
    {
        "CreateDocument",
        "DeleteDocument",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetDocument",
        "ModifyDocumentPermission",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    }
)
_TAGGING = frozenset({"AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"})
_MADE_WITH_TAGS = frozenset({"CreateAssociation", "CreateDocument", "PutParameter"})


def needs(call: Call, facts: Facts) -> Iterator[Need]:
    """The permissions of a call: on parameters, documents, associations and instances, or on
    everything."""
    resources = list(dict.fromkeys(_resources(call, facts)))
    yield from (Need(call.action, resource) for resource in resources or [ANY])
    if call.operation in _MADE_WITH_TAGS and call.parameters.get("Tags"):
        yield Need("ssm:AddTagsToResource", resources[0])


def _resources(call: Call, facts: Facts) -> Iterator[str]:
    operation = call.operation
    if operation in _OF_PARAMETERS:
        yield _parameter(call.text("Name"), facts)
    elif operation == "GetParameters":
        yield from (_parameter(name, facts) for name in call.texts("Names"))
    elif operation in _OF_DOCUMENTS:
        yield _document(call.text("Name"), facts)
    elif operation == "SendCommand":
        yield _document(call.text("DocumentName"), facts)
        yield from _instances(call, facts)
    elif operation == "CreateAssociation":
        yield facts.arn("ssm", "association/*")
        yield _document(call.text("Name"), facts)
        yield from _instances(call, facts)
    elif operation in _OF_ASSOCIATIONS:
        for identifier in [call.text("AssociationId"), *call.texts("AssociationIds")]:
            if identifier:
                yield facts.arn("ssm", f"association/{identifier}")
        if call.text("Name"):
            yield _document(call.text("Name"), facts)
        yield from _instances(call, facts)
    elif operation in _TAGGING:
        yield _tagged(call.text("ResourceType"), call.text("ResourceId"), facts)


def _instances(call: Call, facts: Facts) -> Iterator[str]:
    named = [call.text("InstanceId"), *call.texts("InstanceIds")]
    targets: Any = call.parameters.get("Targets")
    for target in targets if isinstance(targets, list) else ():
        by_id = isinstance(target, dict) and target.get("Key") == "InstanceIds"
        # Other targets may match any instance.
        named += [str(value) for value in target.get("Values", ())] if by_id else ["*"]
    yield from (facts.arn("ec2", f"instance/{one}") for one in named if one)


def _parameter(name: str, facts: Facts) -> str:
    if name.startswith("arn:"):
        return name
    owner = "" if name.startswith("/aws/") else None
    return facts.arn("ssm", f"parameter/{name.removeprefix('/')}", owner)


def _document(name: str, facts: Facts) -> str:
    if name.startswith("arn:"):
        return name
    return facts.arn("ssm", f"document/{name}", "" if name.startswith("AWS-") else None)


def _tagged(kind: str, identifier: str, facts: Facts) -> str:
    if kind == "Parameter":
        return _parameter(identifier, facts)
    if kind == "Document":
        return _document(identifier, facts)
    return facts.arn("ssm", f"{kind.lower()}/{identifier}")
