"""Requests, responses and errors of Azure Resource Manager, independent of any transport."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

_SLASHES = re.compile("/{2,}")


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        method: the verb in upper case.
        path: the path, decoded, in the caller's casing; several slashes in a row are one, as
            ARM reads them (and azure-cli sends them).
        query: the query parameters; of one that is given twice, the last.
        headers: the headers by their names in lower case.
        body: the content.
        scheme: "http" or "https"; empty if the transport does not say.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = ""

    @classmethod
    def of(
        cls,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        scheme: str = "",
    ) -> Request:
        """Build a request from an absolute or origin-form URL; the former gives the scheme."""
        parts = urlsplit(url)
        return cls(
            method=method.upper(),
            path=_SLASHES.sub("/", unquote(parts.path)),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in (headers or {}).items()},
            body=body,
            scheme=scheme or parts.scheme,
        )

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ArmError: 400 `InvalidRequestContent` if it is not a JSON object.
        """
        try:
            content = json.loads(self.body or b"{}", parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ArmError(
                400, "InvalidRequestContent", f"The request content was invalid: {error}"
            ) from error
        if not isinstance(content, dict):
            raise ArmError(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: "
                "a JSON object was expected.",
            )
        return content


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body that is JSON already."""

    content: bytes


class Response:
    """One HTTP response.

    Args:
        status: the HTTP status code.
        body: what is JSON-serialisable, `Rendered`, or None for an empty body.
        headers: the headers to send, with their usual case.
        dropped: a transport sends nothing and breaks the connection instead.

    Attributes:
        answer: the body as it was given. Only `body` parses what is rendered.
    """

    def __init__(
        self,
        status: int = 200,
        body: Any = None,
        headers: dict[str, str] | None = None,
        dropped: bool = False,
    ) -> None:
        self.status = status
        self.answer = body
        self.headers = {} if headers is None else headers
        self.dropped = dropped

    @property
    def body(self) -> Any:
        """The body as a document, which may be changed."""
        if isinstance(self.answer, Rendered):
            self.answer = orjson.loads(self.answer.content)
        return self.answer

    @body.setter
    def body(self, body: Any) -> None:
        self.answer = body

    def content(self) -> bytes:
        """The body's bytes as sent."""
        return b"" if self.answer is None else rendered(self.answer)


def rendered(body: Any) -> bytes:
    """A document as JSON."""
    if isinstance(body, Rendered):
        return body.content
    try:
        return orjson.dumps(body)
    except TypeError:
        # orjson does not write huge integers and lone surrogates.
        return json.dumps(body).encode()


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


class ArmError(Exception):
    """A refusal with the error body of ARM: `{"error": {"code", "message", "target"?, "details"?,
    "additionalInfo"?}}`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        target: str = "",
        additional_info: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})
        self.target = target
        self.additional_info = additional_info

    def body(self) -> dict[str, Any]:
        """The refusal's body."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        if self.details:
            error["details"] = self.details
        if self.additional_info:
            error["additionalInfo"] = self.additional_info
        return {"error": error}

    def response(self) -> Response:
        """The refusal as a response."""
        headers = {"x-ms-failure-cause": "gateway", **self.headers}
        return Response(self.status, self.body(), headers)
