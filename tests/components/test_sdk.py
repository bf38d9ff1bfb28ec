"""What a `pulumi` command imports. In processes of their own, because imports stay."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from components import sdk
from components.sdk_package import Package

_PACKAGES = [vars(sdk)[name] for name in sdk.__all__]
_DESCRIPTION = """
import importlib, json, sys
from enum import Enum
from pulumi import _types

def described(one):
    if issubclass(one, Enum):
        return [(member.name, member.value) for member in one]
    if _types.is_input_type(one) or _types.is_output_type(one):
        return _types._types_from_py_properties(one)
    return one.__annotations__

def describe(module, names):
    return [(module.__name__, name, str(described(getattr(module, name)))) for name in sorted(names)]
"""


def _printed(code: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def _described(code: str) -> Any:
    """The types of each package as a process shows them in JSON at last."""
    code = f"{_DESCRIPTION}\n{code}\njson.dump(found, sys.stdout)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def whole() -> Any:
    """By package: its types as their modules make them, and which of our names it does not have.

    In one process, because whole packages are imported in seconds.
    """
    packages = {
        part.__name__: ([one.__name__ for one in part._types], dir(part)) for part in _PACKAGES
    }
    return _described(
        f"""
def own(module):
    return (n for n, c in vars(module).items() if getattr(c, "__module__", "") == module.__name__)

found = {{}}
for package, (modules, names) in {packages}.items():
    own_modules = map(importlib.import_module, modules)
    types = [line for one in own_modules for line in describe(one, own(one))]
    all = importlib.import_module(package)
    found[package] = {{"types": types, "missing": [n for n in names if not hasattr(all, n)]}}
"""
    )


@pytest.fixture(scope="module")
def by_itself() -> Any:
    """By package: its types as they are made one by one."""
    return _described(
        f"""
from components import sdk
found = {{
    package: [line for one in sys.modules[package]._types for line in describe(one, one)]
    for package in {[part.__name__ for part in _PACKAGES]}
}}
"""
    )


@pytest.mark.parametrize("package", _PACKAGES, ids=lambda package: package.__name__)
class TestAPackage:
    def test_has_what_the_whole_package_has_by_that_name(
        self, whole: Any, package: Package
    ) -> None:
        assert dir(package)
        assert whole[package.__name__]["missing"] == []

    def test_makes_each_type_by_itself_like_the_one_that_its_module_makes(
        self, whole: Any, by_itself: Any, package: Package
    ) -> None:
        assert by_itself[package.__name__]
        assert by_itself[package.__name__] == whole[package.__name__]["types"]


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
