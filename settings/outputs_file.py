"""The outputs of the stack that goes first, in a file: `pulumi stack output --json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from settings.schema.promotion import Promotion
from site_recovery.config_paths import path
from site_recovery.problems import Problem


class OutputsFileError(Exception):
    """A file has no outputs of a stack. The text says what is wrong with it."""


def load(file: Path) -> dict[str, Any]:
    """The outputs in a file.

    Raises:
        OutputsFileError: it cannot be read, or it is something else.
    """
    try:
        outputs = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise OutputsFileError(f"it cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise OutputsFileError(f"it is not JSON: {error}") from None
    if not isinstance(outputs, dict) or not isinstance(outputs.get("machines"), dict):
        raise OutputsFileError("it does not have the outputs of a stack of this program")
    return outputs


def problems(promotion: Promotion | None, folder: Path) -> list[Problem]:
    """What is wrong with the file that the config names.

    Args:
        promotion: the stack that goes first; None if that part of the config cannot be read.
        folder: the folder of Pulumi.yaml.
    """
    if promotion is None or promotion.outputs_file is None:
        return []
    try:
        load(folder / promotion.outputs_file)
    except OutputsFileError as error:
        stack = promotion.after or "<stack>"
        way_out = f"Write it: pulumi stack output --json --stack {stack} > {promotion.outputs_file}"
        return [Problem(path("promotion", "outputsFile"), str(error), way_out)]
    return []
