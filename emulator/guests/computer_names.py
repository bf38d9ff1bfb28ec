"""The computer names that Windows takes, and the name that a server has then.

Sources: "Naming conventions in Active Directory for computers, domains, sites, and OUs" (characters,
digits alone, first and last character, 15 characters of a NetBIOS name), and the error text of
Rename-Computer (Microsoft Learn).
"""

from __future__ import annotations

import re

_LONGEST = 15
_NAME = re.compile(r"(?!\d+\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def after_renaming(wanted: str, before: str) -> str:
    """The NetBIOS name of a computer after `Rename-Computer`, by which servers register.

    Args:
        wanted: the new name. Windows refuses one that is not well formed, and cuts a long one.
        before: the name until then.
    """
    return wanted[:_LONGEST] if _NAME.fullmatch(wanted) else before
