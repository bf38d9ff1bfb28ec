"""Registers the policies with the engine: `pulumi preview --policy-pack policy`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

# The engine runs this folder and not the package, so the package is not found otherwise.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy.pack import NAME, RULES, Rule
from policy.rules import Declared


def _policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: Any) -> None:
        stack = args.urn.split("::", 1)[0].rsplit(":", 1)[-1]
        declared = Declared(args.resource_type, args.props, stack)
        for violation in rule.check(declared, rule.config(args.get_config())):
            report(f"{args.name}: {violation}.", args.urn)

    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel(rule.level),
        config_schema=PolicyConfigSchema(
            properties={key: dict(schema) for key, schema in rule.properties.items()}
        )
        if rule.properties
        else None,
    )


PolicyPack(name=NAME, policies=[_policy(rule) for rule in RULES])
