"""EC2 instances."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.security_groups import REGION, TAGS
from emulator.providers.errors import PartialFailureError, ProviderError
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Problem, Property

_CHOSEN = Property(computed=True)
_FIXED = Property(computed=True, replace=True)
_GONE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
# RunInstances: user data is limited to 16 KB, before it is base64-encoded. Moto takes any.
_USER_DATA_BYTES = 16384
_WAIT = {"Delay": 2, "MaxAttempts": 300}
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
_METADATA = {
    "httpEndpoint": "HttpEndpoint",
    "httpProtocolIpv6": "HttpProtocolIpv6",
    "httpPutResponseHopLimit": "HttpPutResponseHopLimit",
    "httpTokens": "HttpTokens",
    "instanceMetadataTags": "InstanceMetadataTags",
}
_WHILE_STOPPED = {
    "instanceType": "InstanceType",
    "userData": "UserData",
    "userDataBase64": "UserData",
    "ebsOptimized": "EbsOptimized",
}
_ANY_TIME = {
    "disableApiStop": "DisableApiStop",
    "disableApiTermination": "DisableApiTermination",
    "sourceDestCheck": "SourceDestCheck",
}


class Instance(ResourceType):
    """`aws:ec2/instance:Instance`: made and running, with what the real one gives out."""

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
        """What the real provider refuses before it asks EC2."""
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

    # -- the four verbs ---------------------------------------------------------------------

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """RunInstances, then wait until it runs."""
        ec2 = self._ec2(inputs)
        instance_id = ec2.run_instances(**self._launch(ec2, inputs))["Instances"][0]["InstanceId"]
        try:
            ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig=_WAIT)
            self._after_launch(ec2, instance_id, inputs)
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
        """Each part by the call that EC2 has for it; some parts need the instance stopped."""
        ec2 = self._ec2(inputs)
        changed = {
            name for name in inputs if name in self.inputs and inputs[name] != state.get(name)
        }
        tags.change(ec2, resource_id, state.get("tagsAll", {}), tags.wanted(self._cloud, inputs))
        if "vpcSecurityGroupIds" in changed:
            # EC2 has one list of groups for both; moto has two, and answers with their union.
            groups = inputs["vpcSecurityGroupIds"]
            ec2.modify_instance_attribute(InstanceId=resource_id, Groups=groups)
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=state["primaryNetworkInterfaceId"], Groups=groups
            )
        if "metadataOptions" in changed:
            ec2.modify_instance_metadata_options(
                InstanceId=resource_id, **_metadata(inputs["metadataOptions"])
            )
        if "monitoring" in changed:
            call = ec2.monitor_instances if inputs["monitoring"] else ec2.unmonitor_instances
            call(InstanceIds=[resource_id])
        if "instanceInitiatedShutdownBehavior" in changed:
            ec2.modify_instance_attribute(
                InstanceId=resource_id,
                Attribute="instanceInitiatedShutdownBehavior",
                Value=inputs["instanceInitiatedShutdownBehavior"],
            )
        for name in sorted(changed & set(_ANY_TIME)):
            ec2.modify_instance_attribute(
                InstanceId=resource_id, **{_ANY_TIME[name]: {"Value": inputs[name]}}
            )
        if "iamInstanceProfile" in changed:
            self._change_profile(ec2, resource_id, inputs["iamInstanceProfile"])
        self._change_volumes(ec2, state, inputs)
        self._change_stopped(ec2, resource_id, changed, inputs)
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
            ec2.get_waiter("instance_terminated").wait(
                InstanceIds=[resource_id], WaiterConfig=_WAIT
            )
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
        except WaiterError as error:
            raise ProviderError(f"the instance {resource_id} did not terminate: {error}") from error

    # -- parts ------------------------------------------------------------------------------

    def _ec2(self, inputs: Mapping[str, Any]) -> Any:
        return self._cloud.client("ec2", inputs.get("region"))

    def _launch(self, ec2: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of RunInstances."""
        asked: dict[str, Any] = {
            "ImageId": inputs["ami"],
            "InstanceType": inputs["instanceType"],
            "MinCount": 1,
            "MaxCount": 1,
            "TagSpecifications": [
                *tags.specification("instance", tags.wanted(self._cloud, inputs)),
                *tags.specification("volume", inputs.get("volumeTags", {})),
            ],
            **_placement(inputs),
            **_network(inputs),
        }
        simple = {
            "keyName": "KeyName",
            "ebsOptimized": "EbsOptimized",
            "disableApiStop": "DisableApiStop",
            "disableApiTermination": "DisableApiTermination",
            "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
        }
        asked |= {wire: inputs[name] for name, wire in simple.items() if name in inputs}
        if inputs.get("monitoring"):
            asked["Monitoring"] = {"Enabled": True}
        if inputs.get("hibernation"):
            asked["HibernationOptions"] = {"Configured": True}
        if "iamInstanceProfile" in inputs:
            asked["IamInstanceProfile"] = {"Name": inputs["iamInstanceProfile"]}
        if "metadataOptions" in inputs:
            asked["MetadataOptions"] = _metadata(inputs["metadataOptions"])
        if "cpuCredits" in inputs.get("creditSpecification", {}):
            asked["CreditSpecification"] = {
                "CpuCredits": inputs["creditSpecification"]["cpuCredits"]
            }
        for name in ("userData", "userDataBase64"):
            if name in inputs:
                asked["UserData"] = _user_data(name, inputs[name])
        mappings = [
            {"DeviceName": device["deviceName"], "Ebs": _ebs(device)}
            for device in inputs.get("ebsBlockDevices", [])
        ]
        # Asked for in any case: EC2 refuses an image that is not there, and moto would take it.
        root = self._root_device(ec2, inputs["ami"])
        if "rootBlockDevice" in inputs:
            mappings.insert(0, {"DeviceName": root, "Ebs": _ebs(inputs["rootBlockDevice"])})
        if mappings:
            asked["BlockDeviceMappings"] = mappings
        return asked

    @staticmethod
    def _root_device(ec2: Any, ami: str) -> str:
        images = ec2.describe_images(ImageIds=[ami])["Images"]
        if not images:
            raise ProviderError(f"the image {ami} (property ami) is not there in this region")
        return str(images[0]["RootDeviceName"])

    def _after_launch(self, ec2: Any, instance_id: str, inputs: Mapping[str, Any]) -> None:
        if inputs.get("sourceDestCheck") is False:
            ec2.modify_instance_attribute(InstanceId=instance_id, SourceDestCheck={"Value": False})
        own = {
            device.get("deviceName"): device["tags"]
            for device in [inputs.get("rootBlockDevice", {}), *inputs.get("ebsBlockDevices", [])]
            if device.get("tags")
        }
        if not own:
            return
        found = ec2.describe_instances(InstanceIds=[instance_id])
        instance = found["Reservations"][0]["Instances"][0]
        for mapping in instance["BlockDeviceMappings"]:
            name = mapping["DeviceName"]
            device = None if name == instance["RootDeviceName"] else name
            if device in own:
                tags.change(ec2, mapping["Ebs"]["VolumeId"], {}, own[device])

    @staticmethod
    def _change_profile(ec2: Any, instance_id: str, profile: str) -> None:
        held = ec2.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [instance_id]}]
        )["IamInstanceProfileAssociations"]
        if held:
            ec2.replace_iam_instance_profile_association(
                AssociationId=held[0]["AssociationId"], IamInstanceProfile={"Name": profile}
            )
        else:
            ec2.associate_iam_instance_profile(
                InstanceId=instance_id, IamInstanceProfile={"Name": profile}
            )

    @staticmethod
    def _change_volumes(ec2: Any, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Size, type and speed of the root volume, and the tags of all volumes."""
        old, new = state.get("rootBlockDevice") or {}, inputs.get("rootBlockDevice") or {}
        names = {
            "volumeSize": "Size",
            "volumeType": "VolumeType",
            "iops": "Iops",
            "throughput": "Throughput",
        }
        asked = {
            wire: new[name]
            for name, wire in names.items()
            if name in new and new[name] != old.get(name)
        }
        if asked and old.get("volumeId"):
            ec2.modify_volume(VolumeId=old["volumeId"], **asked)
        if old.get("volumeId") and "tags" in new:
            tags.change(ec2, old["volumeId"], old.get("tags", {}), new["tags"])
        if "volumeTags" in inputs:
            for device in [old, *(state.get("ebsBlockDevices") or [])]:
                tags.change(
                    ec2, device["volumeId"], state.get("volumeTags", {}), inputs["volumeTags"]
                )

    def _change_stopped(
        self, ec2: Any, instance_id: str, changed: set[str], inputs: Mapping[str, Any]
    ) -> None:
        asked = []
        for name in sorted(changed & set(_WHILE_STOPPED)):
            value: Any = inputs[name]
            if name in ("userData", "userDataBase64"):
                # Encoded once more than EC2 wants it: moto decodes it twice here.
                value = base64.b64encode(_user_data(name, value))
            asked.append({_WHILE_STOPPED[name]: {"Value": value}})
        if not asked:
            return
        ec2.stop_instances(InstanceIds=[instance_id])
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance_id], WaiterConfig=_WAIT)
        try:
            for attribute in asked:
                ec2.modify_instance_attribute(InstanceId=instance_id, **attribute)
        finally:
            ec2.start_instances(InstanceIds=[instance_id])
            ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig=_WAIT)

    # -- state ------------------------------------------------------------------------------

    def _required(self, instance_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        live = self._state(instance_id, inputs)
        if live is None:
            raise ProviderError(f"the instance {instance_id} was terminated by someone else")
        return live

    def _state(self, instance_id: str, known: Mapping[str, Any]) -> dict[str, Any] | None:
        ec2 = self._ec2(known)
        try:
            found = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            raise
        if not found or found[0]["Instances"][0]["State"]["Name"] == "terminated":
            return None
        instance = found[0]["Instances"][0]
        region = known.get("region") or self._cloud.region
        primary: Mapping[str, Any] = next(
            (nic for nic in instance["NetworkInterfaces"] if nic["Attachment"]["DeviceIndex"] == 0),
            {},
        )
        addresses = primary.get("PrivateIpAddresses", [])
        options = instance.get("MetadataOptions", {})
        owner = found[0]["OwnerId"]
        return {
            "arn": f"arn:aws:ec2:{region}:{owner}:instance/{instance_id}",
            "ami": instance["ImageId"],
            "associatePublicIpAddress": "PublicIpAddress" in instance and "Association" in primary,
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "ebsOptimized": instance.get("EbsOptimized", False),
            "hibernation": instance.get("HibernationOptions", {}).get("Configured", False),
            "iamInstanceProfile": _profile(instance),
            "instanceState": instance["State"]["Name"],
            "instanceType": instance["InstanceType"],
            "keyName": instance.get("KeyName"),
            "metadataOptions": {name: options.get(wire) for name, wire in _METADATA.items()},
            "monitoring": instance["Monitoring"]["State"] in ("enabled", "pending"),
            "outpostArn": "",
            "passwordData": "",
            "placementGroup": instance["Placement"].get("GroupName"),
            "primaryNetworkInterfaceId": primary.get("NetworkInterfaceId"),
            "privateDns": instance.get("PrivateDnsName"),
            "privateIp": instance.get("PrivateIpAddress"),
            "publicDns": instance.get("PublicDnsName", ""),
            "publicIp": instance.get("PublicIpAddress", ""),
            "region": region,
            "secondaryPrivateIps": [
                address["PrivateIpAddress"] for address in addresses if not address["Primary"]
            ],
            "sourceDestCheck": instance.get("SourceDestCheck", True),
            "subnetId": instance.get("SubnetId"),
            "tenancy": instance["Placement"].get("Tenancy"),
            # moto leaves the instance's own list empty when the interface was described.
            "vpcSecurityGroupIds": [
                group["GroupId"] for group in primary.get("Groups") or instance["SecurityGroups"]
            ],
            **self._attributes(ec2, instance_id, known),
            **self._devices(ec2, instance),
            **tags.outputs(self._cloud, tags.to_map(instance.get("Tags")), known.get("tags", {})),
            **{
                name: known.get(name)
                for name, of in self.inputs.items()
                if of.write_only and name in known
            },
        }

    @staticmethod
    def _attributes(ec2: Any, instance_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """What DescribeInstances does not tell."""

        def attribute(name: str) -> Any:
            answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
            return answer.get(name[:1].upper() + name[1:], {}).get("Value")

        state: dict[str, Any] = {
            "disableApiTermination": attribute("disableApiTermination"),
            "disableApiStop": attribute("disableApiStop"),
            "instanceInitiatedShutdownBehavior": attribute("instanceInitiatedShutdownBehavior"),
        }
        encoded = attribute("userData")
        if encoded and "userDataBase64" in known:
            state["userDataBase64"] = encoded
        elif encoded:
            state["userData"] = base64.b64decode(encoded).decode(errors="replace")
        return state

    @staticmethod
    def _devices(ec2: Any, instance: Mapping[str, Any]) -> dict[str, Any]:
        """`rootBlockDevice` and `ebsBlockDevices`."""
        mappings = {
            mapping["Ebs"]["VolumeId"]: mapping
            for mapping in instance["BlockDeviceMappings"]
            if "Ebs" in mapping
        }
        if not mappings:
            return {"ebsBlockDevices": []}
        state: dict[str, Any] = {"ebsBlockDevices": []}
        for volume in ec2.describe_volumes(VolumeIds=list(mappings))["Volumes"]:
            mapping = mappings[volume["VolumeId"]]
            own = tags.to_map(volume.get("Tags"))
            device = {
                "deviceName": mapping["DeviceName"],
                "deleteOnTermination": mapping["Ebs"].get("DeleteOnTermination", True),
                "encrypted": volume["Encrypted"],
                "iops": volume.get("Iops"),
                "kmsKeyId": volume.get("KmsKeyId"),
                "throughput": volume.get("Throughput"),
                "volumeId": volume["VolumeId"],
                "volumeSize": volume["Size"],
                "volumeType": volume["VolumeType"],
                "tags": own,
                "tagsAll": own,
            }
            if mapping["DeviceName"] == instance["RootDeviceName"]:
                state["rootBlockDevice"] = device
            else:
                state["ebsBlockDevices"].append({**device, "snapshotId": volume.get("SnapshotId")})
        state["ebsBlockDevices"].sort(key=lambda device: device["deviceName"])
        return state


def _user_data(name: str, value: str) -> bytes:
    """The user data in an input, refused as EC2 does where there is too much of it."""
    data = value.encode() if name == "userData" else base64.b64decode(value)
    if len(data) > _USER_DATA_BYTES:
        raise ProviderError(
            f"AWS refused RunInstances: InvalidParameterValue: {name} has {len(data)} bytes, and "
            f"user data is limited to {_USER_DATA_BYTES}"
        )
    return data


def _profile(instance: Mapping[str, Any]) -> str | None:
    arn = instance.get("IamInstanceProfile", {}).get("Arn")
    return str(arn).rsplit("/", 1)[-1] if arn else None


def _metadata(options: Mapping[str, Any]) -> dict[str, Any]:
    return {wire: options[name] for name, wire in _METADATA.items() if name in options}


def _ebs(device: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "deleteOnTermination": "DeleteOnTermination",
        "encrypted": "Encrypted",
        "iops": "Iops",
        "kmsKeyId": "KmsKeyId",
        "snapshotId": "SnapshotId",
        "throughput": "Throughput",
        "volumeSize": "VolumeSize",
        "volumeType": "VolumeType",
    }
    asked = {wire: device[name] for name, wire in names.items() if name in device}
    return {"DeleteOnTermination": True, **asked}


def _placement(inputs: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "availabilityZone": "AvailabilityZone",
        "tenancy": "Tenancy",
        "placementGroup": "GroupName",
    }
    placement = {wire: inputs[name] for name, wire in names.items() if name in inputs}
    return {"Placement": placement} if placement else {}


def _network(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Where the instance is: EC2 takes the wish for a public address on an interface only."""
    public = inputs.get("associatePublicIpAddress")
    groups = inputs.get("vpcSecurityGroupIds")
    address = inputs.get("privateIp")
    subnet = inputs.get("subnetId")
    if public is None or subnet is None:
        plain = {"SubnetId": subnet, "SecurityGroupIds": groups, "PrivateIpAddress": address}
        return {name: value for name, value in plain.items() if value is not None}
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet,
        "AssociatePublicIpAddress": public,
        "Groups": groups,
        "PrivateIpAddress": address,
    }
    kept = {name: value for name, value in interface.items() if value is not None}
    return {"NetworkInterfaces": [kept]}
