"""Which stack goes first."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from site_recovery.declared.model import DISTINCT, Model, defaults_to, rule

_STACK = re.compile(r"[A-Za-z0-9_.-]{1,100}(?:/[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})?")


class Promotion(Model):
    """The stack before this one: a wave begins a phase here when it has reached it there."""

    after: (
        Annotated[
            str,
            rule(
                lambda name: _STACK.fullmatch(name) is not None,
                "{value} is not the name of a stack",
                "Write its name, or <organization>/<project>/<stack>",
            ),
            Field(title="name of a stack"),
        ]
        | None
    ) = Field(
        default=None,
        description="The stack that goes first: a wave begins a phase only when the wave of the same "
        "name has reached it there. See [promotion](environments.md#promote-a-change).",
        json_schema_extra=defaults_to("no stack goes first"),
    )
    outputs_file: Annotated[str, Field(min_length=1, title="path from Pulumi.yaml")] | None = Field(
        default=None,
        description="A file with the outputs of that stack (`pulumi stack output --json`), if it is in "
        "another backend. Without it they are read by a stack reference.",
        json_schema_extra=defaults_to("read from the backend"),
    )
    except_: Annotated[list[str], DISTINCT] = Field(
        default_factory=list,
        alias="except",
        description="Waves that the other stack does not have. They do not wait for it.",
    )
