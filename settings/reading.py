"""Reads the config and reports everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from settings import defaults, empty, fleet_file, outputs_file, rules, selection, translation
from settings.draft import Draft
from settings.fleet_file import Merged
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
        merged: the stack's config over its fleet file.
    """

    settings: Settings | None
    problems: tuple[Problem, ...]
    draft: Draft
    merged: Merged


def read(
    raw: Mapping[str, Any], find: Finder = ec2.tagged_instances, folder: Path = Path()
) -> Reading:
    """Validate a stack's config.

    Args:
        raw: the config as returned by `settings.stack_config`.
        find: searches EC2 for the machines of waves that select by tags. It is not called if
            there is no such wave.
        folder: the folder of Pulumi.yaml. Files that the config names are relative to it.
    """
    merged = fleet_file.merged(raw, folder)
    given = merged.config
    raw, problems = selection.expand(defaults.filled(given), find)
    draft = Draft.of(raw)
    problems += rules.broken(draft)
    problems += outputs_file.problems(draft.promotion, folder)
    settings = None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        problems += translation.problems(error, Settings, raw)
    problems += empty.problems(given, problems)
    problems = [*merged.placed(problems), *merged.problems]
    return Reading(None if problems else settings, tuple(sorted(set(problems))), draft, merged)


def load(raw: Mapping[str, Any]) -> Settings:
    """Return the settings of a valid config.

    Raises:
        SettingsError: the config is wrong; the message is the whole report.
    """
    reading = read(raw)
    if reading.settings is None:
        raise SettingsError(reading.problems)
    return reading.settings
