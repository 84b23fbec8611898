"""DNS messages, as far as the embedded name server needs them (RFC 1035, RFC 3596, RFC 6891). Bytes in, bytes out.

Questions come from containers and replies from anywhere: whatever is not well formed is ``None``, never an exception.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from engine.model.value import Value

A, PTR, AAAA, ANY, AXFR = 1, 12, 28, 255, 252
NO_ERROR, SERVER_FAILURE, NAME_ERROR, NOT_IMPLEMENTED, REFUSED = 0, 2, 3, 4, 5
_INTERNET = 1
_HEADER = struct.Struct(">HHHHHH")
_RESPONSE, _OPCODE, _RECURSION_DESIRED, _RECURSION_AVAILABLE = 0x8000, 0x7800, 0x0100, 0x0080
_TO_QUESTION = b"\xc0\x0c"
_TTL = 600
_MOST_ADDRESSES = {A: 25, AAAA: 14}
"""As many as fit into the 512 bytes that every client takes, with a name of full length."""


class Question(Value):
    """The question of a query.

    Attributes:
        name: in lower case, without the final dot.
        kind: record type.
        raw: the question section as it came, whose letters' case an answer must repeat.
    """

    identity: int
    flags: int
    name: str
    kind: int
    raw: bytes

    @property
    def answerable(self) -> bool:
        """A standard query of a kind that is answered or forwarded."""
        return not self.flags & _OPCODE and self.kind not in (ANY, AXFR)


def parse(message: bytes, *, response: bool = False) -> Question | None:
    """The one question of a query (or of a response)."""
    if len(message) < _HEADER.size:
        return None
    identity, flags, questions, *_ = _HEADER.unpack_from(message)
    if bool(flags & _RESPONSE) != response or questions != 1:
        return None
    labels: list[str] = []
    offset = _HEADER.size
    while True:
        if offset >= len(message) or offset - _HEADER.size > 255:
            return None
        length = message[offset]
        if not length:
            break
        if length > 63 or offset + 1 + length >= len(message):
            return None
        labels.append(message[offset + 1 : offset + 1 + length].decode("latin-1").lower())
        offset += 1 + length
    if offset + 5 > len(message):
        return None
    kind, family = struct.unpack_from(">HH", message, offset + 1)
    if family != _INTERNET:
        return None
    return Question(identity=identity, flags=flags, name=".".join(labels), kind=kind, raw=message[_HEADER.size : offset + 5])


def code(response: bytes) -> int:
    """The response code of a well formed response."""
    return response[3] & 0xF


def records(response: bytes) -> int:
    """How many records answer, in a well formed response."""
    return response[6] << 8 | response[7]


def with_identity(message: bytes, identity: int) -> bytes:
    """The message with another identity."""
    return struct.pack(">H", identity) + message[2:]


def failure(question: Question, response_code: int) -> bytes:
    """An answer without records. With :data:`NO_ERROR`: the name exists, without records of this kind."""
    return _head(question, response_code, 0) + question.raw


def addresses(question: Question, found: Sequence[str]) -> bytes:
    """An answer with addresses of the family that was asked for: a question of kind :data:`A` or :data:`AAAA`."""
    found = found[: _MOST_ADDRESSES[question.kind]]
    family = socket.AF_INET6 if question.kind == AAAA else socket.AF_INET
    records = b"".join(_record(question.kind, socket.inet_pton(family, address)) for address in found)
    return _head(question, NO_ERROR, len(found)) + question.raw + records


def pointer(question: Question, name: str) -> bytes:
    """An answer to a reverse question."""
    labels = [label.encode("latin-1", "replace")[:63] for label in name.split(".") if label]
    target = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return _head(question, NO_ERROR, 1) + question.raw + _record(PTR, target)


def reverse_address(name: str) -> str:
    """``1.2.3.4`` for ``4.3.2.1.in-addr.arpa``, an IPv6 address for 32 digits below ``ip6.arpa``, ``""`` for any other name."""
    labels = name.split(".")[::-1]
    if labels[:2] == ["arpa", "in-addr"] and len(labels) == 6:
        return ".".join(labels[2:])
    digits = "".join(labels[2:])
    if labels[:2] == ["arpa", "ip6"] and len(labels) == 34 and len(digits) == 32:
        try:
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
        except ValueError:
            return ""
    return ""


def _head(question: Question, response_code: int, answers: int) -> bytes:
    flags = _RESPONSE | _RECURSION_AVAILABLE | (question.flags & (_OPCODE | _RECURSION_DESIRED)) | response_code
    return _HEADER.pack(question.identity, flags, 1, answers, 0, 0)


def _record(kind: int, data: bytes) -> bytes:
    return _TO_QUESTION + struct.pack(">HHIH", kind, _INTERNET, _TTL, len(data)) + data
