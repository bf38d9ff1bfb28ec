"""How the failover of a machine is made, as the config declares it.

`Cutover` is its only type: the settings validate the config into it, and the inputs of a wave carry
it to the run.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool

from site_recovery.declared.durations import Duration, between
from site_recovery.declared.model import Model, broken, defaults_to
from site_recovery.declared.moments import Moment
from site_recovery.declared.wording import said


class Mode(StrEnum):
    """What a failover does with the source before it asks for anything in Azure."""

    LOSSLESS = "lossless"
    STOP_FIRST = "stop-first"
    LATEST = "latest"


_STOP_AT_ERRORS = {"windows": "$ErrorActionPreference = 'Stop'", "linux": "set -e"}


class Commands(Model):
    """Lines of a script for each platform. Systems Manager runs them as administrator, until one
    fails."""

    windows: list[str] = Field(
        default_factory=list, title="list of lines", description="Lines of PowerShell."
    )
    linux: list[str] = Field(
        default_factory=list, title="list of lines", description="Lines of a shell script."
    )

    def script(self, platform: Literal["windows", "linux"]) -> list[str]:
        """The script for a platform, which ends at the first command that fails; empty without
        lines."""
        lines = self.windows if platform == "windows" else self.linux
        return [_STOP_AT_ERRORS[platform], *lines] if lines else []


class Quiesce(Model):
    """Commands that stop an application before its machine is fenced."""

    ssm: Commands = Field(
        description="Run on the machine through Systems Manager, once in a cutover. If they do not "
        "succeed, the machine does not fail over."
    )
    resume: Commands = Field(
        default_factory=Commands,
        description="Run when a cutover is taken back, to start the application again.",
    )
    timeout: Annotated[
        Duration, between(timedelta(seconds=30), timedelta(hours=2)), Field(title="30s to 2h")
    ] = Field(default=timedelta(minutes=5), description="How long the commands may take.")


class Decision(StrEnum):
    """What becomes of a failover that nobody has decided about."""

    COMPLETE = "complete"
    ROLLBACK = "rollback"
    WAIT = "wait"


class AfterFailover(Model):
    """What becomes of a machine that stays failed over: a decision for when nobody makes one."""

    after: Annotated[
        Duration, between(timedelta(minutes=5), timedelta(days=30)), Field(title="5m to 30d")
    ] = Field(
        description="How long after the failover began, as Site Recovery shows it "
        "(`lastSuccessfulFailoverTime`)."
    )
    do: Decision = Field(
        default=Decision.WAIT,
        description="What the next `pulumi up` after that time does: `complete` runs Complete "
        "Migration, once the checks have passed; `rollback` takes the failover back, and what was "
        "written in Azure is lost; `wait` leaves it to a person.",
    )


class Rollback(Model):
    """A failover that is to be taken back. What was written in Azure since then is lost."""

    reason: str = Field(
        min_length=1,
        max_length=200,
        description="Why, for the people who review it.",
    )
    keep_azure_vm: StrictBool = Field(
        default=True,
        description="Whether the virtual machine stays, switched off. `false` deletes it, with its "
        "disks and interfaces, once its source serves again and its replication is removed.",
    )


KEPT = "keep-stopped"


class SourceAfterwards(Model):
    """What happens to the EC2 instance of a machine once it is migrated."""

    terminate_after: (
        Annotated[
            Duration, between(timedelta(hours=1), timedelta(days=365)), Field(title="1h to 365d")
        ]
        | None
    ) = Field(
        default=None,
        title="1h to 365d",
        description="Terminates the instance this long after the migration was complete, with the "
        "next `pulumi up`: only one that its cutover fenced and stopped, and only while its virtual "
        "machine runs. IRREVERSIBLE.",
        json_schema_extra=defaults_to("never"),
    )


def _kept(value: Any) -> Any:
    if isinstance(value, str) and value != KEPT:
        raise broken(
            f"{said(value)} is not known here", f"Write {KEPT}, or terminateAfter below it"
        )
    return {} if value == KEPT else value


SourceEnd = Annotated[SourceAfterwards, BeforeValidator(_kept)]
"""A `SourceAfterwards`, which the config may write as `keep-stopped`."""


class Cutover(Model):
    """How a machine is failed over, so that no write is lost."""

    mode: Mode = Field(
        default=Mode.LOSSLESS,
        description="`lossless` stops the application, fences the machine, proves that no "
        "connection is left, and fails over to a recovery point that was taken after that. "
        "`stop-first` does the same for a machine without Systems Manager, and proves nothing. "
        "`latest` fails over to the newest recovery point while the source runs, as the portal "
        "does. See [cutover](cutover.md).",
    )
    consistency: Literal["crash", "application"] = Field(
        default="crash",
        description="Kind of recovery point to fail over to. `application` only for Windows, and "
        "only if the replication policy makes such points.",
    )
    quiesce: Quiesce | None = Field(
        default=None,
        description="Stops the application itself before the machine is fenced. Only with "
        "`lossless`.",
        json_schema_extra=defaults_to("nothing is run"),
    )
    at: Moment | None = Field(
        default=None,
        description="The failover does not begin before. A run before that time waits for it within "
        "its `wait`, and otherwise leaves the machine protected.",
        json_schema_extra=defaults_to("as soon as it is its turn"),
    )
    recovery_point_wait: Annotated[
        Duration, between(timedelta(minutes=5), timedelta(hours=24)), Field(title="5m to 24h")
    ] = Field(
        default=timedelta(minutes=30),
        description="How long to wait for a recovery point that is later than the fence.",
    )
    on_failure: Literal["restore", "hold"] = Field(
        default="restore",
        description="What happens to the source if something fails before the failover is "
        "accepted: `restore` takes the fence away and starts the machine if it was stopped, `hold` "
        "leaves it as it is.",
    )

    def over(self, shared: Cutover) -> Cutover:
        """A copy of `shared` with the keys that this one sets."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return shared.model_copy(update=own)

    @property
    def fences(self) -> bool:
        """Whether the source is fenced and stopped before the failover."""
        return self.mode is not Mode.LATEST
