"""Declares dynamic resources from the models of their providers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import Resource
from pulumi.runtime.settings import SETTINGS

from dynamic_providers.adapter import MigrationProvider

_FORMER_MODULE = "dynamic/site-recovery"


class DeclaredResource(Resource):
    """A dynamic resource whose inputs and outputs are the fields of its provider's models.

    A subclass names its type (and the one that it had once), its provider and its secret outputs in its header, and in its body
    it annotates what a program may read as `pulumi.Output[...]`:

        class VaultCredentials(
            DeclaredResource,
            name="Credentials",
            former="VaultCredentials",
            provider=VaultCredentialsProvider,
            secret_outputs=["credentials_file"],
        ):
            credentials_file: pulumi.Output[str]

    Args:
        name: the name of the resource.
        opts: its options.
        inputs: a value, or an output that has one, for each field of the provider's inputs that
            has no default. `urn`, `preview` and `parallel` are filled in.

    Raises:
        TypeError: an input is missing or unknown.
    """

    _implementation: ClassVar[type[MigrationProvider[Any, Any]]]
    _secret_outputs: ClassVar[Sequence[str]]
    _former: ClassVar[str | None]

    def __init_subclass__(
        cls,
        *,
        name: str,
        provider: type[MigrationProvider[Any, Any]],
        secret_outputs: Sequence[str] = (),
        former: str | None = None,
        module: str = "asr",
    ) -> None:
        super().__init_subclass__(module=module, name=name)
        cls._implementation = provider
        cls._secret_outputs = secret_outputs
        cls._former = former
        annotated = set(inspect.get_annotations(cls))
        outputs = set(provider.outputs.model_fields)
        wrong = (outputs - annotated) | (annotated - outputs - set(provider.inputs.model_fields))
        if wrong:
            raise TypeError(
                f"{cls.__name__}: annotate each output of {provider.outputs.__name__} once, and "
                f"nothing else but inputs. Wrong: {', '.join(sorted(wrong))}"
            )

    def __init__(
        self, name: str, /, *, opts: pulumi.ResourceOptions | None = None, **inputs: Any
    ) -> None:
        provider = self._implementation
        filled_in: dict[str, Any] = {}
        if "urn" in provider.inputs.model_fields:
            filled_in["urn"] = _urn(self._resource_type_name, name, opts)
        if "preview" in provider.only_for_check:
            filled_in["preview"] = pulumi.runtime.is_dry_run()
        if "parallel" in provider.only_for_check:
            filled_in["parallel"] = SETTINGS.parallel
        self._raise_unless_complete(name, {*inputs, *filled_in})
        # Pulumi sets attributes only for registered properties, so outputs are registered as None.
        outputs = dict.fromkeys(set(provider.outputs.model_fields) - set(inputs))
        # An older stack keeps its resources under their new types, which are short so that a terminal
        # of usual width shows what stands behind them. As URNs, because the SDK would put together
        # each of them in a dozen steps on the event loop.
        former = [_urn(f"{_FORMER_MODULE}:{self._former}", name, opts)] if self._former else None
        added = pulumi.ResourceOptions(
            additional_secret_outputs=list(self._secret_outputs) or None, aliases=former
        )
        super().__init__(
            provider(),
            name,
            {**inputs, **filled_in, **outputs},
            pulumi.ResourceOptions.merge(opts, added),
        )

    def _raise_unless_complete(self, name: str, given: set[str]) -> None:
        fields = self._implementation.inputs.model_fields
        missing = {field for field, its in fields.items() if its.is_required()} - given
        unexpected = given - set(fields) - set(self._implementation.only_for_check)
        for what, names in (("missing", missing), ("unexpected", unexpected)):
            if names:
                who = f"{type(self).__name__} {name!r}"
                raise TypeError(f"{who}: {what} input: {', '.join(sorted(names))}")


def _urn(kind: str, name: str, opts: pulumi.ResourceOptions | None) -> str:
    """The URN of a dynamic resource that is at the top of the stack, or in a component there.

    A dynamic provider is not told the URN of its resource, and needs it to report on that
    resource's row, so it is an input. It is put together here because the parent's own `urn`
    output would make the resource depend on all children of its parent, and so on itself.

    Args:
        kind: its type, such as `dynamic/asr:Wave`.
        name: its name.
        opts: its options, which name the component.
    """
    own_type = f"pulumi-python:{kind}"
    parent = opts.parent if opts is not None else None
    chain = f"{parent.pulumi_resource_type}${own_type}" if parent is not None else own_type
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}::{name}"
