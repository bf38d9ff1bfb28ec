"""Systems Manager: parameters, documents and associations."""

from __future__ import annotations

from emulator.providers.aws.systems_manager.associations import Association
from emulator.providers.aws.systems_manager.documents import Document
from emulator.providers.aws.systems_manager.parameters import Parameter

__all__ = ["Association", "Document", "Parameter"]
