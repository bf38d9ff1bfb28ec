"""RunInstances: its arguments, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud
from emulator.providers.aws.instances.wire import metadata, user_data
from emulator.providers.errors import ProviderError


def arguments(cloud: Cloud, ec2: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of RunInstances.

    Raises:
        ProviderError: the image does not exist, or there is too much user data.
    """
    asked: dict[str, Any] = {
        "ImageId": inputs["ami"],
        "InstanceType": inputs["instanceType"],
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": [
            *tags.specification("instance", tags.wanted(cloud, inputs)),
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
        asked["MetadataOptions"] = metadata(inputs["metadataOptions"])
    if "cpuCredits" in inputs.get("creditSpecification", {}):
        asked["CreditSpecification"] = {"CpuCredits": inputs["creditSpecification"]["cpuCredits"]}
    for name in ("userData", "userDataBase64"):
        if name in inputs:
            asked["UserData"] = user_data(name, inputs[name])
    mappings = [
        {"DeviceName": device["deviceName"], "Ebs": _ebs(device)}
        for device in inputs.get("ebsBlockDevices", [])
    ]
    # Read in any case: EC2 refuses an image that does not exist, and moto would accept it.
    root = _root_device(ec2, inputs["ami"])
    if "rootBlockDevice" in inputs:
        mappings.insert(0, {"DeviceName": root, "Ebs": _ebs(inputs["rootBlockDevice"])})
    if mappings:
        asked["BlockDeviceMappings"] = mappings
    return asked


def finish(ec2: Any, instance_id: str, inputs: Mapping[str, Any]) -> None:
    """Set what RunInstances cannot: the source check, and tags of single volumes."""
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


def _root_device(ec2: Any, ami: str) -> str:
    images = ec2.describe_images(ImageIds=[ami])["Images"]
    if not images:
        raise ProviderError(f"the image {ami} (property ami) does not exist in this region")
    return str(images[0]["RootDeviceName"])


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
    """Subnet, groups and address; EC2 takes a request for a public address on an interface only."""
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
