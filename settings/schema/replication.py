"""How machines replicate, and how patiently a run converges them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from settings.schema.durations import Duration, write
from settings.schema.packages import Package
from site_recovery.declared.model import Model, rule

RETENTION_HOURS_MAX = {"classic": 72, "modernized": 15 * 24}
"""How long recovery points are kept at most, by experience: on standard storage 72 hours
("Support matrix for disaster recovery of VMware VMs and physical servers", 2018), on managed disks
15 days ("Physical server to Azure disaster recovery architecture - Modernized")."""


def _between(low: timedelta, high: timedelta) -> AfterValidator:
    def holds(duration: timedelta) -> bool:
        return low <= duration <= high

    return rule(holds, "it is out of bounds", f"Use {write(low)} to {write(high)}")


_DAY = timedelta(days=1)


class RunAsAccounts(Model):
    """Friendly names of the accounts that were set up on the configuration server.

    The server installs the mobility service with them; their passwords never leave it.
    """

    windows: Annotated[str, Field(min_length=1)] = "WindowsAccount"
    linux: Annotated[str, Field(min_length=1)] = "LinuxAccount"


class Agent(Model):
    """How the mobility service gets onto the machines.

    Attributes:
        installation: `ssm` rolls it out with AWS Systems Manager; `push` leaves it to the
            configuration server, which only the classic one can; `manual` to a person. With
            classic the default is `push` (see `settings.defaults`).
        windows: the package for Windows machines; needed with `ssm` where a wave has one.
        linux: the package for Linux machines, likewise.
    """

    installation: Literal["ssm", "push", "manual"] = "ssm"
    windows: Package | None = None
    linux: Package | None = None


class Replication(Model):
    """The replication policy and what surrounds it.

    Attributes:
        recovery_point_retention_hours: see `RETENTION_HOURS_MAX`.
        app_consistent_frequency_minutes: 0 turns application-consistent points off.
        recovery_point_threshold_minutes: an older newest point is an alert.
        registration_timeout: how long the server may take to show up in the vault, where it is
            said; `Settings.registration_timeout` has the default.
        agent: how the mobility service gets onto the machines.
    """

    recovery_point_retention_hours: Annotated[
        StrictInt, Field(ge=1, le=max(RETENTION_HOURS_MAX.values()))
    ] = 24
    app_consistent_frequency_minutes: Annotated[StrictInt, Field(ge=0, le=720)] = 60
    crash_consistent_frequency_minutes: Annotated[StrictInt, Field(ge=5, le=60)] = 5
    recovery_point_threshold_minutes: Annotated[StrictInt, Field(ge=5, le=1440)] = 15
    run_as_accounts: RunAsAccounts = Field(default_factory=RunAsAccounts)
    registration_timeout: Annotated[Duration, _between(timedelta(minutes=1), _DAY)] | None = None
    agent: Agent = Field(default_factory=Agent)


class Convergence(Model):
    """How long one run waits for machines, and what it insists on.

    Attributes:
        wait: service time that one `up` may take for a wave.
        poll: between two looks at the vault.
        on_pending: what a machine that is still on its way at the end of `wait` does to the run.
        offline_preview: preview without looking at the vault.
    """

    wait: Annotated[Duration, _between(timedelta(seconds=1), 7 * _DAY)] = timedelta(hours=2)
    poll: Annotated[Duration, _between(timedelta(milliseconds=100), timedelta(minutes=10))] = (
        timedelta(seconds=30)
    )
    on_pending: Literal["fail", "warn"] = "fail"
    require_test_failover: StrictBool = True
    offline_preview: StrictBool = False
