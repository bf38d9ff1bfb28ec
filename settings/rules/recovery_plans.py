"""Rules about recovery plans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from settings.draft import Draft
from settings.translation import suggestion
from site_recovery import recovery_plan
from site_recovery.config_paths import path
from site_recovery.problems import Problem


def _recovery_plans(draft: Draft) -> Iterator[Problem]:
    for wave_name, wave in draft.waves.items():
        if wave.plan is None:
            continue
        place = path("waves", wave_name, "recoveryPlan", "groups")
        members = {machine for _, machine in wave.members}
        # A machine that cannot be read, or is not declared, is reported where the wave names it.
        unsure = wave.members_unread or not members <= set(draft.machines)
        seen: dict[str, int] = {}
        strangers = 0
        for number, group in enumerate(wave.plan):
            for machine in group:
                here = path("waves", wave_name, "recoveryPlan", "groups", number)
                if machine not in members and not unsure:
                    strangers += 1
                    yield Problem(
                        here,
                        f"{machine!r} is not a machine of wave {wave_name!r}",
                        suggestion(machine, members),
                    )
                if seen.setdefault(machine, number) != number or group.count(machine) > 1:
                    yield Problem(
                        here,
                        f"{machine!r} is in the plan more than once",
                        "Name it in one group",
                    )
        forgotten = sorted((members & set(draft.machines)) - set(seen))
        # As many names that are not those of machines are meant to be these.
        for machine in forgotten if len(forgotten) > strangers else ():
            yield Problem(
                place, f"no group names {machine!r}", "Add it to the group that it belongs to"
            )
        if len(members) > recovery_plan.MACHINES_MAX:
            yield Problem(
                place,
                f"a recovery plan holds {recovery_plan.MACHINES_MAX} machines, this has "
                f"{len(members)}",
                "Split the wave",
            )
        if len(wave.plan) > recovery_plan.GROUPS_MAX:
            yield Problem(
                place,
                f"a recovery plan has {recovery_plan.GROUPS_MAX} groups at most, this has "
                f"{len(wave.plan)}",
                "Join groups, or split the wave",
            )


def _recovery_plan_names(draft: Draft) -> Iterator[Problem]:
    names_of: dict[str, list[str]] = defaultdict(list)
    for wave_name in draft.waves:
        # The service treats names that differ only in case as the same.
        names_of[wave_name.lower()].append(wave_name)
    for alike in names_of.values():
        for wave_name in alike if len(alike) > 1 else ():
            if draft.waves[wave_name].plan is not None:
                others = " and ".join(repr(other) for other in alike if other != wave_name)
                yield Problem(
                    path("waves", wave_name, "recoveryPlan"),
                    f"Azure would not tell the plan of this wave from that of {others}",
                    "Rename one of the waves: the case of a plan's name does not count",
                )


RULES = (
    _recovery_plans,
    _recovery_plan_names,
)
