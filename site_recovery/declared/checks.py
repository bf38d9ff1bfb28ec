"""The checks of a machine in Azure, as the config declares them.

The settings validate the config into `Check`, and the inputs of a wave carry it to the run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, model_validator

from site_recovery.declared.cutover import Commands
from site_recovery.declared.durations import Duration, between, write
from site_recovery.declared.model import Model, broken, defaults_to, form

Port = Annotated[int, Field(ge=1, le=65535, strict=True, title="1 to 65535")]

_KINDS = ("running", "azureRunCommand", "tcp", "http")


class Running(Model):
    """The virtual machine runs, and its agent reports."""

    within: Annotated[
        Duration, between(timedelta(minutes=1), timedelta(hours=4)), Field(title="1m to 4h")
    ] = Field(
        default=timedelta(minutes=15),
        description="How long the virtual machine may take to run and its agent to report. This "
        "check is always made, first, and need not be written down.",
    )


class Http(Model):
    """A GET of one page."""

    path: Annotated[
        str,
        form(
            r"/[^\s'\"`$\\]*",
            "{value} is not the path of a page",
            "Begin it with /, and use no spaces, quotes, backslashes or dollar signs",
        ),
        Field(title="a path that begins with /"),
    ] = Field(default="/", description="What is asked for.")
    status: Annotated[int, Field(ge=100, le=599, strict=True, title="100 to 599")] = Field(
        default=200, description="The status that the answer must have. Redirects are not followed."
    )
    port: Port | None = Field(
        default=None,
        description="The port.",
        json_schema_extra=defaults_to("80, or 443 with `tls`"),
    )
    tls: StrictBool = Field(default=False, description="Ask by https.")
    verify: StrictBool = Field(
        default=True, description="With `tls`: whether the certificate must be valid."
    )

    @property
    def at(self) -> int:
        """The port."""
        return self.port or (443 if self.tls else 80)


class Check(Model):
    """One check; exactly one of `running`, `azureRunCommand`, `tcp` and `http` is set."""

    running: Running | None = Field(
        default=None,
        description="The virtual machine runs, and its agent reports.",
        json_schema_extra=defaults_to("always made"),
    )
    azure_run_command: Commands | None = Field(
        default=None,
        description="Lines of a script that Azure runs in the virtual machine, as administrator, "
        "once. The check passes if the script ends with 0; the first command that fails ends it.",
    )
    tcp: Port | None = Field(default=None, description="A port that must accept connections.")
    http: Http | None = Field(default=None, description="A page that must answer.")
    from_: Literal["runner", "azure"] = Field(
        default="runner",
        alias="from",
        description="Where `tcp` and `http` come from: the computer that runs pulumi, which must "
        "reach the machine's private address, or (`azure`) the virtual machine itself.",
    )
    host: (
        Annotated[
            str,
            form(r"[A-Za-z0-9.:_-]+", "{value} is no name or address", "Write one without a port"),
            Field(title="a name or address"),
        ]
        | None
    ) = Field(
        default=None,
        description="For `tcp` and `http` from the runner: the name or address to connect to.",
        json_schema_extra=defaults_to("the machine's private address"),
    )
    timeout: Annotated[
        Duration, between(timedelta(seconds=30), timedelta(minutes=90)), Field(title="30s to 90m")
    ] = Field(
        default=timedelta(minutes=10),
        description="How long the script may run, or how long `tcp` and `http` are tried again.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Check:
        kinds = [name for name in _KINDS if self._value(name) is not None]
        if not kinds and self.model_fields_set & {"running", "azure_run_command", "tcp", "http"}:
            return self  # A key without a value is reported at its own place.
        if len(kinds) != 1:
            raise broken(
                f"a check looks at one thing, and this at {' and '.join(kinds) or 'none'}",
                f"Give each check one of {', '.join(_KINDS)}",
            )
        command = self.azure_run_command
        if command is not None and not (command.windows or command.linux):
            raise broken("azureRunCommand has no lines", "Give windows or linux some lines")
        if self.host is not None and (self.from_ == "azure" or kinds[0] not in ("tcp", "http")):
            raise broken(
                "host is for tcp and http from the runner", "Remove host, or set from: runner"
            )
        return self

    def _value(self, kind: str) -> object:
        return self.azure_run_command if kind == "azureRunCommand" else getattr(self, kind)

    @property
    def title(self) -> str:
        """What it looks at, in a few words: `http 443/healthz`."""
        where = " in the machine" if self.from_ == "azure" else ""
        if self.running is not None:
            return f"running within {write(self.running.within)}"
        if self.tcp is not None:
            return f"tcp {self.tcp}{where}"
        if self.http is not None:
            scheme = "https" if self.http.tls else "http"
            return f"{scheme} {self.http.at}{self.http.path}{where}"
        return "run command"

    @property
    def in_guest(self) -> bool:
        """Whether a script runs in the virtual machine."""
        return self.azure_run_command is not None or self.from_ == "azure"


def _one_running(checks: list[Check]) -> list[Check]:
    if sum(each.running is not None for each in checks) > 1:
        raise broken("running is there more than once", "Keep one of them")
    return checks


Checks = Annotated[list[Check], AfterValidator(_one_running)]


def effective(checks: list[Check]) -> tuple[Check, ...]:
    """The checks that are made: `running` is first, declared or not."""
    running = [each for each in checks if each.running is not None]
    others = [each for each in checks if each.running is None]
    return tuple(running or [Check(running=Running())]) + tuple(others)
