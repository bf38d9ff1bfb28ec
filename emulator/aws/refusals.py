"""Error responses of AWS's services that speak the JSON protocol."""

from __future__ import annotations


class Refusal(Exception):
    """A refusal.

    Args:
        code: the exception of the service's model, such as `InvalidInstanceId`.
        message: what is wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        """The refusal on the wire."""
        return {"__type": self.code, "message": self.message}
