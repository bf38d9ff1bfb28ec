"""The machines of the estate: nine old servers that can be migrated, one that cannot, and any
number of others."""

from __future__ import annotations

from dataclasses import dataclass

PROFILE = "estate-machine"
"""The role and the instance profile of machines that Systems Manager manages, both of this name."""

MORE = "more machines"
"""The subnet of the machines beyond `FLEET`. It has room for four thousand."""

LEAST, MOST = 9, 4000
"""How many machines that can be migrated an estate may have."""


@dataclass(frozen=True)
class Machine:
    """A machine of the fleet: its image is a key of `IMAGES`, its sizes are in GiB.

    `profile` is the name of its instance profile; None leaves it unmanaged. `subnet` is the name of
    its subnet.
    """

    name: str
    private_ip: str
    image: str
    instance_type: str
    root_gib: int
    data_gib: tuple[int, ...] = ()
    profile: str | None = PROFILE
    subnet: str = "machines"

    @property
    def root_device(self) -> str:
        """The device name of the root disk, as the image has it."""
        return "/dev/xvda" if self.image.startswith("amazon") else "/dev/sda1"


_R2, _2012, _2008 = "windows-server-2012-r2", "windows-server-2012", "windows-server-2008-r2-sp1"

FLEET = (
    Machine("web-01", "10.10.1.11", _R2, "t2.large", 50),
    Machine("web-02", "10.10.1.12", _R2, "t2.large", 50),
    Machine("web-03", "10.10.1.13", _R2, "t2.large", 50, (20,)),
    Machine("app-01", "10.10.1.21", _2012, "m4.large", 60),
    Machine("app-02", "10.10.1.22", _2012, "m4.large", 60),
    Machine("legacy-01", "10.10.1.31", _2008, "m4.large", 40),
    Machine("legacy-02", "10.10.1.32", _2008, "m4.large", 40),
    Machine("db-01", "10.10.1.41", "rhel-6.7", "m4.xlarge", 30, (100,)),
    Machine("db-02", "10.10.1.42", "rhel-6.7", "m4.xlarge", 30, (100,)),
    # Graviton: an example of a machine that Site Recovery cannot migrate. It is not managed either.
    Machine("arm-01", "10.10.1.91", "amazon-linux-2-arm64", "t4g.medium", 30, profile=None),
)

_KINDS = (
    (_R2, "t2.large", 50, ()),
    (_2012, "m4.large", 60, ()),
    (_R2, "m4.large", 60, (20,)),
    ("rhel-6.7", "m4.xlarge", 30, (100,)),
    (_R2, "t2.medium", 40, ()),
    ("rhel-6.7", "t2.large", 20, ()),
    (_2012, "m4.xlarge", 80, (50, 50)),
)
"""Images, types and disks of the other machines, in turn."""


def fleet(machines: int = LEAST) -> tuple[Machine, ...]:
    """`FLEET` and as many others as make this number of machines that can be migrated.

    A machine of a small fleet is the same in a large one.
    """
    return (*FLEET, *map(_other, range(machines - LEAST)))


def _other(number: int) -> Machine:
    image, instance_type, root_gib, data_gib = _KINDS[number % len(_KINDS)]
    # The first addresses of a subnet are AWS's own.
    address = f"10.10.{16 + number // 250}.{number % 250 + 5}"
    name = f"server-{number + 1:04}"
    return Machine(name, address, image, instance_type, root_gib, data_gib, subnet=MORE)
