"""Loads from the packages of the Pulumi SDKs only what is used: some modules, and single classes.

A package of these SDKs imports all of its modules: with `pulumi_azure_native.network` come 290, for
one class. Its modules `_inputs`, `outputs` and `_enums` have thousands of generated classes, of
which a program uses a few; making them all took longer than anything else that a `pulumi` command
did. So a `Package` imports modules by their names, and `Types` make each class from the SDK's own
source when it is first looked up.

Both take the place of the real ones in this process, because the modules of a package import each
other by their names.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib.machinery import ModuleSpec
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import ModuleType
from typing import Any

_TYPES = ("_enums", "_inputs", "outputs")
_LIST = b"\n__all__ = ["
_NEXT = re.compile(rb"^(?:@|class )", re.MULTILINE)
_GETTER = re.compile(rb"^    def \w+\(self\) -> .+$", re.MULTILINE)
_REFERENCE = re.compile(rb"'(\w+)'")
_PACKAGE = "_package_of_types"


class Package(ModuleType):
    """A package without the modules that nobody uses. They are imported at its first use.

    Args:
        name: the full name of the package.
        modules: the modules whose names it has, besides its types of arguments and enumerations.

    Raises:
        ModuleNotFoundError: there is no such package.
    """

    def __init__(self, name: str, *modules: str) -> None:
        super().__init__(name)
        parent, _, own = name.rpartition(".")
        if parent and parent not in sys.modules:
            Package(parent)
        self.__package__ = name
        spec = importlib.util.find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"there is no package {name}", name=name)
        self.__spec__ = spec
        self.__path__ = spec.submodule_search_locations
        self._modules = modules
        self._loaded = False
        sys.modules[name] = self
        if parent:
            setattr(sys.modules[parent], own, self)
        sources = (self._source(one) for one in _TYPES)
        self._types = [Types(path, self) for path in sources if path.exists()]

    def __getattr__(self, name: str) -> Any:
        """Find a name, and import the modules for it."""
        # They import this package while they are imported themselves. It must not load then.
        if not name.startswith("_") and name != "outputs":
            self._load()
            if name in vars(self):
                return vars(self)[name]
            for one in self._arguments():
                if name in one:
                    return getattr(one, name)
        raise AttributeError(
            f"{self.__name__} has no {name} here: components/sdk.py names the modules that are "
            "imported. Add the one that has it",
            name=name,
            obj=self,
        )

    def __dir__(self) -> list[str]:
        """The names of its modules, of its types of arguments and of its enumerations."""
        self._load()
        names = {name for one in self._arguments() for name in one}
        return sorted(names | {name for name in vars(self) if not name.startswith("_")})

    @cached_property
    def _referred(self) -> frozenset[str]:
        """The names of the types to which the properties in its modules refer."""
        sources = (self._source(module).read_bytes() for module in self._modules)
        getters = (getter for source in sources for getter in _GETTER.findall(source))
        return frozenset(name.decode() for getter in getters for name in _REFERENCE.findall(getter))

    def _arguments(self) -> Iterator[Types]:
        return (one for one in self._types if not one.__name__.endswith(".outputs"))

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            for one in self._modules:
                module = importlib.import_module(f"{self.__name__}.{one}")
                vars(self).update((name, getattr(module, name)) for name in module.__all__)

    def _source(self, module: str) -> Path:
        return Path(self.__path__[0], f"{module}.py")


class Types(ModuleType):
    """A module of generated classes. Each is made from its source when it is first looked up.

    Args:
        path: the source of the module.
        package: the package that it belongs to.
    """

    def __init__(self, path: Path, package: Package) -> None:
        super().__init__(f"{package.__name__}.{path.stem}")
        self.__file__ = str(path)
        self.__package__ = package.__name__
        self.__spec__ = ModuleSpec(self.__name__, None, origin=str(path))
        self._path, self._package = path, package
        sys.modules[self.__name__] = self
        setattr(package, path.stem, self)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """The names of all its classes."""
        return iter(self._names)

    def __getattr__(self, name: str) -> Any:
        """Make a class. `__all__` has those that the package's modules need when they are imported."""
        if name == "__all__":
            return sorted(one for one in self._package._referred if one in self)
        place = self._place(name) if name in self and not name.startswith("_") else -1
        if place < 0:
            raise AttributeError(f"{self.__name__} has no {name}", name=name, obj=self)
        if _PACKAGE not in vars(self):
            vars(self)[_PACKAGE] = self._package
            self._run(self._source[: self._source.find(_LIST)])
        following = _NEXT.search(self._source, place + len(b"class "))
        end = following.start() if following else len(self._source)
        source = self._source[self._decorated(place) : end]
        # Pulumi evaluates annotations where it needs them. Python would evaluate all of them now.
        typed = b"(TypedDict)" in source
        self._run(_by_attribute(source), 0 if typed else annotations.compiler_flag)
        return vars(self)[name]

    @cached_property
    def _source(self) -> mmap:
        with self._path.open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)

    @cached_property
    def _names(self) -> frozenset[str]:
        begin = self._source.find(_LIST)
        listed = self._source[begin : self._source.find(b"]", begin)]
        return frozenset(name.decode() for name in _REFERENCE.findall(listed))

    def _place(self, name: str) -> int:
        """Where the definition of a class begins; -1 if there is none."""
        definition = f"\nclass {name}".encode()
        place = self._source.find(definition)
        while place >= 0 and self._source[place + len(definition)] not in b"(:":
            place = self._source.find(definition, place + 1)
        return place + 1 if place >= 0 else -1

    def _decorated(self, place: int) -> int:
        """Where the decorator of the class at this place begins; the place itself without one."""
        before = self._source.rfind(b"\n", 0, place - 1) + 1
        return before if self._source[before : before + 1] == b"@" else place

    def _run(self, source: bytes, flags: int = 0) -> None:
        code = compile(source, str(self._path), "exec", flags, dont_inherit=True)
        exec(code, vars(self))  # noqa: S102 - the SDK's


def _by_attribute(source: bytes) -> bytes:
    """The source of a class whose properties refer to types as attributes of the package.

    Pulumi evaluates a reference when it needs the type. An attribute is found then; a name in the
    module would have to be there already.
    """
    attribute = rb"'" + _PACKAGE.encode() + rb".\1'"
    return _GETTER.sub(lambda getter: _REFERENCE.sub(attribute, getter[0]), source)
