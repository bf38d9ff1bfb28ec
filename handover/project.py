"""The files of the project that a team goes on with."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from handover import source
from handover.importing import import_file
from handover.names import SHARED, SHARED_MODULE, identifier
from handover.parts import KINDS, MACHINE, Part
from site_recovery.errors import MigrationError

OWN_KEYS = ("azure-native:subscriptionId", "azure-native:environment")
"""The keys of a stack's config that a handover writes."""

_READ_ME = """\
# Machines that were migrated by stack {stack}

{count} virtual machines with their disks and interfaces, as code. Python and Pulumi are needed.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    pulumi stack init {stack}
    pulumi import --file import.json --generate-code=false --yes
    pulumi preview --expect-no-changes

The import reads the machines and records them; it changes nothing. After that `pulumi up` changes what you
change here. Every resource is protected: to delete one, take `protect` away first.

If the preview shows a change, somebody changed the machine since this was written. Write it again, or take the
value that the preview shows over.
"""


_NOT_A_VARIABLE = frozenset(
    {"pulumi", "machines", *(kind.split(":")[1] for kind in KINDS), *dir(builtins)}
)
"""What a module means already: its imports, and Python's own names. `identifier` avoids the rest."""


def files(
    stack: str,
    parts: Sequence[Part],
    inputs: Mapping[str, Mapping[str, Any]],
    config: Mapping[str, str],
    modules: Mapping[str, str],
    kept: Mapping[str, Any],
) -> dict[str, str]:
    """The files by their paths below the project's folder.

    Args:
        stack: the stack that migrated the machines.
        parts: the resources; what others need stands before them.
        inputs: their inputs by their ids.
        config: the configuration of the provider.
        modules: the module of each owner of a resource.
        kept: what the file of the stack has beside our own, see `kept`.
    """
    variables = _variables(parts)
    made = {
        f"machines/{modules[owner]}.py": _module(owner, parts, variables, inputs)
        for owner in modules
    }
    count = sum(part.type == MACHINE for part in parts)
    return {
        "Pulumi.yaml": yaml.safe_dump(
            {
                "name": "migrated-machines",
                "description": f"The machines that stack {stack} migrated",
                "runtime": {"name": "python", "options": {"virtualenv": "venv"}},
            },
            sort_keys=False,
        ),
        f"Pulumi.{stack}.yaml": yaml.safe_dump(
            {**kept, "config": {**kept.get("config", {}), **config}}, sort_keys=False
        ),
        "requirements.txt": "".join(
            f"{package}=={version(package)}\n" for package in ("pulumi", "pulumi-azure-native")
        ),
        "README.md": _READ_ME.format(stack=stack, count=count),
        "import.json": json.dumps(import_file(parts), indent=2) + "\n",
        "__main__.py": _program(stack, modules.values()),
        "machines/__init__.py": f'"""The machines that stack {stack} migrated, one a file."""\n',
        **made,
    }


def kept(file: Path) -> dict[str, Any]:
    """What the file of a stack has that no handover wrote.

    `pulumi stack init` writes there with what secrets are encrypted: without it the record of the
    stack cannot be read any more.

    Args:
        file: `Pulumi.<stack>.yaml` of an earlier handover, if there was one.

    Raises:
        MigrationError: it cannot be read.
    """
    try:
        content = yaml.safe_load(file.read_text("utf-8")) or {}
        config = content.get("config") or {}
        others = {key: value for key, value in config.items() if key not in OWN_KEYS}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise MigrationError(
            f"{file}: it is not as Pulumi writes it, and what Pulumi noted there must "
            f"not be lost: {' '.join(str(error).split())}. Correct it, then run this again."
        ) from error
    return {**content, "config": others}


def _program(stack: str, modules: Iterable[str]) -> str:
    lines = [f'"""Declares every machine that stack {stack} migrated."""', ""]
    lines += [f"import machines.{module}  # noqa: F401" for module in sorted(modules)]
    return "\n".join(lines) + "\n"


def _module(
    owner: str,
    parts: Sequence[Part],
    variables: Mapping[str, str],
    inputs: Mapping[str, Mapping[str, Any]],
) -> str:
    own = [part for part in parts if part.machine == owner]
    references = dict(_references(owner, parts, variables))
    packages = sorted({part.type.split(":")[1] for part in own})
    statements = [
        source.declaration(
            variables[part.id],
            part.type,
            part.name,
            inputs[part.id],
            {i: e for i, e in references.items() if i != part.id.lower()},
        )
        for part in own
    ]
    about = "What several machines use." if owner == SHARED else f"The machine {owner}."
    text = "\n\n".join(statements)
    imports = ["import pulumi", f"from pulumi_azure_native import {', '.join(packages)}"]
    if owner != SHARED and f"{SHARED_MODULE}." in text:
        imports += ["", f"from machines import {SHARED_MODULE}"]
    return f'"""{about}"""\n\n' + "\n".join(imports) + f"\n\n{text}\n"


def _references(
    owner: str, parts: Iterable[Part], variables: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Expressions for the ids of what a machine's resources may need, by the ids in lower case."""
    for part in parts:
        if part.machine == owner:
            yield part.id.lower(), f"{variables[part.id]}.id"
        elif not part.machine:
            yield part.id.lower(), f"{SHARED_MODULE}.{variables[part.id]}.id"


def _variables(parts: Iterable[Part]) -> dict[str, str]:
    """The variable of each resource, by its id; no two of a module are the same."""
    made: dict[str, str] = {}
    taken: set[tuple[str, str]] = set()
    for part in parts:
        name = _short(part)
        while name in _NOT_A_VARIABLE or (part.machine, name) in taken:
            name += "_"
        taken.add((part.machine, name))
        made[part.id] = name
    return made


def _short(part: Part) -> str:
    """The name of a resource in its module: without that of the machine."""
    if part.type == MACHINE:
        return "machine"
    name = part.name.removeprefix(f"{part.machine}-") if part.machine else part.name
    return identifier(name)
