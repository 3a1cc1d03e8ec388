"""Classic BPF programs for sockets: what the kernel shall not even wake us for."""

import ctypes
import socket
import struct
from typing import Final

_ATTACH_FILTER: Final = 26
_INSTRUCTION: Final = struct.Struct("=HBBI")

_LOAD_WORD: Final = 0x20
_LOAD_HALF: Final = 0x28
_LOAD_BYTE: Final = 0x30
_JUMP_EQUAL: Final = 0x15
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_WHOLE_PACKET: Final = 0x40000

_ETHERTYPE: Final = 0xFFFFF000
_PACKET_TYPE: Final = 0xFFFFF004
_VLAN_TAG: Final = 0xFFFFF02C
_NETWORK_HEADER: Final = 0xFFF00000
"""Offsets that mean something else than a place in the packet (SKF_AD_OFF, SKF_NET_OFF)."""

_MESSAGE_TYPE_AT: Final = 4
_ROUTE_LENGTH_AT, _ROUTE_TABLE_AT, _ROUTE_PROTOCOL_AT = 17, 20, 21
"""Where they are in a netlink message of a route, behind its header of 16 bytes."""
_MAIN_TABLE, _OUR_PROTOCOL, _HOST_LENGTH = 254, 112, 32

_OTHER_HOST: Final = 3
_VLAN_ID: Final = 0xFFF
_IPV4, _IPV4_PROTOCOL_AT = 0x0800, 9
_IPV6, _IPV6_NEXT_HEADER_AT = 0x86DD, 6


def accept_protocol(opened: socket.socket, protocol: int) -> None:
    """Let only IP packets of a protocol, of either version, through to a packet socket of either kind. Raises OSError.

    Nor what was sent to another host's MAC, nor what a VLAN on top of the device will receive (a tap sees it without
    its tag, as if it were the device's own).
    """
    _attach(
        opened,
        [
            (_LOAD_WORD, 0, 0, _PACKET_TYPE),
            (_JUMP_EQUAL, 10, 0, _OTHER_HOST),
            (_LOAD_WORD, 0, 0, _VLAN_TAG),
            (_JUMP_ANY_BIT, 8, 0, _VLAN_ID),
            (_LOAD_WORD, 0, 0, _ETHERTYPE),
            (_JUMP_EQUAL, 0, 2, _IPV4),
            (_LOAD_BYTE, 0, 0, _NETWORK_HEADER + _IPV4_PROTOCOL_AT),
            (_JUMP_EQUAL, 3, 4, protocol),
            (_JUMP_EQUAL, 0, 3, _IPV6),
            (_LOAD_BYTE, 0, 0, _NETWORK_HEADER + _IPV6_NEXT_HEADER_AT),
            (_JUMP_EQUAL, 0, 1, protocol),
            (_RETURN, 0, 0, _WHOLE_PACKET),
            (_RETURN, 0, 0, 0),
        ],
    )


def accept_no_foreign_main_routes(opened: socket.socket, kinds: tuple[int, int]) -> None:
    """Let none of the main table's routes through to a netlink socket but ours, and those to single hosts.

    `kinds` are the two types of route messages. A routing daemon may change a million of them; one to a single host may
    have taken the place of ours. Raises OSError.
    """
    came, went = (socket.htons(kind) for kind in kinds)  # a load has the order of the network
    _attach(
        opened,
        [
            (_LOAD_HALF, 0, 0, _MESSAGE_TYPE_AT),
            (_JUMP_EQUAL, 1, 0, came),
            (_JUMP_EQUAL, 0, 6, went),
            (_LOAD_BYTE, 0, 0, _ROUTE_PROTOCOL_AT),
            (_JUMP_EQUAL, 4, 0, _OUR_PROTOCOL),
            (_LOAD_BYTE, 0, 0, _ROUTE_TABLE_AT),
            (_JUMP_EQUAL, 0, 2, _MAIN_TABLE),
            (_LOAD_BYTE, 0, 0, _ROUTE_LENGTH_AT),
            (_JUMP_EQUAL, 0, 1, _HOST_LENGTH),
            (_RETURN, 0, 0, _WHOLE_PACKET),
            (_RETURN, 0, 0, 0),
        ],
    )


def accept_nothing(opened: socket.socket) -> None:
    """Let nothing through: for sockets that only send. Raises OSError."""
    _attach(opened, [(_RETURN, 0, 0, 0)])


def _attach(opened: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    """Attach a program; the kernel copies it."""
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*one) for one in program))
    opened.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))
