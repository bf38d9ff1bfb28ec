"""The policies of the pack: each rule with its description, its config and how strict it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy import rules
from policy.rules import Config, Declared

NAME = "ec2-to-azure"

_TEXTS = {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True)
class Rule:
    """A policy.

    Attributes:
        name: as it is called in a config file.
        check: yields the violations of a resource.
        properties: the JSON schema of each key of its config, with the default.
        level: `mandatory` stops the run, `advisory` is shown.
    """

    name: str
    check: Callable[[Declared, Config], Iterator[str]]
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    level: str = "mandatory"

    @property
    def description(self) -> str:
        """One sentence for people."""
        return (self.check.__doc__ or "").split("\n", 1)[0]

    def config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The config of the rule with its defaults."""
        return {key: given.get(key, schema["default"]) for key, schema in self.properties.items()}


RULES: Sequence[Rule] = (
    Rule("metadata-tokens", rules.metadata_tokens),
    Rule("encrypted-volumes", rules.encrypted_volumes),
    Rule("no-public-address", rules.no_public_address),
    Rule("no-open-remote-access", rules.no_open_remote_access),
    Rule(
        "allowed-regions",
        rules.allowed_regions,
        {"aws": {**_TEXTS, "default": []}, "azure": {**_TEXTS, "default": []}},
    ),
    Rule("required-tags", rules.required_tags, {"names": {**_TEXTS, "default": []}}),
    Rule("protected-vault", rules.protected_vault),
    Rule(
        "tested-before-failover",
        rules.tested_before_failover,
        {"stacks": {**_TEXTS, "default": ["prod*"]}},
    ),
    Rule(
        "approved-before-failover",
        rules.approved_before_failover,
        {"stacks": {**_TEXTS, "default": ["prod*"]}},
    ),
)
