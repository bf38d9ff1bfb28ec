"""The parts of the Pulumi SDKs that this program uses, and nothing else of them.

To use another resource, add its module here: `security_group` has `SecurityGroup`. The argument
types and the enumerations of a package are always there. Each package is imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.sdk_package import Package

if TYPE_CHECKING:
    from pulumi_aws import ec2, iam, secretsmanager, ssm, vpc
    from pulumi_azure_native import network, recoveryservices, resources, storage
else:
    ec2 = Package(
        "pulumi_aws.ec2",
        "instance",
        "network_interface_security_group_attachment",
        "security_group",
    )
    iam = Package(
        "pulumi_aws.iam", "instance_profile", "role", "role_policy", "role_policy_attachment"
    )
    secretsmanager = Package(
        "pulumi_aws.secretsmanager", "secret", "secret_policy", "secret_version"
    )
    ssm = Package("pulumi_aws.ssm", "association", "document", "parameter")
    vpc = Package("pulumi_aws.vpc", "security_group_egress_rule", "security_group_ingress_rule")
    network = Package("pulumi_azure_native.network", "network_security_group", "virtual_network")
    recoveryservices = Package(
        "pulumi_azure_native.recoveryservices", "replication_policy", "vault"
    )
    resources = Package("pulumi_azure_native.resources", "resource_group")
    storage = Package("pulumi_azure_native.storage", "storage_account")

__all__ = [
    "ec2",
    "iam",
    "network",
    "recoveryservices",
    "resources",
    "secretsmanager",
    "ssm",
    "storage",
    "vpc",
]
