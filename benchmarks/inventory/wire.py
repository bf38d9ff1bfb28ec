"""The wire of the services that an inventory reads: what is asked, and the bodies of answers.

The descriptions of the services in botocore say how an answer is written (`ec2`, `query`, `json` and
`smithy-rpc-v2-cbor`), so what a client reads is what AWS would have sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import CBORSerializer

_SCOPE = re.compile(r"Credential=\w{4}(?P<account>\d{12})/\d+/(?P<region>[\w-]+)/(?P<service>\w+)/")
_FILTER = re.compile(r"Filter\.(?P<number>\d+)\.(?P<part>Name|Value)")
_DESCRIPTIONS = {"monitoring": "cloudwatch"}
"""The names of services in botocore, where they are not those that sign."""
_THROTTLED = {"ec2": (503, "RequestLimitExceeded"), "ssm": (400, "ThrottlingException")}
"""The status and the code with which a service refuses what is too much."""
_OTHER_THROTTLED = (400, "Throttling")


@dataclass(frozen=True)
class Call:
    """What a client asks.

    Attributes:
        account: of its credentials, whose access keys are four letters and the account's id.
        service: the name with which it signs, such as `ec2`.
        action: the operation.
        asked: its input. Filters of EC2 are in `Filters`, by their names.
    """

    account: str
    region: str
    service: str
    action: str
    asked: Mapping[str, Any]

    @property
    def paged(self) -> bool:
        """Whether it asks for pages, or for a part of what there is."""
        return bool({"MaxResults", "NextToken", "Filters"} & set(self.asked))


@dataclass(frozen=True)
class Answer:
    """The status, the media type and the body of an answer."""

    status: int
    kind: str
    body: bytes


class Refusal(Exception):
    """A request that AWS refuses, with the code and the text that it gives."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def call(path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """What a request asks.

    Raises:
        Refusal: it is not signed as this server expects.
    """
    scope = _SCOPE.search(headers.get("Authorization", ""))
    if scope is None:
        raise Refusal(
            "IncompleteSignature", "sign with an access key of four letters and 12 digits"
        )
    service = scope["service"]
    if "X-Amz-Target" in headers:
        action, asked = headers["X-Amz-Target"].rpartition(".")[2], json.loads(body)
    elif path.startswith("/service/"):
        action, asked = path.rpartition("/")[2], _cbor(body)
    else:
        form = dict(parse_qsl(body.decode()))
        action, asked = form["Action"], _of_form(form)
    return Call(scope["account"], scope["region"], service, action, asked)


def _cbor(body: bytes) -> Any:
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def _of_form(form: Mapping[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        key: value
        for key, value in form.items()
        if "." not in key and key not in ("Action", "Version")
    }
    names: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for key, value in form.items():
        if found := _FILTER.match(key):
            if found["part"] == "Name":
                names[found["number"]] = value
            else:
                values.setdefault(found["number"], []).append(value)
    if names:
        asked["Filters"] = {name: values.get(number, []) for number, name in names.items()}
    if "MaxResults" in asked:
        asked["MaxResults"] = int(asked["MaxResults"])
    return asked


def answer(asked: Call, result: Mapping[str, Any]) -> Answer:
    """The answer with a result.

    Args:
        asked: what was asked.
        result: the output of the operation, as botocore would return it.
    """
    service = _service(asked.service)
    operation = service.operation_model(asked.action)
    match service.resolved_protocol:
        case "json":
            return Answer(200, _JSON, json.dumps(result, default=_seconds).encode())
        case "smithy-rpc-v2-cbor":
            return Answer(200, _CBOR, _in_cbor(operation, result))
        case "ec2":
            return Answer(
                200, _XML, _document(service, operation, "".join(_xml(operation, result)))
            )
        case _:
            inside = "".join(_xml(operation, result))
            wrapped = f"<{asked.action}Result>{inside}</{asked.action}Result>"
            return Answer(200, _XML, _document(service, operation, wrapped))


def throttled(asked: Call) -> Answer:
    """The answer to one request too many."""
    status, code = _THROTTLED.get(asked.service, _OTHER_THROTTLED)
    return refused(asked.service, code, "Request limit exceeded.", status)


def refused(service: str, code: str, text: str, status: int = 400) -> Answer:
    """The answer to a request that AWS refuses."""
    match _service(service).resolved_protocol:
        case "json":
            return Answer(status, _JSON, json.dumps({"__type": code, "message": text}).encode())
        case "smithy-rpc-v2-cbor":
            body = bytearray(b"\xa2")
            for each in ("__type", code, "message", text):
                # The head of a text of less than 256 bytes, and the text.
                body += bytes((0x78, len(each))) + each.encode()
            return Answer(status, _CBOR, bytes(body))
        case "ec2":
            error = f"<Errors><Error><Code>{code}</Code><Message>{escape(text)}</Message></Error></Errors>"
            return Answer(status, _XML, f"{_HEAD}<Response>{error}</Response>".encode())
        case _:
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
            return Answer(status, _XML, f"{_HEAD}<ErrorResponse>{error}</ErrorResponse>".encode())


_JSON, _CBOR, _XML = "application/x-amz-json-1.1", "application/cbor", "text/xml;charset=UTF-8"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


@lru_cache
def _service(name: str) -> ServiceModel:
    session = botocore.session.Session()
    return session.get_service_model(_DESCRIPTIONS.get(name, name))


def _document(service: ServiceModel, operation: OperationModel, inside: str) -> bytes:
    space = f"http://ec2.amazonaws.com/doc/{service.api_version}/"
    name = f"{operation.name}Response"
    return f'{_HEAD}<{name} xmlns="{space}">{inside}</{name}>'.encode()


def _xml(operation: OperationModel, result: Mapping[str, Any]) -> Iterator[str]:
    return _members(operation.output_shape, result)


def _members(shape: Any, values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        member = shape.members[name]
        title = member.serialization.get("name", name)
        yield f"<{title}>"
        yield from _value(member, value)
        yield f"</{title}>"


def _value(shape: Any, value: Any) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from _members(shape, value)
        case "list":
            title = shape.member.serialization.get("name", "member")
            for each in value:
                yield f"<{title}>"
                yield from _value(shape.member, each)
                yield f"</{title}>"
        case "boolean":
            yield "true" if value else "false"
        case "timestamp":
            yield f"{value:%Y-%m-%dT%H:%M:%S.000Z}"
        case _:
            yield escape(str(value))


def _in_cbor(operation: OperationModel, result: Mapping[str, Any]) -> bytes:
    body = bytearray()
    serializer: Any = CBORSerializer()
    serializer._serialize_data_item(body, result, operation.output_shape)
    return bytes(body)


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(type(value))
