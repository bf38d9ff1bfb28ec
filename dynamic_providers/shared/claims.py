"""What the program declares in this run: waves, recovery plans and the things of resources.

A deleted record does not always mean that its thing goes. A machine may have moved to another wave,
and a record may only be replaced (`pulumi up --replace`, `pulumi state taint`). Only the declarations
of this run tell: a machine that never reached its phase has no record of its own whose delete would
ask for its removal.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class Claims:
    """What the resources of a run declare; empty on destroy, when no resource is checked.

    Nothing is kept by URN, because a renamed stack has other URNs than it recorded. All calls are
    made on the event loop of the provider process.

    Attributes:
        program_runs: whether a program runs: a destroy checks no resource.
    """

    def __init__(self) -> None:
        self._waves: dict[str, Mapping[str, str]] = {}
        self._things: set[Hashable] = set()
        self.program_runs = False

    def add(self) -> None:
        """Note that a resource is checked, so a program runs."""
        self.program_runs = True

    def add_wave(self, name: str, machines: Mapping[str, str]) -> None:
        """Note a wave of the stack, with the instances of its machines by their names."""
        self._waves[name] = machines

    def add_thing(self, thing: Hashable) -> None:
        """Note a thing in a cloud that a resource declares, such as a recovery plan by its name."""
        self._things.add(thing)

    @property
    def waves(self) -> frozenset[str]:
        """The names of the stack's waves."""
        return frozenset(self._waves)

    @property
    def machines(self) -> frozenset[str]:
        """The names of the machines in all waves."""
        return frozenset(name for machines in self._waves.values() for name in machines)

    @property
    def instances(self) -> frozenset[str]:
        """The ids of the instances in all waves."""
        return frozenset(id_ for machines in self._waves.values() for id_ in machines.values())

    def has_thing(self, thing: Hashable) -> bool:
        """Whether a resource declares this thing."""
        return thing in self._things

    def __contains__(self, instance: object) -> bool:
        return instance in self.instances


of_this_process = Claims()
"""One provider process serves a run, and the engine checks all resources before it deletes any."""
