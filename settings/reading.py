"""Reading the config: everything that is wrong at once, and whatever is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from settings import defaults, rules, selection, translation
from settings.draft import Draft
from settings.schema.model import Settings
from settings.selection import Finder
from site_recovery.aws import ec2
from site_recovery.problems import Problem, report


class SettingsError(Exception):
    """The config cannot be used. Its text is the whole report, a line for each problem.

    Attributes:
        problems: what is wrong, in the report's order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        plural = "s" if count > 1 else ""
        title = f"{count} problem{plural} to solve first; nothing was changed"
        super().__init__(report(title, self.problems))


@dataclass(frozen=True)
class Reading:
    """A config as read.

    Attributes:
        settings: the settings; None when something is wrong.
        problems: what is wrong.
        draft: what could be read all the same.
    """

    settings: Settings | None
    problems: tuple[Problem, ...]
    draft: Draft


def read(raw: Mapping[str, Any], find: Finder = ec2.tagged_instances) -> Reading:
    """Validate a stack's config, as `settings.stack_config` gives it.

    Args:
        raw: the config.
        find: how EC2 is asked for the machines of waves that select theirs by tags. Without such
            a wave it is not asked.
    """
    raw, problems = selection.expand(defaults.filled(raw), find)
    draft = Draft.of(raw)
    problems += rules.broken(draft)
    settings = None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        problems += translation.problems(error, Settings)
    return Reading(None if problems else settings, tuple(sorted(set(problems))), draft)


def load(raw: Mapping[str, Any]) -> Settings:
    """The settings of a valid config.

    Raises:
        SettingsError: something is wrong; its text is the whole report.
    """
    reading = read(raw)
    if reading.settings is None:
        raise SettingsError(reading.problems)
    return reading.settings
