"""What the user is told in one line when a run cannot go on."""

from __future__ import annotations

from site_recovery.jobs import ServiceError


class MigrationError(Exception):
    """Something that the user is told in one line; never shown as a traceback."""


class ServiceUnavailableError(MigrationError):
    """Azure could not be asked at all: no credentials, no answer, no access."""


class VaultGoneError(MigrationError):
    """The vault, or its server, no longer exists, and the operation needs it."""


class RefusedError(MigrationError):
    """The service refused a request, and so changed nothing.

    Attributes:
        error: what the service said.
        busy: whether something else runs on the item, or too many requests came at once.
    """

    def __init__(self, error: ServiceError, *, busy: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.busy = busy


class UnansweredError(MigrationError):
    """No reply, or a 5xx: the operation may or may not have been accepted."""
