"""Pulumi mocks that also record the dependencies, parents and options of resources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource, mocks, set_mocks, test
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import Stack

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"

_AZURE_PATHS = {
    "azure-native:resources:ResourceGroup": ("resourceGroupName", "{resourceGroupName}"),
    "azure-native:network:VirtualNetwork": (
        "virtualNetworkName",
        "{resourceGroupName}/providers/Microsoft.Network/virtualNetworks/{virtualNetworkName}",
    ),
    "azure-native:network:NetworkSecurityGroup": (
        "networkSecurityGroupName",
        "{resourceGroupName}/providers/Microsoft.Network/networkSecurityGroups"
        "/{networkSecurityGroupName}",
    ),
    "azure-native:storage:StorageAccount": (
        "accountName",
        "{resourceGroupName}/providers/Microsoft.Storage/storageAccounts/{accountName}",
    ),
    "azure-native:recoveryservices:Vault": (
        "vaultName",
        "{resourceGroupName}/providers/Microsoft.RecoveryServices/vaults/{vaultName}",
    ),
    "azure-native:recoveryservices:ReplicationPolicy": (
        "policyName",
        "{resourceGroupName}/providers/Microsoft.RecoveryServices/vaults/{resourceName}"
        "/replicationPolicies/{policyName}",
    ),
}

_OUTPUTS: dict[str, dict[str, Any]] = {
    "Registration": {
        "fabric_id": "fabric-id",
        "container_id": "container-id",
        "provider_id": "provider-id",
        "process_server_id": "process-server-id",
        "master_target_id": "master-target-id",
        "run_as_accounts": {"WindowsAccount": "1", "LinuxAccount": "2"},
        "machines_site_id": "machines-site-id",
    },
    "Credentials": {"credentials_file": "<RSVaultAsrCreds>private key</RSVaultAsrCreds>"},
    "Connectivity": {"blocked": {}, "rows": []},
    "Agents": {"failed": {}, "status": {}},
    "Mapping": {"mapping_id": "mapping-id"},
    "Machine": {
        "observed_phase": "protected",
        "item_id": "item-id",
        "power_state": "",
        "private_ip": "",
        "private_ips": [],
        "health": "Normal",
    },
}


@dataclass(frozen=True)
class Resource:
    """A registered resource.

    Attributes:
        type: its type, without the types of its parents.
        id: its id.
        inputs: its inputs as the provider gets them.
        dependencies: URNs of the resources that it waits for.
        depending: the inputs that make it wait for others.
        retained: whether it is kept when it is deleted from the stack.
        ignored: inputs whose changes are ignored.
        hooks: the names of what is called before it is created.
        existing: the id of an existing resource that was only looked up; otherwise empty.
        provider: URN and id of the provider that the program names for it; otherwise empty.
        aliases: the types, or the URNs, that it is also known by.
    """

    urn: str
    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    dependencies: frozenset[str]
    retained: bool
    ignored: frozenset[str]
    hooks: frozenset[str] = frozenset()
    existing: str = ""
    depending: frozenset[str] = frozenset()
    provider: str = ""
    aliases: tuple[str, ...] = ()


@dataclass
class Deployment:
    """Everything a program registered; its hooks by name."""

    resources: list[Resource] = field(default_factory=list)
    hooks: dict[str, pulumi.ResourceHook] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def all(self, type_: str) -> list[Resource]:
        """The resources of a type. The end of the type token is enough."""
        return [r for r in self.resources if r.type.endswith(type_)]

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The only resource of a type, or the one with a name."""
        found = [r for r in self.all(type_) if name in (None, r.name)]
        assert len(found) == 1, (type_, name, [r.urn for r in found])
        return found[0]

    def waits_for(self, later: Resource, earlier: Resource) -> bool:
        """Whether a resource depends on another, directly or indirectly."""
        by_urn = {r.urn: r for r in self.resources}
        seen: set[str] = set()
        queue = [later.urn]
        while queue:
            for urn in by_urn[queue.pop()].dependencies - seen:
                seen.add(urn)
                if urn in by_urn:
                    queue.append(urn)
        return earlier.urn in seen

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)


class _Monitor(mocks.MockMonitor):
    def __init__(self, deployment: Deployment, answers: _Answers) -> None:
        super().__init__(answers)
        self._deployment = deployment

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (an rpc's name)
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self._record(request, answer.urn, answer.id)
        return answer

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().ReadResource(request)  # type: ignore[no-untyped-call]
        self._record(request, answer.urn, request.id, existing=request.id)
        return answer

    def _record(self, request: Any, urn: str, id_: str, existing: str = "") -> None:
        body = request.properties if existing else request.object
        self._deployment.resources.append(
            Resource(
                urn=urn,
                type=request.type,
                name=request.name,
                id=id_,
                inputs=pulumi.runtime.rpc.deserialize_properties(body),
                dependencies=frozenset(request.dependencies),
                retained=not existing and request.retainOnDelete,
                ignored=frozenset(() if existing else request.ignoreChanges),
                hooks=frozenset(() if existing else request.hooks.before_create),
                existing=existing,
                provider=request.provider,
                aliases=()
                if existing
                else (
                    *(each.spec.type or each.urn for each in request.aliases),
                    *request.aliasURNs,
                ),
                depending=frozenset(
                    name
                    for name, others in ({} if existing else request.propertyDependencies).items()
                    if others.urns
                ),
            )
        )


class _Callbacks:
    """Takes the place of the server through which an engine calls hooks."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        self._deployment.hooks[hook.name] = hook


class _Answers(mocks.Mocks):
    def __init__(
        self,
        accounts: dict[str, str] | None,
        functions: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    ) -> None:
        self._accounts = accounts
        self._functions = functions

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ in _AZURE_PATHS:
            name, path = _AZURE_PATHS[args.typ]
            known = {"resourceGroupName": "", **state}
            if name not in known:
                return args.resource_id or args.name, state
            # Azure's `name` is an input that is named after the type.
            return (
                f"{SUBSCRIPTION}/resourceGroups/{path.format(**known)}",
                {**state, "name": known[name]},
            )
        if args.typ == "pulumi:pulumi:StackReference":
            state["outputs"] = {}
        if args.typ == "aws:ec2/instance:Instance":
            state.setdefault("privateIp", "10.10.2.77")
        kind = args.typ.rsplit(":", 1)[-1]
        state |= _OUTPUTS.get(kind, {})
        if kind == "Registration" and self._accounts is not None:
            state["run_as_accounts"] = self._accounts
        if kind == "Wave" and "machines" in state:
            state["outcomes"] = {
                m: {"status": "satisfied", "reason": "", "message": ""} for m in state["machines"]
            }
            state["results"] = {m: {} for m in state["machines"]}
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token in self._functions:
            return self._functions[args.token], []
        raise AssertionError(f"no function of a cloud should be needed: {args.token}")


def deploy(
    program: Callable[[], object],
    *,
    stack: str = "test",
    accounts: dict[str, str] | None = None,
    functions: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    preview: bool = False,
) -> Deployment:
    """Run a program with mocks and wait for everything that it registers.

    Args:
        program: registers resources.
        stack: the name of the stack.
        accounts: the run-as accounts of the configuration server, if a test needs them.
        functions: what functions of the clouds answer, by their names.
        preview: whether this is a preview.
    """
    deployment = Deployment()
    answers = _Answers(accounts, functions)

    def run() -> None:
        stack = get_root_resource()
        assert isinstance(stack, Stack)
        # The stack of the mocks is that of the programs before, too.
        stack.outputs.clear()
        stack._transformations = []
        program()
        pulumi.Output.from_input(dict(stack.outputs)).apply(deployment.outputs.update)

    # Pulumi uses the event loop of the thread, which asyncio.run in another test has removed.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        set_mocks(
            answers,
            project="ec2-to-azure",
            stack=stack,
            preview=preview,
            monitor=_Monitor(deployment, answers),
        )
        SETTINGS.callbacks = _Callbacks(deployment)
        test(run)()  # type: ignore[no-untyped-call]
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return deployment
