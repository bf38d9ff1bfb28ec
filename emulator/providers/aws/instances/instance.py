"""The resource type of EC2 instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.aws.instances import changes, launch
from emulator.providers.aws.instances import state as described
from emulator.providers.aws.instances.wire import GONE, WAIT
from emulator.providers.errors import PartialFailureError, ProviderError
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Problem, Property

_CHOSEN = Property(computed=True)
_FIXED = Property(computed=True, replace=True)
_VOLUME: Mapping[str, Property] = {
    "deleteOnTermination": Property("boolean", computed=True),
    "encrypted": Property("boolean", computed=True, replace=True),
    "iops": Property("integer", computed=True),
    "kmsKeyId": _FIXED,
    "throughput": Property("integer", computed=True),
    "volumeSize": Property("integer", computed=True),
    "volumeType": _CHOSEN,
    "tags": TAGS,
}


class Instance(ResourceType):
    """`aws:ec2/instance:Instance`, with the outputs of the real provider."""

    token = "aws:ec2/instance:Instance"  # noqa: S105 (a type token)
    inputs: Mapping[str, Property] = {
        "ami": _FIXED,
        "instanceType": _CHOSEN,
        "subnetId": _FIXED,
        "vpcSecurityGroupIds": Property("set", items=Property(), computed=True),
        "privateIp": _FIXED,
        "associatePublicIpAddress": Property("boolean", computed=True, replace=True),
        "availabilityZone": _FIXED,
        "tenancy": _FIXED,
        "placementGroup": _FIXED,
        "keyName": _FIXED,
        "iamInstanceProfile": Property(computed=True),
        "monitoring": Property("boolean", computed=True),
        "ebsOptimized": Property("boolean", default=False),
        "sourceDestCheck": Property("boolean", default=True),
        "disableApiStop": Property("boolean", computed=True),
        "disableApiTermination": Property("boolean", computed=True),
        "forceDestroy": Property("boolean", default=False, write_only=True),
        "instanceInitiatedShutdownBehavior": _CHOSEN,
        "hibernation": Property("boolean", default=False, replace=True),
        "getPasswordData": Property("boolean", default=False, write_only=True),
        "creditSpecification": Property(
            "object", computed=True, write_only=True, fields={"cpuCredits": Property()}
        ),
        "metadataOptions": Property(
            "object",
            computed=True,
            fields={
                "httpEndpoint": _CHOSEN,
                "httpProtocolIpv6": _CHOSEN,
                "httpPutResponseHopLimit": Property("integer", computed=True),
                "httpTokens": _CHOSEN,
                "instanceMetadataTags": _CHOSEN,
            },
        ),
        "rootBlockDevice": Property("object", computed=True, fields=_VOLUME),
        "ebsBlockDevices": Property(
            "set",
            computed=True,
            replace=True,
            key="deviceName",
            items=Property(
                "object",
                fields={**_VOLUME, "deviceName": Property(required=True), "snapshotId": _FIXED},
            ),
        ),
        "userData": Property(),
        "userDataBase64": Property(),
        "userDataReplaceOnChange": Property("boolean", default=False, write_only=True),
        "volumeTags": Property("map", items=Property(), write_only=True),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = (
        "arn",
        "instanceState",
        "outpostArn",
        "passwordData",
        "primaryNetworkInterfaceId",
        "privateDns",
        "publicDns",
        "publicIp",
        "secondaryPrivateIps",
        "tagsAll",
    )

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Validation errors of the inputs that the real provider reports before it calls EC2."""
        found = [
            Problem(name, f"{self.token} needs the property {name}")
            for name in ("ami", "instanceType")
            if name not in inputs
        ]
        if "userData" in inputs and "userDataBase64" in inputs:
            found.append(Problem("userDataBase64", "userDataBase64 conflicts with userData"))
        return found

    def forces_replacement(self, name: str, new: Mapping[str, Any]) -> bool:
        """New user data replaces only when asked to."""
        return name in ("userData", "userDataBase64") and bool(new.get("userDataReplaceOnChange"))

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """RunInstances, then wait until it runs."""
        ec2 = self._ec2(inputs)
        launched = ec2.run_instances(**launch.arguments(self._cloud, ec2, inputs))
        instance_id = launched["Instances"][0]["InstanceId"]
        try:
            ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig=WAIT)
            launch.finish(ec2, instance_id, inputs)
            return instance_id, self._required(instance_id, inputs)
        except (ClientError, WaiterError) as error:
            raise PartialFailureError(
                f"the instance {instance_id} was made but did not become ready: {error}",
                instance_id,
                {name: value for name, value in inputs.items() if value is not None},
            ) from error

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeInstances; a terminated instance is gone."""
        live = self._state(resource_id, state)
        return None if live is None else (resource_id, live)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Change tags, and each other part by the call that EC2 has for it."""
        ec2 = self._ec2(inputs)
        changed = {
            name for name in inputs if name in self.inputs and inputs[name] != state.get(name)
        }
        tags.change(ec2, resource_id, state.get("tagsAll", {}), tags.wanted(self._cloud, inputs))
        changes.apply(ec2, resource_id, state, inputs, changed)
        return self._required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """TerminateInstances, then wait until it is terminated."""
        ec2 = self._ec2(state)
        try:
            if state.get("forceDestroy"):
                for attribute in ("DisableApiTermination", "DisableApiStop"):
                    ec2.modify_instance_attribute(
                        InstanceId=resource_id, **{attribute: {"Value": False}}
                    )
            ec2.terminate_instances(InstanceIds=[resource_id])
            ec2.get_waiter("instance_terminated").wait(InstanceIds=[resource_id], WaiterConfig=WAIT)
        except ClientError as error:
            if code_of(error) not in GONE:
                raise
        except WaiterError as error:
            raise ProviderError(f"the instance {resource_id} did not terminate: {error}") from error

    def _ec2(self, inputs: Mapping[str, Any]) -> Any:
        return self._cloud.client("ec2", inputs.get("region"))

    def _required(self, instance_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        live = self._state(instance_id, inputs)
        if live is None:
            raise ProviderError(f"someone else terminated the instance {instance_id}")
        return live

    def _state(self, instance_id: str, known: Mapping[str, Any]) -> dict[str, Any] | None:
        write_only = [name for name, one in self.inputs.items() if one.write_only]
        return described.read(self._cloud, instance_id, known, write_only)
