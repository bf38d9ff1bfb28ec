"""Rules about the recovery points that machines fail over to.

A fenced machine serves nobody while it waits for its point. One that may not come in time is a
downtime for nothing, so it is refused before the cutover.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from settings.draft import Draft
from settings.rules.cutover import of_machines
from site_recovery.config_paths import path
from site_recovery.fleet import RecoveryPointKind
from site_recovery.problems import Problem

_APP = "replication.appConsistentFrequencyMinutes"
_CRASH = "replication.crashConsistentFrequencyMinutes"
_CONSISTENT = RecoveryPointKind.LATEST_APPLICATION_CONSISTENT
_NEVER = (
    "replication.appConsistentFrequencyMinutes is 0, so there are no application-consistent recovery "
    "points",
    "Set it, such as 60, or ask for no such point",
)


def _waits(draft: Draft) -> Iterator[Problem]:
    policy = draft.replication
    if policy is None:
        return
    for place, machine in of_machines(draft, "recovery_point_wait"):
        cutover = draft.cutover_of(machine)
        if cutover is None or not cutover.fences:
            continue
        application = cutover.consistency == "application"
        key, minutes = (
            (_APP, policy.app_consistent_frequency_minutes)
            if application
            else (_CRASH, policy.crash_consistent_frequency_minutes)
        )
        if cutover.recovery_point_wait < timedelta(minutes=minutes):
            kind = "an application-consistent" if application else "a"
            waited = cutover.recovery_point_wait / timedelta(minutes=1)
            yield Problem(
                place,
                f"a machine waits {waited:g} minutes behind its fence, and there is {kind} recovery "
                f"point only every {minutes} minutes",
                f"Use at least {minutes}m, or a smaller {key}",
            )


def _consistency(draft: Draft) -> Iterator[Problem]:
    for place, machine in of_machines(draft, "consistency"):
        cutover = draft.cutover_of(machine)
        if cutover is None or cutover.consistency != "application":
            continue
        if not cutover.fences:
            yield Problem(
                place,
                f"with mode {cutover.mode} the recoveryPoint of the wave says which recovery point "
                "is taken",
                f"Set recoveryPoint: {_CONSISTENT} for the wave, or another mode",
            )
        elif draft.replication and draft.replication.app_consistent_frequency_minutes == 0:
            yield Problem(place, *_NEVER)


def _of_waves(draft: Draft) -> Iterator[Problem]:
    for name, wave in draft.waves.items():
        if wave.recovery_point is not _CONSISTENT:
            continue
        place = path("waves", name, "recoveryPoint")
        cutovers = {member: draft.cutover_of(member) for _, member in wave.members}
        others = sorted(
            member
            for member, cutover in cutovers.items()
            if cutover is not None and cutover.fences and cutover.consistency != "application"
        )
        if draft.replication and draft.replication.app_consistent_frequency_minutes == 0:
            yield Problem(place, *_NEVER)
        elif others:
            yield Problem(
                place,
                f"{', '.join(others)} {'fail' if len(others) > 1 else 'fails'} over to the first "
                "point behind the fence, whatever recoveryPoint says",
                "Set cutover.consistency: application for that, or cutover.mode: latest",
            )


RULES = (_waits, _consistency, _of_waves)
