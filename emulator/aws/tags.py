"""Tags that EC2 does not take, and moto does.

Source: Tag and CreateTags (EC2 API reference): keys of at most 127 characters that do not begin with
`aws:`, values of at most 256. The texts are [inferred].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEY_MAX, _VALUE_MAX = 127, 256
_OWN = "aws:"


def refuse_what_breaks_a_rule() -> None:
    """Let this process's moto refuse such tags, and tags of instances that are not there."""
    from moto.ec2 import models
    from moto.ec2.exceptions import EC2ClientError, InvalidInstanceIdError
    from moto.ec2.models.tags import TagBackend

    backend_type: Any = models.EC2Backend
    create, exist = TagBackend.create_tags, backend_type.do_resources_exist

    def create_tags(backend: Any, resource_ids: list[str], tags: Mapping[str, str]) -> Any:
        problem = _problem(tags)
        if problem is not None:
            raise EC2ClientError("InvalidParameterValue", problem)
        return create(backend, resource_ids, dict(tags))

    def do_resources_exist(backend: Any, resource_ids: list[str]) -> Any:
        for one in resource_ids:
            if one.startswith("i-") and backend.get_instance_by_id(one) is None:
                raise InvalidInstanceIdError(one)
        return exist(backend, resource_ids)

    backend_type.create_tags = create_tags
    backend_type.do_resources_exist = do_resources_exist


def _problem(tags: Mapping[str, str]) -> str | None:
    for key, value in tags.items():
        if key.lower().startswith(_OWN):
            return f"Tag keys starting with '{_OWN}' are reserved for internal use"
        if len(key) > _KEY_MAX:
            return f"Tag key exceeds the maximum length of {_KEY_MAX} characters"
        if len(value or "") > _VALUE_MAX:
            return f"Tag value exceeds the maximum length of {_VALUE_MAX} characters"
    return None
