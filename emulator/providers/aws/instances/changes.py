"""Changes of an instance that exists."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from emulator.providers.aws import tags
from emulator.providers.aws.instances.wire import WAIT, metadata, user_data

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


def apply(
    ec2: Any,
    instance_id: str,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    changed: set[str],
) -> None:
    """Make each change by the call that EC2 has for it. Some need the instance to be stopped.

    Args:
        ec2: a client of EC2.
        instance_id: the instance.
        state: its outputs before.
        inputs: what it should be.
        changed: the names of the inputs that differ.
    """
    if "vpcSecurityGroupIds" in changed:
        # EC2 has one list of groups for both; moto has two, and answers with their union.
        groups = inputs["vpcSecurityGroupIds"]
        ec2.modify_instance_attribute(InstanceId=instance_id, Groups=groups)
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=state["primaryNetworkInterfaceId"], Groups=groups
        )
    if "metadataOptions" in changed:
        ec2.modify_instance_metadata_options(
            InstanceId=instance_id, **metadata(inputs["metadataOptions"])
        )
    if "monitoring" in changed:
        call = ec2.monitor_instances if inputs["monitoring"] else ec2.unmonitor_instances
        call(InstanceIds=[instance_id])
    if "instanceInitiatedShutdownBehavior" in changed:
        ec2.modify_instance_attribute(
            InstanceId=instance_id,
            Attribute="instanceInitiatedShutdownBehavior",
            Value=inputs["instanceInitiatedShutdownBehavior"],
        )
    for name in sorted(changed & set(_ANY_TIME)):
        ec2.modify_instance_attribute(
            InstanceId=instance_id, **{_ANY_TIME[name]: {"Value": inputs[name]}}
        )
    if "iamInstanceProfile" in changed:
        _change_profile(ec2, instance_id, inputs["iamInstanceProfile"])
    _change_volumes(ec2, state, inputs)
    _change_stopped(ec2, instance_id, changed, inputs)


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
            tags.change(ec2, device["volumeId"], state.get("volumeTags", {}), inputs["volumeTags"])


def _change_stopped(
    ec2: Any, instance_id: str, changed: set[str], inputs: Mapping[str, Any]
) -> None:
    asked = []
    for name in sorted(changed & set(_WHILE_STOPPED)):
        value: Any = inputs[name]
        if name in ("userData", "userDataBase64"):
            # Encoded once more than EC2 wants it: moto decodes it twice here.
            value = base64.b64encode(user_data(name, value))
        asked.append({_WHILE_STOPPED[name]: {"Value": value}})
    if not asked:
        return
    ec2.stop_instances(InstanceIds=[instance_id])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance_id], WaiterConfig=WAIT)
    try:
        for attribute in asked:
            ec2.modify_instance_attribute(InstanceId=instance_id, **attribute)
    finally:
        ec2.start_instances(InstanceIds=[instance_id])
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig=WAIT)
