"""The parts of the Pulumi SDKs that this program uses, and nothing else of them.

A package of these SDKs imports all of its modules: with `pulumi_azure_native.network` come 290, for
one class. Importing nine such packages took longer than anything else that a `pulumi` command did.
Here each package is imported at its first use, and only with the modules that are named.

To use another resource, add its module here: `security_group` has `SecurityGroup`. The argument
types and the enumerations of a package are always there.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

_ALWAYS = ("_enums", "_inputs")


class PartOfPackage(ModuleType):
    """A package without the modules that nobody uses. It is loaded at its first use.

    It takes the place of the package in this process, because the modules of a package import each
    other by its name.

    Args:
        name: the full name of the package.
        modules: the modules whose names it has.

    Raises:
        ModuleNotFoundError: there is no such package.
    """

    def __init__(self, name: str, *modules: str) -> None:
        super().__init__(name)
        parent, _, own = name.rpartition(".")
        package = importlib.import_module(parent)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"there is no package {name}", name=name)
        self.__package__ = name
        self.__path__ = spec.submodule_search_locations
        self.__spec__ = spec
        self._modules = modules
        self._loaded = False
        sys.modules[name] = self
        setattr(package, own, self)

    def __getattr__(self, name: str) -> Any:
        """Load the modules when a name is looked up that is not there yet."""
        # Its modules import this one while they are imported themselves. It must not load then.
        own_or_pythons = name == "outputs" or (name.startswith("__") and name != "__all__")
        if not own_or_pythons and not self._loaded:
            self._loaded = True
            self._load()
            return getattr(self, name)
        raise AttributeError(
            f"{self.__name__} has no {name} here: components/sdk.py names the modules that are "
            "imported. Add the one that has it",
            name=name,
            obj=self,
        )

    def _load(self) -> None:
        always = (one for one in _ALWAYS if importlib.util.find_spec(f"{self.__name__}.{one}"))
        names: list[str] = []
        for one in (*always, *self._modules):
            module = importlib.import_module(f"{self.__name__}.{one}")
            names += module.__all__
            vars(self).update((public, getattr(module, public)) for public in module.__all__)
        self.__all__ = names


if TYPE_CHECKING:
    from pulumi_aws import ec2, iam, secretsmanager, ssm, vpc
    from pulumi_azure_native import network, recoveryservices, resources, storage
else:
    ec2 = PartOfPackage(
        "pulumi_aws.ec2",
        "instance",
        "network_interface_security_group_attachment",
        "security_group",
    )
    iam = PartOfPackage(
        "pulumi_aws.iam", "instance_profile", "role", "role_policy", "role_policy_attachment"
    )
    secretsmanager = PartOfPackage(
        "pulumi_aws.secretsmanager", "secret", "secret_policy", "secret_version"
    )
    ssm = PartOfPackage("pulumi_aws.ssm", "association", "document", "parameter")
    vpc = PartOfPackage(
        "pulumi_aws.vpc", "security_group_egress_rule", "security_group_ingress_rule"
    )
    network = PartOfPackage("pulumi_azure_native.network", "virtual_network")
    recoveryservices = PartOfPackage(
        "pulumi_azure_native.recoveryservices", "replication_policy", "vault"
    )
    resources = PartOfPackage("pulumi_azure_native.resources", "resource_group")
    storage = PartOfPackage("pulumi_azure_native.storage", "storage_account")

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
