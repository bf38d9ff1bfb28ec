"""The program: as many dynamic resources as its config says."""

from __future__ import annotations

import pulumi

from benchmarks.bare_program.numbered import Numbered

for number in range(pulumi.Config().require_int("resources")):
    Numbered(number)
