"""The outcomes of the machines that left their wave in this run.

The update of a wave removes the replication of machines that left it. It does not fail because one
of them failed, so that the other machines are recorded. The delete of the machine's own record
tells the outcome instead.
"""

from __future__ import annotations

from site_recovery.convergence.outcome import Outcome

of_this_process: dict[str, Outcome] = {}
"""By instance id. One provider process serves the waves and the records of a run."""
