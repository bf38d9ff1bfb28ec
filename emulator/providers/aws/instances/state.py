"""An instance as EC2 describes it, in the words of programs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import partitions
from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.instances.wire import GONE, METADATA


def read(
    cloud: Cloud, instance_id: str, known: Mapping[str, Any], write_only: Iterable[str]
) -> dict[str, Any] | None:
    """The outputs of an instance; None if it is terminated or unknown.

    Args:
        cloud: the AWS.
        instance_id: the instance.
        known: inputs or outputs of before, for what EC2 does not say.
        write_only: the names of the properties that are copied from `known`.
    """
    ec2 = cloud.client("ec2", known.get("region"))
    try:
        found = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    except ClientError as error:
        if code_of(error) in GONE:
            return None
        raise
    if not found or found[0]["Instances"][0]["State"]["Name"] == "terminated":
        return None
    instance = found[0]["Instances"][0]
    region = known.get("region") or cloud.region
    primary: Mapping[str, Any] = next(
        (nic for nic in instance["NetworkInterfaces"] if nic["Attachment"]["DeviceIndex"] == 0),
        {},
    )
    addresses = primary.get("PrivateIpAddresses", [])
    options = instance.get("MetadataOptions", {})
    owner = found[0]["OwnerId"]
    return {
        "arn": partitions.arn("ec2", region, owner, f"instance/{instance_id}"),
        "ami": instance["ImageId"],
        "associatePublicIpAddress": "PublicIpAddress" in instance and "Association" in primary,
        "availabilityZone": instance["Placement"]["AvailabilityZone"],
        "ebsOptimized": instance.get("EbsOptimized", False),
        "hibernation": instance.get("HibernationOptions", {}).get("Configured", False),
        "iamInstanceProfile": _profile(instance),
        "instanceState": instance["State"]["Name"],
        "instanceType": instance["InstanceType"],
        "keyName": instance.get("KeyName"),
        "metadataOptions": {name: options.get(wire) for name, wire in METADATA.items()},
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
        **_attributes(ec2, instance_id, known),
        **_devices(ec2, instance),
        **tags.outputs(cloud, tags.to_map(instance.get("Tags")), known.get("tags", {})),
        **{name: known.get(name) for name in write_only if name in known},
    }


def _attributes(ec2: Any, instance_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are missing in DescribeInstances."""

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


def _profile(instance: Mapping[str, Any]) -> str | None:
    arn = instance.get("IamInstanceProfile", {}).get("Arn")
    return str(arn).rsplit("/", 1)[-1] if arn else None
