"""Checks of an association against its document, which moto stores."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.aws.refusals import Refusal


def check(ssm: Any, name: str, version: str, parameters: Mapping[str, list[str]]) -> None:
    """Refuse a document that does not exist, and parameters that do not fit it.

    Args:
        ssm: a client of the region's Systems Manager.
        name: the document's name.
        version: its version, or `$DEFAULT` or `$LATEST`.
        parameters: the parameters of the association.

    Raises:
        Refusal: moto's own of the document, or `InvalidParameters`.
    """
    try:
        found = ssm.get_document(Name=name, DocumentVersion=version, DocumentFormat="JSON")
    except ClientError as error:
        refusal = error.response["Error"]
        raise Refusal(refusal["Code"], refusal["Message"]) from error
    _check_parameters(json.loads(found["Content"]).get("parameters") or {}, parameters)


def _check_parameters(
    declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, list[str]]
) -> None:
    """Refuse parameters that are undeclared, have a value that is not allowed, or are missing."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise Refusal("InvalidParameters", f"Parameters {unknown} are not defined in the document.")
    for name, known in declared.items():
        if name not in given:
            if "default" not in known:
                raise Refusal("InvalidParameters", f"Parameter {name} is required.")
            continue
        values = given[name]
        if known.get("type") == "String" and len(values) != 1:
            raise Refusal("InvalidParameters", f"Parameter {name} takes one value.")
        for value in values:
            pattern, allowed = known.get("allowedPattern"), known.get("allowedValues")
            if (allowed and value not in allowed) or (
                pattern and re.fullmatch(pattern, value) is None
            ):
                raise Refusal(
                    "InvalidParameters", f'Parameter {name} does not allow the value "{value}".'
                )
