"""What else is told of a migration, and may hold it, as the config declares it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from site_recovery.declared.cutover import Commands
from site_recovery.declared.durations import Duration, between
from site_recovery.declared.model import Model, broken, form

_KINDS = ("command", "ssm", "webhook")


class When(StrEnum):
    """The moments of a failover at which hooks run."""

    BEFORE_FAILOVER = "beforeFailover"
    AFTER_FAILOVER = "afterFailover"
    BEFORE_COMPLETION = "beforeCompletion"


_FIELDS = {
    When.BEFORE_FAILOVER: "before_failover",
    When.AFTER_FAILOVER: "after_failover",
    When.BEFORE_COMPLETION: "before_completion",
}


class Webhook(Model):
    """A signed POST of JSON."""

    url: Annotated[
        str,
        form(
            r"https?://[^\s/@]+(/[^\s]*)?",
            "{value} is not a URL to which something can be sent",
            "Begin it with https:// or http://, without a user name: the body is signed with secretEnv",
        ),
        Field(title="URL that begins with https:// or http://"),
    ] = Field(description="Where it is sent.")
    secret_env: Annotated[
        str,
        form(
            r"[A-Za-z_][A-Za-z0-9_]*",
            "{value} is not the name of an environment variable",
            "Use letters, digits and underscores, no digit first",
        ),
        Field(title="name of an environment variable"),
    ] = Field(
        description="The environment variable with the secret that signs the body (HMAC-SHA256), "
        "where pulumi runs."
    )

    @property
    def host(self) -> str:
        """Where it goes: name and port. The rest of a URL may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


class Hook(Model):
    """One hook; exactly one of `command`, `ssm` and `webhook` is set."""

    command: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        title="list of a program and its arguments",
        description="Runs where pulumi runs, without a shell.",
    )
    ssm: Commands | None = Field(
        default=None,
        description="Runs on the source through Systems Manager, as administrator.",
    )
    webhook: Webhook | None = Field(default=None, description="A signed POST of JSON.")
    timeout: Annotated[
        Duration, between(timedelta(seconds=30), timedelta(hours=2)), Field(title="30s to 2h")
    ] = Field(default=timedelta(minutes=10), description="How long the hook may take.")

    @model_validator(mode="after")
    def _is_one(self) -> Hook:
        kinds = [name for name in _KINDS if getattr(self, name) is not None]
        if not kinds and self.model_fields_set & set(_KINDS):
            return self  # A key without a value is reported at its own place.
        if len(kinds) != 1:
            raise broken(
                f"a hook is one thing, and this is {' and '.join(kinds) or 'nothing'}",
                f"Give each hook one of {', '.join(_KINDS)}",
            )
        if self.command is not None and not self.command[0].strip():
            raise broken("its command begins with nothing", "Begin it with a program")
        if self.ssm is not None and not (self.ssm.windows or self.ssm.linux):
            raise broken("ssm has no lines", "Give windows or linux some lines")
        return self

    @property
    def kind(self) -> str:
        """`command`, `ssm` or `webhook`."""
        return next(name for name in _KINDS if getattr(self, name) is not None)

    @property
    def title(self) -> str:
        """What it is, in words, without arguments and paths that others need not read."""
        if self.command is not None:
            return f"command {self.command[0]}"
        return f"webhook {self.webhook.host}" if self.webhook is not None else "ssm"


class Hooks(Model):
    """The hooks of a machine. Each list runs in its order; the first that fails ends it."""

    before_failover: list[Hook] = Field(
        default_factory=list,
        description="Before anything of the failover happens to the source. One that fails keeps "
        "the machine from failing over.",
    )
    after_failover: list[Hook] = Field(
        default_factory=list,
        description="After the failover, when the checks of the virtual machine have passed.",
    )
    before_completion: list[Hook] = Field(
        default_factory=list, description="Before Complete Migration."
    )

    def over(self, shared: Hooks) -> Hooks:
        """A copy of `shared` with the keys that this one sets."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return shared.model_copy(update=own)

    @property
    def are_declared(self) -> bool:
        """Whether there is any."""
        return any(self.of(when) for when in When)

    def of(self, when: When) -> list[Hook]:
        """The hooks of a moment."""
        hooks: list[Hook] = getattr(self, _FIELDS[when])
        return hooks

    def sets(self, when: When) -> bool:
        """Whether the config names the hooks of a moment here, be it none."""
        return _FIELDS[when] in self.model_fields_set
