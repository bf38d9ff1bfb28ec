"""What a `pulumi` command imports. In processes of their own, because imports stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

from components import sdk


def _printed(code: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def test_a_part_of_a_package_has_what_the_whole_package_has_by_that_name() -> None:
    parts = {(part := getattr(sdk, name)).__name__: part.__all__ for name in sdk.__all__}
    assert all(parts.values())
    code = (
        "import importlib;"
        f"print(*(f'{{p}}.{{n}}' for p, names in {parts}.items() for n in names"
        " if not hasattr(importlib.import_module(p), n)))"
    )
    assert _printed(code) == []


def test_no_module_of_an_sdk_is_imported_before_something_of_it_is_used() -> None:
    parts = tuple(f"{getattr(sdk, name).__name__}." for name in sdk.__all__)
    code = f"import sys, components; print(*(m for m in sys.modules if m.startswith({parts})))"
    assert _printed(code) == []


def test_only_the_named_modules_of_a_package_are_imported() -> None:
    code = (
        "import sys; from components.sdk import network; network.VirtualNetwork;"
        "print(*sorted(m for m in sys.modules if m.startswith('pulumi_azure_native.network.')))"
    )
    found = {one.rpartition(".")[2] for one in _printed(code)}
    assert found == {"_enums", "_inputs", "outputs", "virtual_network"}


def test_a_module_imported_by_itself_does_not_load_the_part_halfway() -> None:
    code = (
        "from components.sdk import ec2; import pulumi_aws.ec2.security_group as one;"
        "print(one.SecurityGroup is ec2.SecurityGroup, ec2.Instance.__name__)"
    )
    assert _printed(code) == ["True", "Instance"]


def test_a_name_of_a_module_that_is_not_listed_is_an_error_that_says_where_to_list_it() -> None:
    with pytest.raises(AttributeError, match=r"no Subnet here: components/sdk\.py"):
        sdk.network.Subnet  # noqa: B018 - looking it up is what fails


def test_the_program_imports_no_sdk_of_azure() -> None:
    heavy = ("aiohttp", "azure.identity", "azure.mgmt.recoveryservicessiterecovery", "msal")
    code = f"import sys, settings, components; print(*(m for m in {heavy} if m in sys.modules))"
    assert _printed(code) == []
