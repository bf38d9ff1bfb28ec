"""Entry point of the launcher `pulumi-language-python`: serves one engine until it goes away."""

from __future__ import annotations

import sys
from pathlib import Path

# Run by path, so that nothing has to be put on PYTHONPATH, which the program would inherit.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from toolchain.language_host.server import main  # noqa: E402 - needs the path above

if __name__ == "__main__":
    sys.exit(main())
