"""What a `pulumi` command imports. In processes of their own, because imports stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

from components import sdk
from components.sdk_package import Package

_PACKAGES = [vars(sdk)[name] for name in sdk.__all__]
_DESCRIPTION = """
import importlib, sys
from enum import Enum
from pulumi import _types

def described(one):
    if issubclass(one, Enum):
        return [(member.name, member.value) for member in one]
    if _types.is_input_type(one) or _types.is_output_type(one):
        return _types._types_from_py_properties(one)
    return one.__annotations__

def describe(module, names):
    for name in sorted(names):
        print(module.__name__, name, described(getattr(module, name)))
"""


def _printed(code: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def test_a_package_has_what_the_whole_package_has_by_that_name() -> None:
    parts = {part.__name__: dir(part) for part in _PACKAGES}
    assert all(parts.values())
    code = (
        "import importlib;"
        f"print(*(f'{{p}}.{{n}}' for p, names in {parts}.items() for n in names"
        " if not hasattr(importlib.import_module(p), n)))"
    )
    assert _printed(code) == []


@pytest.mark.parametrize("package", _PACKAGES, ids=lambda package: package.__name__)
def test_each_type_that_is_made_by_itself_is_like_the_one_that_its_module_makes(
    package: Package,
) -> None:
    by_itself = (
        f"{_DESCRIPTION}\nfrom components import sdk\n"
        f"for one in sys.modules[{package.__name__!r}]._types: describe(one, one)"
    )
    of_modules = (
        f"{_DESCRIPTION}\nfor name in {[one.__name__ for one in package._types]}:\n"
        "    one = importlib.import_module(name)\n"
        "    describe(one, (n for n, c in vars(one).items() if getattr(c, '__module__', '') == name))"
    )
    assert (found := _printed(by_itself)) == _printed(of_modules)
    assert found


def test_no_module_of_an_sdk_is_imported_and_no_type_made_before_something_of_it_is_used() -> None:
    parts = tuple(f"{part.__name__}." for part in _PACKAGES)
    code = (
        "import sys, components; from components.sdk_package import Types;"
        f"of_sdk = [(n, m) for n, m in sys.modules.items() if n.startswith({parts})];"
        "print(*(n for n, m in of_sdk if not isinstance(m, Types)));"
        "print(*(c for n, m in of_sdk for c in vars(m).values() if isinstance(c, type)))"
    )
    assert _printed(code) == []


def test_only_the_named_modules_of_a_package_are_imported() -> None:
    code = (
        "import sys; from components.sdk import network; network.VirtualNetwork;"
        "print(*sorted(m for m in sys.modules if m.startswith('pulumi_azure_native.network.')))"
    )
    found = {one.rpartition(".")[2] for one in _printed(code)}
    assert found == {*("_enums", "_inputs", "outputs"), "network_security_group", "virtual_network"}


def test_a_module_imported_by_itself_does_not_load_the_part_halfway() -> None:
    code = (
        "from components.sdk import ec2; import pulumi_aws.ec2.security_group as one;"
        "print(one.SecurityGroup is ec2.SecurityGroup, ec2.Instance.__name__)"
    )
    assert _printed(code) == ["True", "Instance"]


def test_a_name_of_a_module_that_is_not_listed_is_an_error_that_says_where_to_list_it() -> None:
    with pytest.raises(AttributeError, match=r"no Subnet here: components/sdk\.py"):
        sdk.network.Subnet  # noqa: B018 - looking it up is what fails


def test_the_program_imports_nothing_that_only_connections_need() -> None:
    heavy = (
        "aiohttp",
        "azure.identity",
        "boto3",
        "cryptography",
        "azure.mgmt.recoveryservicessiterecovery",
        "msal",
    )
    code = f"import sys, settings, components; print(*(m for m in {heavy} if m in sys.modules))"
    assert _printed(code) == []
