"""The accounts and regions of an inventory, and what they list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from inventory.found import Found
from settings.preflight import machine_rules
from site_recovery.authorities import file
from site_recovery.aws import ec2, managed_instances
from site_recovery.aws.client import AWS_FAILURES, aws_problem
from site_recovery.problems import Problem

PERMISSIONS = (
    *ec2.PERMISSIONS,
    "ec2:DescribeVpcs",
    *managed_instances.PERMISSIONS,
    "sts:GetCallerIdentity",
)
"""The IAM actions of an inventory. Role ARNs need `sts:AssumeRole` on the roles too."""

_SESSION_NAME = "ec2-to-azure-inventory"
_CLIENT_CONFIG = Config(
    # Adaptive: thousands of instances are read within the account's own rate limits.
    retries={"mode": "adaptive", "total_max_attempts": 8},
    connect_timeout=5,
    read_timeout=60,
)
_AT_ONCE = 8
"""Accounts and regions that are read at the same time."""


@dataclass(frozen=True)
class Identity:
    """A way into an account: a profile, a role that is assumed, or neither for the environment."""

    profile: str | None = None
    role_arn: str | None = None

    def __str__(self) -> str:
        return self.role_arn or (f"profile {self.profile}" if self.profile else "the environment")


def identities(profiles: Sequence[str], role_arns: Sequence[str]) -> list[Identity]:
    """One identity for each profile and each role; the environment's own if there is neither."""
    named = [Identity(profile=profile) for profile in profiles]
    roles = [Identity(role_arn=role) for role in role_arns]
    return [*named, *roles] or [Identity()]


def read(known: Iterable[Identity], regions: Sequence[str]) -> tuple[list[Found], list[Problem]]:
    """Read the machines of accounts and regions.

    Returns:
        The machines, and a problem for each account or region that did not answer. The others are
        complete.
    """
    places = [(identity, region) for identity in known for region in regions]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda place: _read(*place), places))
    machines = {found.id: found for answer, _ in answers for found in answer}
    problems = [problem for _, wrong in answers for problem in wrong]
    return [machines[name] for name in sorted(machines)], problems


def _read(identity: Identity, region: str) -> tuple[list[Found], list[Problem]]:
    place = f"{identity} in {region}"
    try:
        session = _session(identity, region)
        account = str(
            session.client("sts", config=_CLIENT_CONFIG, verify=file()).get_caller_identity()[
                "Account"
            ]
        )
        client: Any = session.client("ec2", config=_CLIENT_CONFIG, verify=file())
        vpcs = dict(_vpc_names(client))
    except ProfileNotFound as error:
        way_out = "Correct --profile; `aws configure list-profiles` lists them"
        return [], [Problem(place, str(error), way_out)]
    except AWS_FAILURES as error:
        told = aws_problem(error, "AWS", region, PERMISSIONS)
        return [], [replace(told, path=place)]
    machines, wrong = ec2.every_machine(region, client)
    managed, unmanaged = managed_instances.every_managed_instance(
        region, session.client("ssm", config=_CLIENT_CONFIG, verify=file())
    )
    problems = [replace(problem, path=place) for problem in (*wrong, *unmanaged)]
    found = []
    for machine in machines:
        known = managed.get(machine.facts.instance_id)
        why = managed_instances.unmanaged_reason(machine.facts.instance_id, known)
        found.append(
            Found(
                account,
                region,
                machine_rules.told_by_agent(machine.facts, managed),
                machine.tags,
                None if unmanaged else why,
                vpcs.get(machine.facts.vpc_id or ""),
            )
        )
    return found, problems


def _session(identity: Identity, region: str) -> boto3.Session:
    base = boto3.Session(profile_name=identity.profile, region_name=region)
    if identity.role_arn is None:
        return base
    given = base.client("sts", config=_CLIENT_CONFIG, verify=file()).assume_role(
        RoleArn=identity.role_arn, RoleSessionName=_SESSION_NAME
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=region,
    )


def _vpc_names(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_vpcs").paginate():
        for vpc in page["Vpcs"]:
            for tag in vpc.get("Tags", []):
                if tag["Key"] == "Name" and tag["Value"]:
                    yield vpc["VpcId"], tag["Value"]
