"""Classic BPF programs for sockets: what the kernel shall not even wake us for."""

import ctypes
import socket
import struct
from typing import Final

_ATTACH_FILTER: Final = 26
_INSTRUCTION: Final = struct.Struct("=HBBI")

_LOAD_WORD: Final = 0x20
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


def accept_nothing(opened: socket.socket) -> None:
    """Let nothing through: for sockets that only send. Raises OSError."""
    _attach(opened, [(_RETURN, 0, 0, 0)])


def _attach(opened: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    """Attach a program; the kernel copies it."""
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*one) for one in program))
    opened.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))
