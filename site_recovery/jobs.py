"""Jobs of the vault, and the errors that the service describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class ServiceError:
    """An error as the service describes it, with its advice.

    Attributes:
        level: `Error` or `Warning`, where the service gives one.
    """

    message: str
    code: str = ""
    possible_causes: str = ""
    recommended_action: str = ""
    level: str = field(default="", compare=False)

    def __str__(self) -> str:
        parts = [f"{self.message.rstrip('.')}." + (f" [{self.code}]" if self.code else "")]
        if self.possible_causes:
            parts.append(f"Possible causes: {self.possible_causes}")
        if self.recommended_action:
            parts.append(f"Recommended action: {self.recommended_action}")
        return " ".join(parts)


@dataclass(frozen=True)
class Job:
    """A job of the vault (operations ReplicationJobs_List and ReplicationJobs_Get).

    Attributes:
        scenario: the kind of job, such as `TestFailover`.
        target: name of the machine or recovery plan that it works on.
        errors: its errors, each once.
        machine_errors: errors of a recovery plan's job by machine; names are in lower case.
        waits_for: instruction of the manual action that the job waits for; empty if none.
        started: when it started; None if the service does not say.
        ended: when it ended; None while it runs, or if the service does not say.
        doing: the group and the tasks that run now, in the service's words.
        request_id: the `x-ms-client-request-id` of the request that started it. It is empty in
            lists, and wherever the service does not show it.
    """

    id: str
    name: str
    scenario: str
    state: str
    target: str
    errors: tuple[ServiceError, ...] = ()
    machine_errors: Mapping[str, tuple[ServiceError, ...]] = field(default_factory=dict)
    waits_for: str = ""
    doing: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    request_id: str = ""

    @property
    def took(self) -> timedelta | None:
        """How long it took; None if it runs, or the service does not say."""
        if self.started is None or self.ended is None:
            return None
        return max(timedelta(0), self.ended - self.started)

    @property
    def running(self) -> bool:
        """Whether it has not ended. A suspended job, which waits for a person, counts too."""
        return self.state in ("NotStarted", "InProgress", "Suspended", "Other")

    @property
    def failed(self) -> bool:
        """Whether it ended without success."""
        return self.state in ("Failed", "Cancelled")
