"""What hooks are told, and which of them have run in this attempt of a failover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

from site_recovery.declared.hooks import When

_NAMESPACE = UUID("0b1c6a0e-9c55-4f0e-8a41-6d4d3c3f7a77")


@dataclass(frozen=True)
class HookRecord:
    """The hooks that have run for a machine.

    A failed attempt to fail over ends it, and the next one runs the hooks again.

    Attributes:
        instance: the EC2 instance that the machine is in AWS.
        number: of the attempt, from 1.
        done: the hooks that succeeded in it, each as `key` gives it.
        failures: how often a hook failed in it. A script on the source that is run again after that
            is another command.
    """

    instance: str
    number: int = 1
    done: tuple[str, ...] = ()
    failures: int = 0

    @property
    def attempt(self) -> str:
        """The id of the attempt. A run that continues a killed one derives the same."""
        return str(uuid5(_NAMESPACE, f"{self.instance}\n{self.number}"))

    def with_done(self, key: str) -> HookRecord:
        """The record after a hook succeeded."""
        return replace(self, done=(*self.done, key))

    def with_failure(self) -> HookRecord:
        """The record after a hook failed."""
        return replace(self, failures=self.failures + 1)

    def after(self, ended: int) -> HookRecord:
        """The record, or that of the next attempt if this one is over by now.

        Args:
            ended: the number of the last attempt that is over.
        """
        return self if self.number > ended else HookRecord(self.instance, ended + 1)

    def next(self) -> HookRecord:
        """The record of the next attempt."""
        return HookRecord(self.instance, self.number + 1)

    def wire(self) -> dict[str, Any]:
        """The record as outputs of a wave keep it."""
        return {
            "instance": self.instance,
            "number": self.number,
            "done": list(self.done),
            "failures": self.failures,
        }

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> HookRecord:
        """The record from the outputs of a wave."""
        return cls(
            wire["instance"], int(wire["number"]), tuple(wire["done"]), int(wire["failures"])
        )


def key(when: When, place: int) -> str:
    """The name of a hook in a record: `beforeFailover 1`."""
    return f"{when} {place + 1}"


@dataclass(frozen=True)
class Told:
    """What a hook is told.

    Attributes:
        machine, instance, wave, phase: of the machine; the phase is the declared one.
        azure_vm: the ARM id of its virtual machine; empty before the failover.
        attempt: the id of this attempt, which stays the same if the hook is run again in it.
        hook: as `key` gives it.
    """

    machine: str
    instance: str
    wave: str
    phase: str
    azure_vm: str
    attempt: str
    hook: str

    def environment(self) -> dict[str, str]:
        """The environment variables of a command."""
        return {
            "MIGRATION_MACHINE": self.machine,
            "MIGRATION_INSTANCE": self.instance,
            "MIGRATION_WAVE": self.wave,
            "MIGRATION_PHASE": self.phase,
            "MIGRATION_AZURE_VM": self.azure_vm,
            "MIGRATION_ATTEMPT": self.attempt,
            "MIGRATION_HOOK": self.hook,
        }

    def body(self) -> dict[str, str]:
        """The body of a webhook."""
        return {
            "machine": self.machine,
            "instance": self.instance,
            "wave": self.wave,
            "phase": self.phase,
            "azureVm": self.azure_vm,
            "attempt": self.attempt,
            "hook": self.hook,
        }
