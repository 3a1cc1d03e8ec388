"""Classic BPF programs for sockets: what the kernel shall not even wake us for."""

import ctypes
import socket
import struct
from typing import Final

_ATTACH_FILTER: Final = 26
_INSTRUCTION: Final = struct.Struct("=HBBI")

_LOAD_BYTE: Final = 0x30
_JUMP_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_WHOLE_PACKET: Final = 0x40000

_PROTOCOL_AT: Final = 9


def accept_protocol(opened: socket.socket, protocol: int) -> None:
    """Let only IPv4 packets of a protocol through to a packet socket without link-layer header. Raises OSError."""
    _attach(
        opened,
        [
            (_LOAD_BYTE, 0, 0, _PROTOCOL_AT),
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
