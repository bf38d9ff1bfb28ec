"""`python -m recover --stack dev`: complete the record of a stack after an interrupted run."""

from __future__ import annotations

import argparse
import sys

from recover.declared import planned, record
from recover.engine import Engine
from recover.search import judge
from recover.verdicts import Action, Verdict
from site_recovery.errors import MigrationError

_ROUNDS = 10
"""How often a preview is asked what is left: what one import records may be part of the identity
of the next resource."""


def main(arguments: list[str]) -> int:
    """Recover a stack. Returns the exit code: 1 if a person has to do something first."""
    parser = argparse.ArgumentParser(
        prog="python -m recover",
        description="Take what an interrupted run made into the stack's record.",
    )
    parser.add_argument("--stack", required=True)
    parser.add_argument("--yes", action="store_true", help="do not ask before the record changes")
    chosen = parser.parse_args(arguments)
    try:
        recover(Engine(chosen.stack, yes=chosen.yes))
    except MigrationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def recover(engine: Engine) -> None:
    """Complete the record of a stack.

    Raises:
        MigrationError: a person has to do something first; or a cloud or Pulumi did not answer.
    """
    state = record(engine.exported())
    if not state.root:
        print("This stack has no record yet: there is nothing to recover.")
        return
    _take(engine, judge(state, state.pending))
    if state.pending:
        engine.forget(state.root)
    # Somebody may have dropped the notes already (`pulumi refresh --clear-pending-creates`). What
    # a run would make shows what they were about.
    for _ in range(_ROUNDS):
        state = record(engine.exported())
        steps, failure = engine.steps()
        if not _take(engine, judge(state, planned(steps, state.providers))):
            break
    if failure:
        raise MigrationError(
            f"what is there is recorded, but a preview fails. Mend that first:\n{failure}"
        )
    print("The record is complete. `pulumi up` goes on from here.")


def _take(engine: Engine, verdicts: list[Verdict]) -> int:
    """Record what is there; returns how many.

    Raises:
        MigrationError: something is there that is not to be recorded.
    """
    found = [verdict for verdict in verdicts if verdict.action is Action.IMPORT]
    for verdict in found:
        print(f"{verdict.declared.name}: {verdict.id} is there; it is recorded now.", flush=True)
    if found:
        engine.take((verdict.declared, verdict.id) for verdict in found)
    refused = [verdict.text for verdict in verdicts if verdict.action is Action.REFUSE]
    if refused:
        lines = "\n".join(f"  - {text}" for text in refused)
        raise MigrationError(f"{len(refused)} to decide by hand:\n{lines}")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
