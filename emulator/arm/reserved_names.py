"""Names that Azure keeps for itself.

Source: "Resolve errors for reserved resource names" (Microsoft Learn).
"""

from __future__ import annotations

_WORDS = frozenset(
    [
        "access",
        "azure",
        "bing",
        "bizspark",
        "biztalk",
        "cortana",
        "directx",
        "dotnet",
        "dynamics",
        "excel",
        "exchange",
        "forefront",
        "groove",
        "hololens",
        "hyperv",
        "kinect",
        "lync",
        "msdn",
        "o365",
        "office",
        "office365",
        "onedrive",
        "onenote",
        "outlook",
        "powerpoint",
        "sharepoint",
        "skype",
        "visio",
        "visualstudio",
        "xbox",
    ]
)
_ANYWHERE = ("microsoft", "windows")
_AT_THE_START = "login"


def reserved(name: str) -> bool:
    """Whether a name, or a part of it, is a reserved word."""
    lower = name.lower()
    return (
        lower in _WORDS
        or lower.startswith(_AT_THE_START)
        or any(word in lower for word in _ANYWHERE)
    )
