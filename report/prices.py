"""The prices that a team gives, and where they are read from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from site_recovery.errors import MigrationError

DEFAULT = Path("prices.yaml")
"""Where a team keeps its price table, in the checkout."""
_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReplicationPrice(_Table):
    """What the replication of a machine costs.

    Attributes:
        per_machine_month: for one machine in 30 days.
        free_days: the days of each machine that cost nothing. Azure Site Recovery is free for the
            first 31 days of each machine (Azure Site Recovery pricing).
    """

    per_machine_month: _Amount = Field(alias="perMachineMonth")
    free_days: int = Field(default=31, ge=0, alias="freeDays")


class Prices(_Table):
    """A price table.

    Attributes:
        currency: as it is printed, such as `EUR`.
        replication: None leaves the replication out of the cost.
        virtual_machines: for an hour, by size, such as `Standard_D2s_v5`.
    """

    currency: str = Field(min_length=1, max_length=8)
    replication: ReplicationPrice | None = None
    virtual_machines: dict[str, _Amount] = Field(default_factory=dict, alias="virtualMachines")

    def hour_of(self, size: str) -> float | None:
        """The price of an hour of a size, whatever its case; None if the table has none."""
        known = {name.lower(): price for name, price in self.virtual_machines.items()}
        return known.get(size.lower())


def read(path: Path | None) -> Prices | None:
    """The price table of a file, YAML or JSON.

    Args:
        path: the file; None takes `DEFAULT` if that exists.

    Raises:
        MigrationError: the file cannot be read, or is no price table.
    """
    if path is None:
        if not DEFAULT.exists():
            return None
        path = DEFAULT
    try:
        return Prices.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise MigrationError(
            f"{path}: the price table cannot be read: {error.strerror or error}. Correct or remove it."
        ) from error
    except UnicodeDecodeError as error:
        raise MigrationError(
            f"{path}: the price table is not UTF-8 (byte {error.start + 1} is no part of a "
            "character). Save it in UTF-8."
        ) from error
    except yaml.YAMLError as error:
        raise MigrationError(f"{path}: the price table is no YAML: {error}\nCorrect it.") from error
    except ValidationError as error:
        wrong = "\n".join(
            f"  - {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
            for one in error.errors()
        )
        raise MigrationError(
            f"{path}: the price table is wrong:\n{wrong}\nSee docs/report.md#prices."
        ) from error
