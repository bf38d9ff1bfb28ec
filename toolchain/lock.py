"""Make requirements.lock from requirements.txt: every package that pip would install, pinned.

    python -m toolchain.lock

Nothing is installed by it. Hashes are left out: a lock with them would name the wheels of the
platform that it was made on.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

from toolchain.layout import Layout, checkout


def main() -> int:
    """Write the lock of the checkout that this file is in. Returns the exit code."""
    layout = checkout()
    pins = resolve(layout)
    header = "# Made from requirements.txt by `make lock`. Not to be edited by hand.\n"
    (layout.root / "requirements.lock").write_text(header + "\n".join(pins) + "\n", "utf-8")
    print(f"requirements.lock pins {len(pins)} packages.", file=sys.stderr)
    return 0


def resolve(layout: Layout) -> list[str]:
    """The pins, as `name==version`, by name.

    Raises:
        subprocess.CalledProcessError: pip found no set of versions; it said why.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    dry_run = ["--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    report = subprocess.run(
        [*pip, *dry_run, "-r", str(layout.root / "requirements.txt")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = [item["metadata"] for item in json.loads(report.stdout)["install"]]
    return sorted(f"{_normalized(item['name'])}=={item['version']}" for item in found)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
