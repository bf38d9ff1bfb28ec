"""Failures of both experiences: of enabling protection, and of servers that do not respond."""

from __future__ import annotations

from emulator.kernel.store import Document
from emulator.recovery_services.jobs.outcomes import JobError, ProviderError

UNSUPPORTED_OS = 95410
"""[inferred]: no page names an error id for an operating system that is not supported."""

UNREACHABLE = 95117
NO_HEARTBEAT = "25022"

_ENABLE_FAILED = "70094"
_INSTALL_TASK = 1


def enabling(code: int, message: str, causes: str, action: str) -> JobError:
    """The failure of enable protection on a machine, with the provider's error id."""
    return JobError(
        _ENABLE_FAILED,
        "Protection couldn't be enabled for the virtual machine.",
        causes,
        action,
        ProviderError(code, message, causes, action),
        task=_INSTALL_TASK,
    )


def silent(server: str) -> JobError:
    """The failure of a job whose server, such as "configuration server", does not respond."""
    return JobError(
        NO_HEARTBEAT,
        f"The {server} does not answer.",
        "The server is stopped or cannot reach Azure on port 443.",
        "Start the server and try again.",
        task=0,
    )


def no_heartbeat(fabric: Document, server: str, since: str) -> Document:
    """The entry of a fabric's `healthErrorDetails` while its server does not respond."""
    name = fabric["properties"]["friendlyName"]
    return {
        "innerHealthErrors": [],
        "errorSource": "Server",
        "errorType": "HeartbeatError",
        "errorLevel": "Error",
        "errorCategory": "None",
        "errorCode": NO_HEARTBEAT,
        "summaryMessage": "",
        "errorMessage": f"No heartbeat from the {server} '{name}'.",
        "possibleCauses": "The server is stopped or cannot reach Azure on port 443.",
        "recommendedAction": "Start the server and check that port 443 is open to Azure.",
        "creationTimeUtc": since,
        "recoveryProviderErrorMessage": None,
        "entityId": fabric["properties"]["internalIdentifier"],
        "errorId": NO_HEARTBEAT,
        "customerResolvability": "NotAllowed",
    }
