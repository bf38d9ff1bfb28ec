"""Reads the config and reports everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from settings import defaults, empty, rules, selection, translation
from settings.draft import Draft
from settings.schema.model import Settings
from settings.selection import Finder
from site_recovery.aws import ec2
from site_recovery.problems import Problem, report


class SettingsError(Exception):
    """The config cannot be used. The message is the whole report, one line for each problem.

    Attributes:
        problems: what is wrong, in the order of the report.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        plural = "s" if count > 1 else ""
        title = f"{count} problem{plural} to solve first; nothing was changed"
        super().__init__(report(title, self.problems))


@dataclass(frozen=True)
class Reading:
    """The result of reading a config.

    Attributes:
        settings: the settings; None if anything is wrong.
        problems: what is wrong.
        draft: the parts that could be read.
    """

    settings: Settings | None
    problems: tuple[Problem, ...]
    draft: Draft


def read(raw: Mapping[str, Any], find: Finder = ec2.tagged_instances) -> Reading:
    """Validate a stack's config.

    Args:
        raw: the config as returned by `settings.stack_config`.
        find: searches EC2 for the machines of waves that select by tags. It is not called if
            there is no such wave.
    """
    given = raw
    raw, problems = selection.expand(defaults.filled(raw), find)
    draft = Draft.of(raw)
    problems += rules.broken(draft)
    settings = None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        problems += translation.problems(error, Settings)
    problems += empty.problems(given, problems)
    return Reading(None if problems else settings, tuple(sorted(set(problems))), draft)


def load(raw: Mapping[str, Any]) -> Settings:
    """Return the settings of a valid config.

    Raises:
        SettingsError: the config is wrong; the message is the whole report.
    """
    reading = read(raw)
    if reading.settings is None:
        raise SettingsError(reading.problems)
    return reading.settings
