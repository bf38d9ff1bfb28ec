"""The accounts and regions of an inventory, and what they list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from inventory import churn, connections, flow_logs, sockets
from inventory.connections import Connection
from inventory.flow_log_stores import Clients
from inventory.found import Found, Reading
from settings.preflight import machine_rules
from site_recovery.authorities import file
from site_recovery.aws import ec2, managed_instances
from site_recovery.aws.client import AWS_FAILURES, aws_problem
from site_recovery.aws.ec2 import TaggedMachine
from site_recovery.problems import Problem

PERMISSIONS = (
    *ec2.PERMISSIONS,
    "ec2:DescribeVpcs",
    *managed_instances.PERMISSIONS,
    "sts:GetCallerIdentity",
)
"""The IAM actions of an inventory. `iam:ListAccountAliases` is used too, if it is granted. Role ARNs need `sts:AssumeRole` on the roles too."""

_SESSION_NAME = "ec2-to-azure-inventory"
_CLIENT_CONFIG = Config(
    # Adaptive: thousands of instances are read within the account's own rate limits.
    retries={"mode": "adaptive", "total_max_attempts": 8},
    connect_timeout=5,
    read_timeout=60,
)
_ALIAS_CONFIG = Config(
    # Only a name for people: where IAM cannot be reached or asked, the id has to do.
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=2,
    read_timeout=10,
)
_AT_ONCE = 8
"""Accounts and regions that are read at the same time."""


@dataclass(frozen=True)
class Measures:
    """What is read beside the machines themselves.

    Attributes:
        flow_hours: how many hours of flow logs are read; None to leave them alone.
        sockets: whether machines are asked for their connections, if no flow log of their VPC told.
        churn_days: how many days of written bytes are read; 0 to leave them alone.
    """

    flow_hours: float | None = None
    sockets: bool = False
    churn_days: int = 0

    @property
    def connections(self) -> bool:
        """Whether connections are read at all."""
        return self.sockets or self.flow_hours is not None


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


def read(known: Iterable[Identity], regions: Sequence[str], measures: Measures) -> Reading:
    """Read the machines of accounts and regions, and who talks to whom if that is asked for."""
    places = [(identity, region) for identity in known for region in regions]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda place: _read(place[0], place[1], measures), places))
    machines = {found.id: found for answer in answers for found in answer.machines}
    reading = Reading(
        [machines[name] for name in sorted(machines)],
        [problem for answer in answers for problem in answer.problems],
    )
    if measures.connections:
        # A connection may be between two VPCs, each of which has it in its own log.
        reading.connections = _connections(answers)
        vpcs = {machine.facts.vpc_id or "" for machine in reading.machines} - {""}
        reading.unknown = sorted(vpcs - {vpc for answer in answers for vpc in answer.flows})
    return reading


@dataclass
class _Answer:
    """What one account told of one region; flows by VPC."""

    machines: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    flows: dict[str, list[connections.Flow]] = field(default_factory=dict)


def _read(identity: Identity, region: str, measures: Measures) -> _Answer:
    place = f"{identity} in {region}"
    try:
        session = _session(identity, region)

        def client(service: str, config: Config = _CLIENT_CONFIG, /) -> Any:
            made: Any = session.client(service, config=config, verify=file())  # type: ignore[call-overload]
            return made

        account = str(client("sts").get_caller_identity()["Account"])
        vpcs = dict(_vpc_names(client("ec2")))
    except ProfileNotFound as error:
        way_out = "Correct --profile; `aws configure list-profiles` lists them"
        return _Answer(problems=[Problem(place, str(error), way_out)])
    except AWS_FAILURES as error:
        told = aws_problem(error, "AWS", region, PERMISSIONS)
        return _Answer(problems=[replace(told, path=place)])
    now = datetime.now(UTC)
    with ThreadPoolExecutor(2) as beside:
        naming = beside.submit(_alias, client("iam", _ALIAS_CONFIG))
        # Systems Manager answers fifty in a page, one page after another: that takes longest.
        listing = beside.submit(managed_instances.every_managed_instance, region, client("ssm"))
        machines, wrong = ec2.every_machine(region, client("ec2"))
        written, unread = _written(client, machines, region, now, measures.churn_days)
        managed, unmanaged = listing.result()
        account_name = naming.result()
    answer = _Answer(
        problems=[replace(problem, path=place) for problem in (*wrong, *unread, *unmanaged)]
    )
    for machine in machines:
        known = managed.get(machine.facts.instance_id)
        why = managed_instances.unmanaged_reason(machine.facts.instance_id, known)
        answer.machines.append(
            Found(
                account,
                region,
                machine_rules.told_by_agent(machine.facts, managed),
                machine.tags,
                None if unmanaged else why,
                vpcs.get(machine.facts.vpc_id or ""),
                None if written is None else churn.of_machine(machine.facts.volumes, written),
                account_name,
            )
        )
    if measures.flow_hours is not None:
        _add_flows(answer, client, account, region, now, measures.flow_hours)
    if measures.sockets:
        _add_sockets(answer, client("ssm"), region)
    return answer


def _written(
    client: Clients,
    machines: Iterable[TaggedMachine],
    region: str,
    now: datetime,
    days: int,
) -> tuple[dict[str, list[float]] | None, list[Problem]]:
    """What was written to the volumes of machines, as `churn.read`; None if it was not read."""
    if not days:
        return None, []
    volumes = [volume for machine in machines for volume in machine.facts.volumes]
    try:
        return churn.read(client("cloudwatch"), volumes, now, days), []
    except AWS_FAILURES as error:
        return None, [aws_problem(error, "CloudWatch", region, churn.PERMISSIONS)]


def _add_flows(
    answer: _Answer,
    client: Clients,
    account: str,
    region: str,
    now: datetime,
    hours: float,
) -> None:
    """Read the flow logs of the VPCs, subnets and interfaces of machines."""
    vpc_of: dict[str, str] = {}
    for machine in answer.machines:
        facts = machine.facts
        for resource in (facts.vpc_id, facts.subnet_id, facts.network_interface_id):
            if resource and facts.vpc_id:
                vpc_of[resource] = facts.vpc_id
    read = flow_logs.read(client, account, region, vpc_of, now, hours)
    for resource, flows in read.flows.items():
        answer.flows.setdefault(vpc_of[resource], []).extend(flows)
    answer.problems += read.problems


def _add_sockets(answer: _Answer, ssm: Any, region: str) -> None:
    """Ask the machines of those VPCs for which no flow log was read."""
    unknown = {
        machine.id: machine
        for machine in answer.machines
        if (machine.facts.vpc_id or "") not in answer.flows
    }
    told = sockets.read(
        ssm,
        region,
        {
            instance: machine.facts.platform
            for instance, machine in unknown.items()
            if machine.facts.state == "running" and machine.unmanaged is None
        },
    )
    for instance, flows in told.flows.items():
        answer.flows.setdefault(unknown[instance].facts.vpc_id or "", []).extend(flows)
    answer.problems += told.problems


def _connections(answers: Sequence[_Answer]) -> set[Connection]:
    """The connections in all logs. Addresses are of the VPC of the log first, then of any one."""
    everywhere: dict[str, set[str]] = {}
    own: dict[str, dict[str, str]] = {}
    for machine in (machine for answer in answers for machine in answer.machines):
        if machine.facts.private_ip:
            everywhere.setdefault(machine.facts.private_ip, set()).add(machine.id)
            own.setdefault(machine.facts.vpc_id or "", {})[machine.facts.private_ip] = machine.id
    single = {address: next(iter(ids)) for address, ids in everywhere.items() if len(ids) == 1}
    found: set[Connection] = set()
    for answer in answers:
        for vpc, flows in answer.flows.items():
            addresses: Mapping[str, str] = {**single, **own.get(vpc, {})}
            found |= connections.established(flows, addresses)
    return found


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


def _alias(iam: Any) -> str | None:
    """The alias of an account (ListAccountAliases); None if it has none, or nobody may know it."""
    try:
        aliases = iam.list_account_aliases()["AccountAliases"]
    except AWS_FAILURES:
        return None
    return str(aliases[0]) if aliases else None


def _vpc_names(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_vpcs").paginate():
        for vpc in page["Vpcs"]:
            for tag in vpc.get("Tags", []):
                if tag["Key"] == "Name" and tag["Value"]:
                    yield vpc["VpcId"], tag["Value"]
