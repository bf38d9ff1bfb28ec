"""How Systems Manager refuses."""

from __future__ import annotations


class Refusal(Exception):
    """A refusal, as the service's JSON protocol carries it.

    Args:
        code: the exception of the service's model, such as `InvalidInstanceId`.
        message: what is wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
