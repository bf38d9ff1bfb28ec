"""Local clouds for one test module: two processes, and helpers to read and change them."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient

from emulator import processes
from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.record import ProcessError
from tests.warm_python import warm_clouds

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

SCALE = 2400
"""Seconds of service time per second. A machine is then protected within a few seconds."""
_SECONDS = 120
_STEPS, _STEP_SECONDS = 2000, 30
_LOOKS, _LOOK_SECONDS = 2400, 0.05
_GROUPS = "2024-03-01"
_MACHINES = "2024-07-01"
_VAULTS = "2024-04-01"
_NETWORKS = "2024-05-01"


class Clouds:
    """AWS with its estate, and Azure, as two processes.

    Args:
        directory: for their files.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clients: dict[str, Any] = {}
        try:
            running = processes.up(
                directory, scale=SCALE, python=str(warm_clouds()), say=lambda _: None
            )
        except ProcessError:
            # One of the two may have started before the other failed.
            self.stop()
            raise
        self.environment = running.environment()
        self.endpoint = self.environment["AZURE_RESOURCE_MANAGER_ENDPOINT"]

    def stop(self) -> None:
        """Stop both processes."""
        processes.down(self._directory, remove=True, say=lambda _: None)

    # -- the control API --------------------------------------------------------------------

    def audit(self) -> list[dict[str, Any]]:
        """Every change that Azure accepted, in order."""
        records: list[dict[str, Any]] = self._control("GET", "audit")["value"]
        return records

    def operations(self, machine: str) -> list[str]:
        """The operations that were requested for a machine, in order, without their group."""
        return [
            record["operation"].rpartition("_")[2]
            for record in self.audit()
            if record.get("machine") == machine
        ]

    def fault(self, operation: str, **effect: Any) -> None:
        """Set a fault, in the format of the control API."""
        self._control("POST", "faults", {"operation": operation, **effect})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._control("DELETE", "faults")

    def set_scale(self, scale: float) -> None:
        """Set the seconds of service time per second; 0 stops the clock."""
        self._control("PUT", "clock", {"scale": scale})

    def now(self) -> datetime:
        """The service's time."""
        return datetime.fromisoformat(self._control("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        """Move the clock forward, with everything that is due until then."""
        self._control("POST", "clock/advance", {"seconds": seconds})

    def advance_until(self, stage: str, kind: str, name: str) -> None:
        """Move the clock forward until a guest is at a stage.

        In steps, because Azure notices a change in AWS up to half a real second later.

        Args:
            stage: such as `registered`.
            kind: the kind of guest, such as `mobilityAgents`.
            name: the guest's name.
        """
        for _ in range(_STEPS):
            found = self._control("GET", "guests")[kind]
            if any(guest["name"] == name and guest["stage"] == stage for guest in found):
                return
            self.advance(_STEP_SECONDS)
        raise AssertionError(f"{name} is not {stage}: {found}")

    def changes(self) -> int:
        """How many changes both clouds have accepted: Azure's audit, and calls of EC2 and IAM."""
        aws = _fetch(f"{self.environment['AWS_ENDPOINT_URL']}/_emulator/health")
        return len(self.audit()) + int(aws["changes"])

    def kill_azure(self) -> None:
        """Kill Azure with SIGKILL, and start it again with its state."""
        record = json.loads((self._directory / "clouds.json").read_text("utf-8"))
        psutil.Process(record["azure"]["pid"]).kill()
        port = record["azure"]["port"]
        self.until(lambda: not _answers(port))
        processes.up(self._directory, scale=SCALE, python=str(warm_clouds()), say=lambda _: None)

    def until_there_is_a_server(self) -> str:
        """Wait until EC2 has the server's instance. Returns its id."""
        self.until(lambda: bool(self.servers()))
        (server,) = self.servers()
        return server

    def resize(self, instance: str, instance_type: str) -> None:
        """Give an instance another type by hand: it has to be stopped for that."""
        ec2 = self.ec2()
        ec2.stop_instances(InstanceIds=[instance])
        ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": instance_type})
        ec2.start_instances(InstanceIds=[instance])

    def equip(self, instance: str, disks: Mapping[str, int]) -> None:
        """Give an instance a second network interface, and more disks.

        Args:
            instance: its id.
            disks: their sizes in GiB, by device name.
        """
        ec2 = self.ec2()
        [reservation] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        [found] = reservation["Instances"]
        made = ec2.create_network_interface(
            SubnetId=found["SubnetId"],
            Groups=[group["GroupId"] for group in found["SecurityGroups"]],
        )["NetworkInterface"]["NetworkInterfaceId"]
        ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)
        for device, size in disks.items():
            zone = found["Placement"]["AvailabilityZone"]
            volume = ec2.create_volume(AvailabilityZone=zone, Size=size, VolumeType="gp3")
            ec2.attach_volume(VolumeId=volume["VolumeId"], InstanceId=instance, Device=device)

    def until_accepted(self, operation: str) -> None:
        """Wait until Azure has accepted this operation."""
        self.until(lambda: any(one["operation"] == operation for one in self.audit()))

    @contextmanager
    def aws_silent_after(self, operation: str) -> Iterator[Callable[[], None]]:
        """Hold back what AWS answers to an operation; yields what waits for such an answer."""
        holds = f"{self.environment['AWS_ENDPOINT_URL']}/_emulator/holds"
        _fetch(holds, "PUT", {"operation": operation})
        try:
            yield lambda: self.until(lambda: any(one["waiting"] for one in _fetch(holds)["value"]))
        finally:
            _fetch(holds, "DELETE")

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        for _ in range(_LOOKS):
            if condition():
                return
            time.sleep(_LOOK_SECONDS)
        raise AssertionError(f"not within {_LOOKS * _LOOK_SECONDS:.0f} s")

    # -- Azure ------------------------------------------------------------------------------

    def resource_groups(self, subscription: str = SUBSCRIPTION) -> set[str]:
        """The names of a subscription's resource groups."""
        listed = self._list("resourcegroups", _GROUPS, subscription)
        return {group["name"] for group in listed}

    def azure(self) -> dict[str, set[str]]:
        """All resources in Azure as type and name, by resource group."""
        return {
            group: {
                f"{one['type']} {one['name']}"
                for one in self._list(f"resourceGroups/{group}/resources", _GROUPS)
            }
            for group in self.resource_groups()
        }

    def delete(self, path: str, version: str) -> None:
        """Delete a resource of the subscription by hand, over Resource Manager."""
        _fetch(
            f"{self.endpoint}/subscriptions/{SUBSCRIPTION}/{path}?api-version={version}",
            "DELETE",
            headers={"Authorization": f"Bearer {self.token()}"},
        )

    def virtual_machines(
        self, group: str, subscription: str = SUBSCRIPTION
    ) -> dict[str, dict[str, Any]]:
        """Virtual machines of a resource group by name; empty if the group does not exist."""
        path = f"resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines"
        listed = self._list(path, _MACHINES, subscription)
        return {machine["name"]: machine for machine in listed}

    def vaults(self, group: str) -> set[str]:
        """Names of a resource group's vaults; empty if the group does not exist."""
        path = f"resourceGroups/{group}/providers/Microsoft.RecoveryServices/vaults"
        return {vault["name"] for vault in self._list(path, _VAULTS)}

    def fabrics(self, group: str) -> list[str]:
        """Ids of the servers that are registered with the vaults of a resource group."""
        vaults = f"resourceGroups/{group}/providers/Microsoft.RecoveryServices/vaults"
        return [
            fabric["id"]
            for vault in self.vaults(group)
            for fabric in self._list(f"{vaults}/{vault}/replicationFabrics", "2025-08-01")
        ]

    def appliance_id(self, fabric: str, name: str) -> str:
        """Id of a replication appliance that is registered with a fabric."""
        details = self._arm(fabric.removeprefix("/"), "2025-08-01")["properties"]["customDetails"]
        found: str = next(one["id"] for one in details["processServers"] if one["name"] == name)
        return found

    def networks(self, group: str) -> set[str]:
        """Names of a resource group's virtual networks; empty if the group does not exist."""
        path = f"resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks"
        return {network["name"] for network in self._list(path, _NETWORKS)}

    def get(self, path: str, version: str) -> dict[str, Any]:
        """A resource of the subscription, as Resource Manager returns it."""
        found: dict[str, Any] = self._arm(f"subscriptions/{SUBSCRIPTION}/{path}", version)
        return found

    def put(self, path: str, body: dict[str, Any], version: str) -> None:
        """Create something in the subscription by hand, and wait until it is done."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        url = f"{self.endpoint}/subscriptions/{SUBSCRIPTION}/{path}?api-version={version}"
        _fetch(url, "PUT", body, headers)
        self.advance(60)

    def network(self, group: str, name: str) -> dict[str, Any]:
        """A virtual network, as Azure returns it."""
        path = f"{group}/providers/Microsoft.Network/virtualNetworks/{name}"
        found: dict[str, Any] = self._arm(
            f"subscriptions/{SUBSCRIPTION}/resourceGroups/{path}", _NETWORKS
        )
        return found

    def network_of(self, machine: dict[str, Any]) -> str:
        """Name of the virtual network that a virtual machine's first interface is in."""
        subnet: str = self._first_address(machine)["subnet"]["id"]
        return subnet.split("/")[8]

    def address_of(self, machine: dict[str, Any]) -> str:
        """The private address of a virtual machine's first interface."""
        address: str = self._first_address(machine)["privateIPAddress"]
        return address

    def places_of(self, machine: dict[str, Any]) -> list[tuple[str, str]]:
        """Subnet and private address of each interface of a virtual machine, the primary first."""
        interfaces = machine["properties"]["networkProfile"]["networkInterfaces"]
        ordered = sorted(interfaces, key=lambda one: not one["properties"]["primary"])
        found = [self._address(one["id"]) for one in ordered]
        return [
            (str(one["subnet"]["id"].rpartition("/")[2]), str(one["privateIPAddress"]))
            for one in found
        ]

    def security_group_of(self, machine: dict[str, Any]) -> str:
        """Name of the network security group of a virtual machine's first interface, or empty."""
        interfaces = machine["properties"]["networkProfile"]["networkInterfaces"]
        group = self._interface(interfaces[0]["id"]).get("networkSecurityGroup") or {}
        return str(group.get("id", "")).rpartition("/")[2]

    def _first_address(self, machine: dict[str, Any]) -> dict[str, Any]:
        interfaces = machine["properties"]["networkProfile"]["networkInterfaces"]
        return self._address(interfaces[0]["id"])

    def _address(self, interface: str) -> dict[str, Any]:
        address: dict[str, Any] = self._interface(interface)["ipConfigurations"][0]["properties"]
        return address

    def _interface(self, interface: str) -> dict[str, Any]:
        found: dict[str, Any] = self._arm(interface.removeprefix("/"), _NETWORKS)["properties"]
        return found

    def token(self) -> str:
        """A token that Azure accepts."""
        answer = _fetch(
            f"{self.environment['IDENTITY_ENDPOINT']}?api-version=2019-08-01"
            "&resource=https://management.azure.com",
            headers={"X-IDENTITY-HEADER": self.environment["IDENTITY_HEADER"]},
        )
        return str(answer["access_token"])

    def site_recovery(self) -> SiteRecoveryManagementClient:
        """A client of the real SDK, for changes that a person makes by hand."""
        return SiteRecoveryManagementClient(
            _Credential(self.token),
            SUBSCRIPTION,
            self.endpoint,
            credential_scopes=["https://management.azure.com/.default"],
            per_call_policies=[_PlainHttp()],
        )

    # -- AWS --------------------------------------------------------------------------------

    def ec2(self) -> EC2Client:
        """An EC2 client of this AWS."""
        found: EC2Client = self.client("ec2")
        return found

    def client(self, service: str) -> Any:
        """A client of any service of this AWS."""
        if service not in self._clients:
            connect: Any = boto3.client
            self._clients[service] = connect(service, **self._client())
        return self._clients[service]

    def aws(self) -> dict[str, Any]:
        """Everything that a stack can change in this AWS, for comparison."""
        ec2 = self.ec2()
        iam, ssm, secrets = map(self.client, ("iam", "ssm", "secretsmanager"))
        instances = [
            instance
            for reservation in ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] != "terminated"
        ]
        return {
            "instances": {instance["InstanceId"] for instance in instances},
            "attached groups": {
                instance["InstanceId"]: {group["GroupId"] for group in instance["SecurityGroups"]}
                for instance in instances
            },
            "rules": {
                rule["SecurityGroupRuleId"]
                for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]
            },
            "groups": {
                group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]
            },
            "volumes": {volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]},
            "secrets": {secret["Name"] for secret in secrets.list_secrets()["SecretList"]},
            "parameters": {one["Name"] for one in ssm.describe_parameters()["Parameters"]},
            "documents": {one["Name"] for one in ssm.list_documents()["DocumentIdentifiers"]},
            "associations": {
                one["AssociationId"] for one in ssm.list_associations()["Associations"]
            },
            "policies": {one["PolicyName"] for one in iam.list_policies(Scope="Local")["Policies"]},
            "roles": {role["RoleName"] for role in iam.list_roles()["Roles"]},
            "profiles": {
                profile["InstanceProfileName"]
                for profile in iam.list_instance_profiles()["InstanceProfiles"]
            },
        }

    def servers(self) -> dict[str, str]:
        """The instance types of the servers that are not terminated, by instance id."""
        found = self.ec2().describe_instances(
            Filters=[
                {"Name": "tag-key", "Values": ["site-recovery:role"]},
                {"Name": "instance-state-name", "Values": ["running", "stopped"]},
            ]
        )
        return {
            one["InstanceId"]: one["InstanceType"]
            for reservation in found["Reservations"]
            for one in reservation["Instances"]
        }

    def instance_id(self, name: str) -> str:
        """The id of the instance with this Name tag."""
        found = self.ec2().describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])
        return found["Reservations"][0]["Instances"][0]["InstanceId"]

    # -- wire -------------------------------------------------------------------------------

    def _client(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.environment["AWS_ENDPOINT_URL"],
            "region_name": self.environment["AWS_REGION"],
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }

    def _control(self, method: str, path: str, body: object = None) -> Any:
        return _fetch(f"{self.endpoint}/_emulator/{path}", method, body)

    def _list(
        self, path: str, version: str, subscription: str = SUBSCRIPTION
    ) -> Sequence[dict[str, Any]]:
        found = self._arm(f"subscriptions/{subscription}/{path}", version)
        value: Sequence[dict[str, Any]] = found.get("value", ())
        return value

    def _arm(self, path: str, version: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token()}"}
        return _fetch(f"{self.endpoint}/{path}?api-version={version}", headers=headers)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), _SECONDS).close()
    except OSError:
        return False
    return True


class _Credential:
    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self._token(), int(time.time()) + 3600)


class _PlainHttp(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options["enforce_https"] = False


def _fetch(
    url: str, method: str = "GET", body: object = None, headers: dict[str, str] | None = None
) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refusal:
        if refusal.code == 404:
            return {}
        raise AssertionError(f"{method} {url}: {refusal.read().decode()}") from refusal
