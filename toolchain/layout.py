"""The paths of a checkout. Set-up and local stacks write only below `.local`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class NotReadyError(Exception):
    """Something that a command needs is missing. The text says what to do."""


@dataclass(frozen=True)
class Layout:
    """The paths of one checkout.

    Args:
        root: the folder of Pulumi.yaml.
    """

    root: Path

    @property
    def local(self) -> Path:
        """Everything that is generated and not committed."""
        return self.root / ".local"

    @property
    def virtual_environment(self) -> Path:
        """The Python packages of requirements.lock."""
        return self.local / "venv"

    @property
    def python(self) -> Path:
        """The interpreter that runs everything here."""
        return self.virtual_environment / "bin" / "python"

    @property
    def engine(self) -> Path:
        """`pulumi` and its language host, if none was installed before."""
        return self.local / "engine"

    @property
    def engine_record(self) -> Path:
        """Which Pulumi is used; see toolchain.engine."""
        return self.local / "engine.json"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of local stacks, with the stand-in providers as its plugins."""
        return self.local / "pulumi-home"

    @property
    def state(self) -> Path:
        """The backend of local stacks."""
        return self.local / "state"

    @property
    def passphrase(self) -> Path:
        """A constant passphrase: local stacks have no secrets, but Pulumi asks for one."""
        return self.local / "passphrase"

    @property
    def clouds(self) -> Path:
        """The local clouds' files; `clouds.json` says where they listen."""
        return self.local / "clouds"

    @property
    def walk(self) -> Path:
        """The phases of local stacks before their first `make up`; see toolchain.walk."""
        return self.local / "walk"


def checkout() -> Layout:
    """The checkout that this file is in."""
    return Layout(Path(__file__).resolve().parents[1])
