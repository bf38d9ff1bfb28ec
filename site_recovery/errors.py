"""Errors that end a run or an operation, each with a message for the user."""

from __future__ import annotations

from site_recovery.jobs import ServiceError


class MigrationError(Exception):
    """Base of the errors that are shown to the user as a message, without a traceback."""


class ServiceUnavailableError(MigrationError):
    """Azure could not be reached or used: no credentials, no answer, or no access."""


class VaultGoneError(MigrationError):
    """The operation needs the vault, or the server in it, and that no longer exists."""


class RefusedError(MigrationError):
    """The service refused a request and changed nothing.

    Attributes:
        busy: whether a later try may succeed: another job runs on the item, or the service
            throttles.
    """

    def __init__(self, error: ServiceError, *, busy: bool) -> None:
        super().__init__(str(error))
        self.busy = busy


class UnansweredError(MigrationError):
    """No reply, or a 5xx: the operation may or may not have been accepted."""
