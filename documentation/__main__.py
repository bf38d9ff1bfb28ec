"""Write the generated tables of docs/configuration.md: `make docs`.

python -m documentation            write them
python -m documentation --check    only check whether they are current; exit code 1 if not
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from documentation import configuration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"


def main(arguments: list[str]) -> int:
    """Write or check the page. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m documentation")
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    old = PAGE.read_text("utf-8")
    new = configuration.page(old)
    if check and new != old:
        print("docs/configuration.md is not current. Run: make docs", file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
