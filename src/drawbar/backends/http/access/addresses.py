"""Addresses that no adapter may reach, whatever its host name resolves to.

A cloud's metadata service hands credentials to whoever can send it a GET. It sits on link-local
addresses and a few others. Private ranges are what Drawbar is for, and stay allowed.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "fd00:ec2::254",  # AWS over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host agent
        "192.0.0.192",  # Oracle
    )
)


class AddressRefusedError(OSError):
    """A host name led to an address that is never called."""


def is_forbidden(text: str) -> bool:
    """Link-local and metadata addresses, also when written as IPv6; False for a host name."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        elif address.scope_id is not None:
            address = ipaddress.IPv6Address(text.partition("%")[0])
    return address.is_link_local or address in _METADATA


def open_socket(
    target: tuple[Any, ...],
) -> socket.socket:  # what getaddrinfo gives; its shape varies
    """The socket of one connection attempt: the last moment at which an address can be refused.

    It sees what the resolver, its cache, or a literal in the URL gave, so nothing gets round it.
    """
    family, kind, protocol, _, address = target
    if is_forbidden(str(address[0])):
        raise AddressRefusedError(f"{address[0]} is a link-local or metadata address")
    return socket.socket(family, kind, protocol)
