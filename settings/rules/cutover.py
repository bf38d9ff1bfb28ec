"""Rules about how machines fail over."""

from __future__ import annotations

from collections.abc import Iterator

from settings.draft import Draft
from site_recovery.config_paths import path
from site_recovery.declared.cutover import Cutover, Decision, Mode
from site_recovery.declared.hooks import Hooks, When
from site_recovery.phases import Phase
from site_recovery.problems import Problem


def _quiesce(draft: Draft) -> Iterator[Problem]:
    for place, machine in of_machines(draft, "quiesce"):
        cutover = draft.cutover_of(machine)
        if cutover is None or cutover.quiesce is None or cutover.mode is Mode.LOSSLESS:
            continue
        yield Problem(
            place,
            f"{machine} fails over with mode {cutover.mode}, and its application is stopped with "
            "lossless only",
            "Set cutover.mode: lossless, or remove quiesce",
        )


def _quiesce_without_lines(draft: Draft) -> Iterator[Problem]:
    for place, machine in of_machines(draft, "quiesce"):
        cutover = draft.cutover_of(machine)
        quiesce = cutover.quiesce if cutover is not None else None
        if quiesce is not None and not (quiesce.ssm.windows or quiesce.ssm.linux):
            yield Problem(f"{place}.ssm", "it has no lines", "Give windows or linux some lines")


def _plans_with_actions(draft: Draft) -> Iterator[Problem]:
    for name, wave in draft.waves.items():
        if not wave.plan_acts:
            continue
        fenced = sorted(
            machine
            for _, machine in wave.members
            if (cutover := draft.cutover_of(machine)) is not None and cutover.fences
        )
        if fenced:
            yield Problem(
                path("waves", name, "recoveryPlan"),
                f"its actions would be left out: {', '.join(fenced)} must fail over to a recovery "
                "point of its own, which a recovery plan cannot do",
                "Set cutover.mode: latest for the machines of the wave, or remove the actions",
            )


def _rollbacks(draft: Draft) -> Iterator[Problem]:
    for name, wave in draft.waves.items():
        if wave.phase is None or wave.phase is Phase.PROTECTED:
            continue
        own = [
            path("machines", machine, "rollback")
            for _, machine in wave.members
            if (declared := draft.machines.get(machine)) is not None
            and declared.settings is not None
            and declared.settings.rollback is not None
        ]
        for place in [*([path("waves", name, "rollback")] if wave.rolls_back else []), *own]:
            yield Problem(
                place,
                f"a failover is taken back with the phase protected, and wave {name!r} should be "
                f"{wave.phase}",
                "Remove it, or set the phase of the wave to protected",
            )


def _unapproved_completions(draft: Draft) -> Iterator[Problem]:
    for name, wave in draft.waves.items():
        if wave.approval is None or Phase(wave.approval.for_) is Phase.MIGRATED:
            continue
        places = [(path("waves", name, "afterFailover"), wave.after_failover)]
        for _, machine in wave.members:
            declared = draft.machines.get(machine)
            if declared is not None and declared.settings is not None:
                place = path("machines", machine, "afterFailover")
                places.append((place, declared.settings.after_failover))
        for place, declared_after in places:
            if declared_after is not None and declared_after.do is Decision.COMPLETE:
                yield Problem(
                    place,
                    f"it completes the migration, and the approval of wave {name!r} is for "
                    f"{wave.approval.for_} only",
                    "Let migrated be approved (approval.for), or use do: wait or rollback",
                )


def _hooks_on_stopped_sources(draft: Draft) -> Iterator[Problem]:
    for wave_name, wave in draft.waves.items():
        for _, machine in wave.members:
            cutover, declared = draft.cutover_of(machine), draft.machines.get(machine)
            if cutover is None or not cutover.fences or declared is None:
                continue
            own = declared.settings.hooks if declared.settings is not None else Hooks()
            for when in (When.AFTER_FAILOVER, When.BEFORE_COMPLETION):
                if own.sets(when):
                    hooks, of = own.of(when), ("machines", machine)
                else:
                    hooks, of = (wave.hooks or Hooks()).of(when), ("waves", wave_name)
                for number, hook in enumerate(hooks):
                    if hook.ssm is not None:
                        yield Problem(
                            path(*of, "hooks", when, number, "ssm"),
                            "the cutover has stopped the source by then, and no script runs on it",
                            "Let it run beforeFailover, or use a command, a webhook, or in Azure a "
                            "check with azureRunCommand",
                        )


def of_machines(draft: Draft, key: str) -> Iterator[tuple[str, str]]:
    """The machines of all waves, each with the place that sets a field of its cutover."""
    written = Cutover.model_fields[key].alias or key
    for wave in draft.waves:
        for _, machine in draft.waves[wave].members:
            declared = draft.machines.get(machine)
            own = declared.settings.cutover if declared and declared.settings else None
            if own is not None and key in own.model_fields_set:
                yield path("machines", machine, "cutover", written), machine
            else:
                yield path("waves", wave, "cutover", written), machine


RULES = (
    _quiesce,
    _quiesce_without_lines,
    _hooks_on_stopped_sources,
    _plans_with_actions,
    _rollbacks,
    _unapproved_completions,
)
