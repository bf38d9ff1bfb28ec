"""How long an operation usually takes: as the vault's own jobs tell, else as recorded elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from statistics import median_low

from site_recovery.fleet import ExperienceName
from site_recovery.jobs import Job
from site_recovery.operations import Operation

_RECORDED: dict[ExperienceName, dict[Operation, timedelta]] = {
    # Jobs of a replication appliance in recordings of 2021 and 2023; enabling includes the initial
    # replication of a small machine.
    "modernized": {
        Operation.ENABLE_PROTECTION: timedelta(minutes=78),
        Operation.UPDATE_TARGET: timedelta(seconds=4),
        Operation.TEST_FAILOVER: timedelta(minutes=7, seconds=52),
        Operation.TEST_FAILOVER_CLEANUP: timedelta(minutes=1, seconds=46),
        Operation.UNPLANNED_FAILOVER: timedelta(minutes=7, seconds=48),
        Operation.COMPLETE_MIGRATION: timedelta(minutes=1, seconds=30),
        Operation.DISABLE_PROTECTION: timedelta(minutes=1, seconds=30),
    },
    # Jobs of a configuration server in recordings of 2017.
    "classic": {
        Operation.DISCOVER: timedelta(seconds=35),
        Operation.ENABLE_PROTECTION: timedelta(minutes=33),
        Operation.UPDATE_TARGET: timedelta(seconds=4),
        Operation.TEST_FAILOVER: timedelta(minutes=4),
        Operation.TEST_FAILOVER_CLEANUP: timedelta(minutes=2, seconds=43),
        Operation.UNPLANNED_FAILOVER: timedelta(minutes=1, seconds=45),
        Operation.COMPLETE_MIGRATION: timedelta(minutes=4),
        Operation.DISABLE_PROTECTION: timedelta(minutes=4),
    },
}

_LIKE = {Operation.UNPLANNED_FAILOVER: Operation.TEST_FAILOVER}
"""What a machine did before that takes as long: both boot a machine of the same disks. In the
recordings of an appliance they took 7 min 52 s and 7 min 48 s."""

_BEYOND_ITS_JOB = (Operation.ENABLE_PROTECTION,)
"""Operations that last longer than their jobs: the initial replication comes after."""


class History:
    """How long the operations of one vault took.

    Args:
        experience: the experience of its machines.
        jobs: the jobs of the vault.
    """

    def __init__(self, experience: ExperienceName, jobs: Iterable[Job]) -> None:
        self._recorded = _RECORDED[experience]
        self._took: dict[str, list[tuple[str, timedelta]]] = {}
        for job in jobs:
            if job.took is not None and not job.failed and not job.running:
                self._took.setdefault(job.scenario, []).append((job.target.lower(), job.took))

    def usual(self, operation: Operation, names: Collection[str]) -> timedelta | None:
        """How long an operation on a machine usually takes; None if nobody knows.

        The machine's own jobs come first, then those of the other machines, then the recordings.

        Args:
            operation: the operation.
            names: the machine's names in jobs.
        """
        recorded = self._recorded.get(operation)
        if operation in _BEYOND_ITS_JOB:
            return recorded
        lower = {name.lower() for name in names}
        for like in (operation, _LIKE.get(operation)):
            own = [took for who, took in self._of(like) if who in lower]
            if own:
                return median_low(own)
        others = [took for _, took in self._of(operation)]
        return median_low(others) if others else recorded

    def _of(self, operation: Operation | None) -> list[tuple[str, timedelta]]:
        return self._took.get(operation.scenario, []) if operation is not None else []


def in_words(duration: timedelta | None) -> str:
    """A duration for people: `35 s`, `9 min`, `1 h 20 min`; `?` if it is not known.

    Minutes are rounded up.
    """
    if duration is None:
        return "?"
    if duration < timedelta(minutes=1):
        return f"{max(1, round(duration.total_seconds()))} s"
    hours, minutes = divmod(-(-duration // timedelta(minutes=1)), 60)
    return " ".join(
        filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""))
    )
