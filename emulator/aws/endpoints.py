"""Interface endpoints of VPCs, as EC2 makes them.

Moto gives the interfaces of an endpoint an address anywhere and the VPC's default group. In EC2 an
address is in the interface's subnet, and the groups are the endpoint's: those of the request, else
the default group of the VPC (CreateVpcEndpoint).
"""

from __future__ import annotations

from typing import Any


def place_in_their_subnets() -> None:
    """Let this process's moto make the interfaces of endpoints so, from now on."""
    from moto.ec2.models import vpcs
    from moto.ec2.utils import random_private_ip

    backend_type: Any = vpcs.VPCBackend
    create = backend_type.create_vpc_endpoint

    def create_vpc_endpoint(backend: Any, *given: Any, **named: Any) -> Any:
        endpoint = create(backend, *given, **named)
        if (endpoint.vpc_endpoint_type or "").lower() == "interface":
            if not endpoint.security_group_ids:
                default = backend.get_default_security_group(endpoint.vpc_id)
                endpoint.security_group_ids = [default.id]
            groups = [
                backend.get_security_group_from_id(one) for one in endpoint.security_group_ids
            ]
            for name in endpoint.network_interface_ids:
                interface = backend.enis[name]
                address = random_private_ip(interface.subnet.cidr_block)
                interface.private_ip_address = address
                interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]
                interface._group_set = groups
        return endpoint

    backend_type.create_vpc_endpoint = create_vpc_endpoint
