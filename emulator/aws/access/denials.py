"""The errors with which AWS's services refuse a caller without permission.

Source: the protocols' error shapes (botocore's parsers), and "Troubleshoot access denied error
messages" in the IAM User Guide for the text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

from emulator.aws.access.calls import Call
from emulator.aws.access.facts import ANY, Need

_EC2 = """<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
<RequestID>{request}</RequestID></Response>"""
_QUERY = """<?xml version="1.0" encoding="UTF-8"?>
<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
<RequestId>{request}</RequestId></ErrorResponse>"""


@dataclass(frozen=True)
class Denial:
    """A refusal on the wire: status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes


def of(call: Call, principal: str, need: Need, explicit: bool, request: str) -> Denial:
    """The refusal of a call.

    Args:
        call: the call.
        principal: the ARN of the caller.
        need: what was not allowed.
        explicit: whether a policy denies it; otherwise no policy allows it.
        request: the request's id.
    """
    message = f"User: {principal} is not authorized to perform: {need.action}"
    if need.resource != ANY:
        message += f" on resource: {need.resource}"
    why = "with an explicit deny in an identity-based policy"
    if not explicit:
        why = f"because no identity-based policy allows the {need.action} action"
    message = f"{message} {why}"
    if call.protocol == "json":
        return refusal(call, 400, "AccessDeniedException", message, request)
    if call.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
        return refusal(call, 403, "UnauthorizedOperation", message, request)
    return refusal(call, 403, "AccessDenied", message, request)


def refusal(call: Call, status: int, code: str, message: str, request: str) -> Denial:
    """The refusal of a call in its service's protocol."""
    if call.protocol == "json":
        body = json.dumps({"__type": code, "Message": message}).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
        return Denial(status, headers | {"x-amzn-RequestId": request}, body)
    shape = _EC2 if call.service == "ec2" else _QUERY
    text = shape.format(code=code, message=escape(message), request=request)
    return Denial(status, {"Content-Type": "text/xml", "x-amzn-RequestId": request}, text.encode())
