"""Decides what the bytes of a question on a Modbus link are, and whether others are its whole answer; pure, no socket.

pymodbus gives back what a frame says without asking whether it is the frame that was wanted: it returns 3 or 6
registers when 4 were asked for, takes the answer to function 3 for one to function 4, and takes transaction id 0 for
any. So an answer is judged here, by its raw bytes, and the library does not get to see it.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import NamedTuple

READING_FUNCTIONS = (3, 4)
"""All that ever leaves the agent: meters take resets and prefixes from whoever writes, without a password."""
MBAP_SIZE = 7
_RTU_OVERHEAD = 5  # unit, function, byte count, CRC (2)
_RTU_EXCEPTION = 5


class Refusal(StrEnum):
    """Why a question has no answer; a metric label."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    """The other side hung up."""
    SHORT = "short"
    LONG = "long"
    GARBAGE = "garbage"
    WRONG_UNIT = "wrong_unit"
    WRONG_FUNCTION = "wrong_function"
    WRONG_TRANSACTION = "wrong_transaction"
    EXCEPTION = "exception"
    """A proper Modbus exception: the link is sound, the unit does not want to."""
    LATE = "late"
    """Not asked: the unit still owes an answer of this size, and an RTU frame does not say which question it answers."""


class Refused(NamedTuple):
    """A question without an answer: why, and for EXCEPTION the exception code (1 to 255, else 0)."""

    reason: Refusal
    code: int = 0


class Question(NamedTuple):
    """What was asked: transaction (0 in RTU frames), unit, function code 3 or 4, quantity of registers."""

    transaction: int
    unit: int
    function_code: int
    quantity: int


Words = tuple[int, ...]


def ask_tcp(asked: Question, address: int) -> bytes:
    """Return the 12 bytes that ask for registers from a 0-based address over Modbus TCP.

    Raises:
        ValueError: The function does not read.

    Source: Modbus Messaging on TCP/IP 1.0b, 3.1.3; Modbus Application Protocol 1.1b3, 6.3 and 6.4.
    """
    _check_reads(asked)
    return struct.pack(">HHHBBHH", asked.transaction, 0, 6, asked.unit, asked.function_code, address, asked.quantity)


def ask_rtu(asked: Question, address: int) -> bytes:
    """Return the same as the 8 bytes of an RTU frame. `ValueError` if the function does not read.

    Source: Modbus over Serial Line 1.02, 2.5.1.
    """
    _check_reads(asked)
    frame = struct.pack(">BBHH", asked.unit, asked.function_code, address, asked.quantity)
    return frame + crc16(frame).to_bytes(2, "little")


def _check_reads(asked: Question) -> None:
    if asked.function_code not in READING_FUNCTIONS:
        raise ValueError(f"function {asked.function_code} does not read")


def inspect_tcp(buffer: bytes, asked: Question) -> Words | Refused | None:
    """Return the registers that a Modbus TCP reply carries, why it is refused, or None while it is incomplete.

    Args:
        buffer: All bytes received since the question was sent.
        asked: The question.

    Source: Modbus Messaging on TCP/IP 1.0b, 3.1.3; Modbus Application Protocol 1.1b3, 6.3, 6.4 and 7.
    """
    if len(buffer) < MBAP_SIZE + 1:
        return None
    transaction = int.from_bytes(buffer[0:2], "big")
    protocol = int.from_bytes(buffer[2:4], "big")
    length = int.from_bytes(buffer[4:6], "big")
    if protocol != 0 or not 3 <= length <= 254:
        return Refused(Refusal.GARBAGE)
    if transaction != asked.transaction:
        return Refused(Refusal.WRONG_TRANSACTION)
    if buffer[6] != asked.unit:
        return Refused(Refusal.WRONG_UNIT)
    size = MBAP_SIZE - 1 + length
    if len(buffer) < size:
        return None
    if len(buffer) > size:
        return Refused(Refusal.LONG)
    return _inspect_pdu(buffer[MBAP_SIZE:size], asked)


def inspect_rtu(buffer: bytes, asked: Question) -> Words | Refused | None:
    """Return the same for an RTU frame, whose end is known only from what it says itself and its CRC.

    Source: Modbus over Serial Line 1.02, 2.5.1.
    """
    if len(buffer) < 3:
        return None
    if buffer[0] != asked.unit:
        return Refused(Refusal.WRONG_UNIT)
    size = _RTU_EXCEPTION if buffer[1] & 0x80 else _RTU_OVERHEAD + buffer[2]
    if len(buffer) < size:
        # A frame that announces more than was asked for will never be an answer: do not wait for its end.
        announced_too_much = not buffer[1] & 0x80 and buffer[2] > 2 * asked.quantity
        return Refused(Refusal.LONG) if announced_too_much else None
    if crc16(buffer[: size - 2]) != int.from_bytes(buffer[size - 2 : size], "little"):
        return Refused(Refusal.GARBAGE)
    if len(buffer) > size:
        return Refused(Refusal.LONG)
    return _inspect_pdu(buffer[1 : size - 2], asked)


def _inspect_pdu(pdu: bytes, asked: Question) -> Words | Refused:
    if pdu[0] == asked.function_code | 0x80:
        return Refused(Refusal.EXCEPTION, pdu[1]) if len(pdu) == 2 else Refused(Refusal.GARBAGE)
    if pdu[0] != asked.function_code:
        return Refused(Refusal.WRONG_FUNCTION)
    data = pdu[2:]
    if len(data) != pdu[1]:
        return Refused(Refusal.GARBAGE)
    if len(data) != 2 * asked.quantity:
        return Refused(Refusal.SHORT if len(data) < 2 * asked.quantity else Refusal.LONG)
    return struct.unpack(f">{asked.quantity}H", data)


def crc16(data: bytes) -> int:
    """Return the Modbus CRC of a frame. Source: Modbus over Serial Line 1.02, 6.2.2."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_OF_BYTE[(crc ^ byte) & 0xFF]
    return crc


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_CRC_OF_BYTE = tuple(map(_crc_of_byte, range(256)))
