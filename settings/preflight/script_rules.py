"""Scripts in the config that would run nowhere, because of the platform of their machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings.draft import Draft
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.config_paths import path
from site_recovery.declared.checks import Check
from site_recovery.declared.cutover import Commands, Cutover
from site_recovery.declared.hooks import Hooks, When
from site_recovery.problems import Problem


def problems(draft: Draft, facts: Mapping[str, MachineFacts]) -> Iterator[Problem]:
    """A machine's own scripts without lines for its platform, and those of waves for no machine.

    Nothing would run there, and that would count: a check as passed, a hook as done, an application
    as stopped. A script of a wave may leave out some of its machines.

    Args:
        draft: the config.
        facts: the machines whose sources run, by name.
    """
    for name, found in facts.items():
        own = draft.machines[name].settings
        if own is None:
            continue
        for place, commands in _scripts(own.cutover, own.hooks, own.checks):
            if not commands.script(found.platform):
                yield Problem(
                    path("machines", name, *place),
                    f"{found.instance_id} runs {found.platform}, and the script has no lines for "
                    "that: nothing would run, and that would count as done",
                    f"Give {found.platform} its lines, or remove the script",
                )
    for wave_name, wave in draft.waves.items():
        platforms = [facts[member].platform for _, member in wave.members if member in facts]
        if not platforms or len(platforms) < len(wave.members):
            continue
        for place, commands in _scripts(wave.cutover, wave.hooks, wave.checks):
            if not any(map(commands.script, platforms)):
                written = "linux" if commands.linux else "windows"
                yield Problem(
                    path("waves", wave_name, *place),
                    f"no machine of the wave runs {written}, for which alone the script has lines: "
                    "nothing would run, and that would count as done",
                    f"Give {platforms[0]} its lines, or remove the script",
                )


def _scripts(
    cutover: Cutover | None, hooks: Hooks | None, checks: list[Check] | None
) -> Iterator[tuple[tuple[str | int, ...], Commands]]:
    """Every script that is written in a part of the config and has lines, each with its place."""
    quiesce = cutover.quiesce if cutover is not None else None
    for key, commands in (
        (("ssm", quiesce.ssm), ("resume", quiesce.resume)) if quiesce is not None else ()
    ):
        if commands.windows or commands.linux:
            yield ("cutover", "quiesce", key), commands
    for when in When:
        for number, hook in enumerate(hooks.of(when) if hooks is not None else ()):
            if hook.ssm is not None:
                yield ("hooks", when, number, "ssm"), hook.ssm
    for number, check in enumerate(checks or ()):
        if check.azure_run_command is not None:
            yield ("checks", number, "azureRunCommand"), check.azure_run_command
