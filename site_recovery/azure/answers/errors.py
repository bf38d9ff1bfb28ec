"""Errors that the service describes: health errors, and those of jobs."""

from __future__ import annotations

from site_recovery.azure.answers.reading import Wire
from site_recovery.jobs import ServiceError


class ErrorWire(Wire):
    """A health error, or the service or provider error of a job, as the service writes it."""

    message: str | None = None
    error_message: str | None = None
    summary_message: str | None = None
    code: str | int | None = None
    error_code: str | int | None = None
    possible_causes: str | None = None
    recommended_action: str | None = None
    error_level: str | None = None

    def parsed(self) -> ServiceError:
        """The error."""
        return ServiceError(
            message=self.message
            or self.error_message
            or self.summary_message
            or "the service gave no message",
            code=str(self.code or self.error_code or ""),
            possible_causes=self.possible_causes or "",
            recommended_action=self.recommended_action or "",
            level=self.error_level or "",
        )
