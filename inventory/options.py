"""The options of the command."""

from __future__ import annotations

import argparse
from pathlib import Path

from inventory import churn
from inventory.waves import Conditions

_DESCRIPTION = """\
From EC2 to stack files, a report and a sheet.

    python -m inventory --region eu-west-1 [--profile NAME] [--role-arn ARN]
    python -m inventory --from-sheet inventory-report/machines.csv

The first form reads accounts and writes `Pulumi.<stack>.yaml` for each VPC,
`inventory-report/report.md` and `inventory-report/machines.csv`. Run again, it
shows what it changes and keeps what a person wrote. The second form puts waves,
orders, owners, tickets and sizes of the sheet into the stack files.
"""


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of the command; those of this process if none are given."""
    parser = argparse.ArgumentParser(
        prog="python -m inventory",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--region", action="append", default=[], help="an AWS region; repeatedly")
    parser.add_argument("--profile", action="append", default=[], help="an AWS profile; repeatedly")
    parser.add_argument(
        "--role-arn", action="append", default=[], help="a role to assume; repeatedly"
    )
    parser.add_argument("--directory", type=Path, default=Path(), help="where the stack files are")
    parser.add_argument("--wave-tag", help="the tag that names the wave of a machine")
    parser.add_argument(
        "--application-tag",
        default=Conditions.application_tag,
        help="the tag whose machines move together (%(default)s)",
    )
    parser.add_argument(
        "--environment-tag",
        default=Conditions.environment_tag,
        help="the tag that says how risky a machine is (%(default)s)",
    )
    parser.add_argument(
        "--wave-size",
        type=_positive,
        default=Conditions.size,
        help="the most machines in a wave (%(default)s)",
    )
    parser.add_argument(
        "--connections",
        action="append",
        default=[],
        choices=["flow-logs", "ss"],
        help="plan waves by who talks to whom, too, as VPC flow logs tell it, or the machines "
        "themselves; with both, machines are asked where no flow log tells",
    )
    parser.add_argument(
        "--flow-hours", type=_positive, default=1, help="how much of the flow logs is read (1)"
    )
    parser.add_argument(
        "--churn-days",
        type=int,
        choices=range(15),
        metavar="DAYS",
        default=churn.DAYS,
        help=f"of how many days the written bytes are read from CloudWatch ({churn.DAYS}; 0 to 14)",
    )
    parser.add_argument("--from-sheet", type=Path, help="apply this sheet and read no account")
    parser.add_argument(
        "--include-local", action="store_true", help="also change the stacks of the local clouds"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
