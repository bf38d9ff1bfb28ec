"""How machines replicate, and how long a run waits for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from settings.schema.packages import Package
from site_recovery.declared.durations import Duration, between
from site_recovery.declared.guards import Window
from site_recovery.declared.model import Model, defaults_to

RETENTION_HOURS_MAX = {"classic": 72, "modernized": 15 * 24}
"""How long recovery points are kept at most, by experience: on standard storage 72 hours
("Support matrix for disaster recovery of VMware VMs and physical servers", 2018), on managed disks
15 days ("Physical server to Azure disaster recovery architecture - Modernized")."""


_DAY = timedelta(days=1)


class RunAsAccounts(Model):
    """Friendly names of the accounts that were set up on the configuration server.

    The server installs the mobility service with them; their passwords never leave it.
    """

    windows: Annotated[str, Field(min_length=1)] = Field(
        default="WindowsAccount",
        description="Friendly name, on the configuration server, of the account that installs the "
        "mobility service on Windows machines.",
    )
    linux: Annotated[str, Field(min_length=1)] = Field(
        default="LinuxAccount", description="The same for Linux machines."
    )


class Agent(Model):
    """How the mobility service is installed on the machines."""

    installation: Literal["ssm", "push", "manual"] = Field(
        default="ssm",
        description="Who installs the mobility service: AWS Systems Manager (`ssm`), the "
        "configuration server (`push`, only with `classic`), or you (`manual`). With `ssm`, "
        "preview names the machines that Systems Manager does not manage.",
        json_schema_extra=defaults_to("`ssm`; `push` with `classic`"),
    )
    windows: Package | None = Field(
        default=None,
        description="Installer for Windows. Required with `ssm` if a wave has a Windows machine.",
    )
    linux: Package | None = Field(
        default=None,
        description="Installer for Linux. Required with `ssm` if a wave has a Linux machine.",
    )


class Replication(Model):
    """The replication policy, the accounts and the agents."""

    recovery_point_retention_hours: StrictInt = Field(
        default=24,
        ge=1,
        le=max(RETENTION_HOURS_MAX.values()),
        description="How long recovery points are kept. "
        f"With `classic` at most {RETENTION_HOURS_MAX['classic']}.",
    )
    app_consistent_frequency_minutes: StrictInt = Field(
        default=60,
        ge=0,
        le=720,
        description="Interval of application-consistent recovery points. 0 turns them off.",
    )
    crash_consistent_frequency_minutes: StrictInt = Field(
        default=5, ge=5, le=60, description="Interval of crash-consistent recovery points."
    )
    recovery_point_threshold_minutes: StrictInt = Field(
        default=15,
        ge=5,
        le=1440,
        description="The vault raises an alert when the newest recovery point is older than this.",
    )
    run_as_accounts: RunAsAccounts = Field(default_factory=RunAsAccounts)
    registration_timeout: (
        Annotated[Duration, between(timedelta(minutes=1), _DAY), Field(title="1m to 24h")] | None
    ) = Field(
        default=None,
        description="How long one `up` waits for the server to register with the vault. With "
        "`classic` this includes the installation of the server.",
        json_schema_extra=defaults_to("`30m`; `1h` with `classic`"),
    )
    agent: Agent = Field(default_factory=Agent)


class Convergence(Model):
    """How long one run waits for machines, and what it requires of them."""

    wait: Annotated[
        Duration, between(timedelta(seconds=1), 7 * _DAY), Field(title="1s to 168h")
    ] = Field(
        default=timedelta(hours=2),
        description="How long one `up` waits for a wave, in service time.",
    )
    poll: Annotated[
        Duration,
        between(timedelta(milliseconds=100), timedelta(minutes=10)),
        Field(title="100ms to 10m"),
    ] = Field(
        default=timedelta(minutes=1),
        description="The longest time between two reads of the vault, in real time. A run looks "
        "sooner while something is new: after a twentieth of the time that it has been running, "
        "but not within 3 seconds.",
    )
    on_pending: Literal["fail", "warn"] = Field(
        default="fail",
        description="What happens to the run when a machine is still on its way at the end of "
        "`wait`: `fail` fails it, `warn` lets it succeed with a warning.",
    )
    require_test_failover: StrictBool = Field(
        default=True,
        description="A machine may fail over only after a test failover of it succeeded and its "
        "[checks](cutover.md#checks) passed.",
    )
    require_approval: StrictBool = Field(
        default=False,
        description="Failover and Complete Migration need the `approval` of their wave.",
    )
    window: Window | None = Field(
        default=None,
        description="When failovers may begin. See [guards](guards.md).",
        json_schema_extra=defaults_to("always"),
    )
    max_failovers_per_up: StrictInt | None = Field(
        default=None,
        ge=1,
        description="How many machines of the stack may fail over in one `up`.",
        json_schema_extra=defaults_to("no limit"),
    )
    max_rpo_minutes: StrictInt | None = Field(
        default=None,
        ge=1,
        description="The largest RPO with which a failover may begin: the age of the newest data "
        "that the vault has.",
        json_schema_extra=defaults_to("no limit"),
    )
    offline_preview: StrictBool = Field(
        default=False,
        description="Preview without reading the vault: faster, but it does not know the state of "
        "the machines.",
    )
