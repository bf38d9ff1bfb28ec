"""Compiles the modules that this project imports to byte code, once, at set-up.

    python -m toolchain.byte_code <checkout>     in the virtual environment

About 1,500 of the 18,000 installed modules are imported. Compiling those takes longer than anything
else that a `pulumi` command does. So set-up compiles them, and Python keeps what it compiles later.
CI and container images often set PYTHONDONTWRITEBYTECODE: without `keep`, Python would then compile
the modules again for every command.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from toolchain.layout import Layout

_ALWAYS_KEPT = "import sys; sys.dont_write_bytecode = False; sys.pycache_prefix = None\n"
_PACKAGES = (
    "components",
    "dynamic_providers",
    "emulator",
    "settings",
    "site_recovery",
    "toolchain",
)


def keep(layout: Layout) -> None:
    """Make Python in the virtual environment always write its byte code beside the source.

    Python runs this line at every start, after it has read PYTHONDONTWRITEBYTECODE and
    PYTHONPYCACHEPREFIX. So it also works if an official language host starts the program.
    """
    for folder in layout.virtual_environment.glob("lib/python*/site-packages"):
        (folder / "byte_code.pth").write_text(_ALWAYS_KEPT, "utf-8")


def compile_imported(root: Path) -> None:
    """Compile the project's modules and everything that they import, by importing them.

    A module that cannot be imported is skipped: this only saves time, and the command that needs
    the module reports the error.

    Args:
        root: the folder of the project's packages.
    """
    sys.path.insert(0, str(root))
    load(imported(root, _PACKAGES))


def load(names: Iterable[str]) -> None:
    """Import modules by name. A module that cannot be imported is skipped."""
    for name in sorted(set(names)):
        with contextlib.suppress(Exception):
            module = importlib.import_module(name)
            # The cloud SDKs load some of their modules only when an attribute is read.
            getattr(module, "__all__", None)


def imported(root: Path, packages: Iterable[str]) -> Iterator[str]:
    """The names of packages' modules and of what those import, also inside functions.

    Some names are no modules: in `from a import b` only the import shows what `b` is.

    Args:
        root: the folder that the packages are in.
        packages: paths of packages below it.
    """
    for path in (file for package in packages for file in (root / package).rglob("*.py")):
        if path.name != "__main__.py":
            yield ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                # A name may itself be a module, as in `from pulumi_aws import ec2`.
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    compile_imported(Path(sys.argv[1]))
