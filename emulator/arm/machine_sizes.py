"""The sizes of virtual machines that the emulator offers, in every region.

Source: "Sizes for virtual machines in Azure" and the pages of its series (azure-docs, "Feature
support" for generations). A selection that covers what EC2 machines of the classic era need, and
some newer sizes that do not boot them; the service has more.
"""

from __future__ import annotations

from dataclasses import dataclass

_BIOS_ONLY = ("V1",)
_UEFI_ONLY = ("V2",)


@dataclass(frozen=True)
class Size:
    """A size.

    Attributes:
        name: such as `Standard_D2s_v5`.
        cores: virtual processors.
        memory_gib: memory in GiB.
        data_disks: the largest number of data disks.
        interfaces: the largest number of network interfaces.
        premium: whether it takes premium disks.
        generations: of the virtual machines that boot on it, `V1` (BIOS) and `V2` (UEFI).
    """

    name: str
    cores: int
    memory_gib: float
    data_disks: int
    interfaces: int
    premium: bool = True
    generations: tuple[str, ...] = ("V1", "V2")

    @property
    def family(self) -> str:
        """Its letter."""
        return self.name.removeprefix("Standard_")[0]


SIZES = (
    Size("Standard_A1_v2", 1, 2, 2, 2, premium=False, generations=_BIOS_ONLY),
    Size("Standard_A2_v2", 2, 4, 4, 2, premium=False, generations=_BIOS_ONLY),
    Size("Standard_A4_v2", 4, 8, 8, 4, premium=False, generations=_BIOS_ONLY),
    Size("Standard_A8_v2", 8, 16, 16, 8, premium=False, generations=_BIOS_ONLY),
    Size("Standard_B1s", 1, 1, 2, 2),
    Size("Standard_B1ms", 1, 2, 2, 2),
    Size("Standard_B2s", 2, 4, 4, 3),
    Size("Standard_B2ms", 2, 8, 4, 3),
    Size("Standard_B4ms", 4, 16, 8, 4),
    Size("Standard_B8ms", 8, 32, 16, 4),
    Size("Standard_D2s_v3", 2, 8, 4, 2),
    Size("Standard_D4s_v3", 4, 16, 8, 2),
    Size("Standard_D8s_v3", 8, 32, 16, 4),
    Size("Standard_D16s_v3", 16, 64, 32, 8),
    Size("Standard_D32s_v3", 32, 128, 32, 8),
    Size("Standard_D2s_v4", 2, 8, 4, 2),
    Size("Standard_D4s_v4", 4, 16, 8, 2),
    Size("Standard_D8s_v4", 8, 32, 16, 4),
    Size("Standard_D2s_v5", 2, 8, 4, 2),
    Size("Standard_D4s_v5", 4, 16, 8, 2),
    Size("Standard_D8s_v5", 8, 32, 16, 4),
    Size("Standard_D16s_v5", 16, 64, 32, 8),
    Size("Standard_D2s_v6", 2, 8, 8, 2, generations=_UEFI_ONLY),
    Size("Standard_D4s_v6", 4, 16, 12, 2, generations=_UEFI_ONLY),
    Size("Standard_D8s_v6", 8, 32, 24, 4, generations=_UEFI_ONLY),
    Size("Standard_D2_v3", 2, 8, 4, 2, premium=False, generations=_BIOS_ONLY),
    Size("Standard_D4_v3", 4, 16, 8, 2, premium=False, generations=_BIOS_ONLY),
    Size("Standard_DS1_v2", 1, 3.5, 4, 2),
    Size("Standard_DS2_v2", 2, 7, 8, 2),
    Size("Standard_DS3_v2", 4, 14, 16, 4),
    Size("Standard_DS4_v2", 8, 28, 32, 8),
    Size("Standard_E2s_v3", 2, 16, 4, 2),
    Size("Standard_E4s_v3", 4, 32, 8, 2),
    Size("Standard_E8s_v3", 8, 64, 16, 4),
    Size("Standard_E16s_v3", 16, 128, 32, 8),
    Size("Standard_E2s_v5", 2, 16, 4, 2),
    Size("Standard_E4s_v5", 4, 32, 8, 2),
    Size("Standard_E8s_v5", 8, 64, 16, 4),
    Size("Standard_E2s_v6", 2, 16, 8, 2, generations=_UEFI_ONLY),
    Size("Standard_F2s_v2", 2, 4, 4, 2),
    Size("Standard_F4s_v2", 4, 8, 8, 2),
    Size("Standard_F8s_v2", 8, 16, 16, 4),
    Size("Standard_F16s_v2", 16, 32, 32, 4),
)

_BY_NAME = {size.name.lower(): size for size in SIZES}


def generation_of(firmware: str) -> str:
    """The generation of the virtual machine of a machine that boots from `BIOS` or `UEFI`."""
    return "V2" if firmware == "UEFI" else "V1"


def named(name: str) -> Size | None:
    """The size of that name, or None."""
    return _BY_NAME.get(name.lower())
