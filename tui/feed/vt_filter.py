"""What a process in a container writes, reduced to what a screen of cells needs, before any emulator reads it.

An emulator implements what a terminal can do, and much of that reaches out of the screen: titles, the clipboard, printing,
the window's size, macros, reports that are typed into the process's own input. None of it gets past this filter, which knows
what is let through and drops everything else (names as in xterm's `ctlseqs <https://invisible-island.net/xterm/ctlseqs/>`_):

* text in UTF-8, without C1 controls, bidirectional and invisible format characters;
* BS HT LF VT FF CR SO SI, and the ESC functions IND NEL HTS RI DECSC DECRC RIS DECKPAM DECKPNM and G0 to G3 as ASCII, UK or line drawing;
* CSI functions that move, erase, insert, delete, scroll and colour; DECSTBM; DECSTR; the reports DA1, DSR 5 and CPR;
* the modes IRM, LNM, DECCKM, DECOM, DECAWM, DECTCEM, DECNKM, the alternate screen and bracketed paste. No mouse, no focus reports.

Every number has four digits at most, a sequence 32 of them; OSC, DCS, SOS, PM and APC strings are skipped without being kept.
Memory is bounded whatever comes, and so is the time for a piece of the outcome: expensive functions weigh more.
"""

from __future__ import annotations

import codecs
import re

WEIGHT = 256
"""What a piece may weigh: a character weighs 1."""
LONGEST = 256
"""Characters of a sequence that is let through."""
SKIPPED = 1 << 20
"""Characters after which a string that nobody ends counts as ended, so that a binary file does not silence the terminal for ever."""

_PARTS = re.compile(
    "(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    "|(?P<csi>\x1b\\[[0-9:;<=>?]{0,253}[ -/]{0,2}[@-~])"
    "|(?P<string>\x1b[\\]PX^_])"
    "|(?P<set>\x1b[()*+][AB0])"
    "|(?P<esc>\x1b[DEHMc78=>])"
    "|(?P<control>[\b\t\n\v\f\r\x0e\x0f])"
    "|(?P<open>\x1b(?:\\[[0-9:;<=>?]{0,253}[ -/]{0,2}|[ -/]{0,2})?\\Z)"
    "|(?P<long>\x1b\\[[0-9:;<=>? -/]*[@-~]?)"
    "|(?P<other>\x1b[ -/]*[0-~]?|[\x00-\x1f\x7f-\x9f])"
)
_END = re.compile("\x07|\x18|\x1a|\x1b|\x9c")
_HIDDEN = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_PLAIN = frozenset("@ABCDEFGHIJKLMPSTXZ`abdefgmrsu")
"""Finals without a prefix: ICH CUU CUD CUF CUB CNL CPL CHA CUP CHT ED EL IL DL DCH SU SD ECH CBT HPA HPR REP VPA VPR HVP TBC SGR DECSTBM
SCOSC SCORC."""
_MODES = frozenset(("4", "20"))
_PRIVATE = frozenset(("1", "6", "7", "25", "47", "66", "1047", "1048", "1049", "2004"))
_HEAVY = {"J": 32, "I": 16, "Z": 16, "S": 64, "T": 64, "b": 64, "L": 4, "M": 4, "@": 4, "P": 4, "h": 16, "l": 16}
"""What CSI functions weigh beyond their characters, by their finals; measured on a screen of 120 by 40."""
_RESET = 200


class VtFilter:
    """A stream of output becomes pieces for an emulator. Whatever is cut in two by the end of a chunk waits for the next."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._kept = ""
        self._skipping = 0
        self._pieces: list[str] = []
        self._piece: list[str] = []
        self._weight = 0

    @property
    def held(self) -> int:
        """Characters that wait for what comes next."""
        return len(self._kept)

    def feed(self, data: bytes) -> list[str]:
        """The next chunk as pieces, each of which costs an emulator a few milliseconds at most."""
        text = self._kept + self._decode(data)
        self._kept = ""
        at = 0
        while at < len(text):
            at = self._skip(text, at) if self._skipping else self._read(text, at)
        self._cut()
        pieces, self._pieces = self._pieces, []
        return pieces

    def _skip(self, text: str, at: int) -> int:
        """Go over the inside of a string; ``ESC \\`` is left as ESC and a function that nobody knows."""
        end = _END.search(text, at)
        if end is None:
            self._skipping += len(text) - at
            if self._skipping > SKIPPED:
                self._skipping = 0
            return len(text)
        self._skipping = 0
        return end.start() if end[0] == "\x1b" else end.end()

    def _read(self, text: str, at: int) -> int:
        """Take parts up to the end of the chunk, or to the beginning of a string; where reading goes on comes back."""
        for found in _PARTS.finditer(text, at):
            kind, part = found.lastgroup, found[0]
            if kind == "text":
                self._text(part)
            elif kind == "control":
                self._put(part, 2)
            elif kind == "csi":
                self._csi(part)
            elif kind == "set":
                self._put(part, 3)
            elif kind == "esc":
                self._put(part, _RESET if part == "\x1bc" else 4)
            elif kind == "open":
                self._kept = part
            elif kind == "long":
                if part[-1] < "@" and found.end() == len(text):  # its end has not come: only that it is too long is kept
                    self._kept = part[:LONGEST]
            elif kind == "string":
                self._skipping = 1
                return found.end()
        return len(text)

    def _text(self, text: str) -> None:
        if not text.isascii():
            text = _HIDDEN.sub("", text)
        cost = 1 if text.isascii() else 3
        step = WEIGHT // cost
        for start in range(0, len(text), step):
            part = text[start : start + step]
            self._put(part, len(part) * cost)

    def _csi(self, part: str) -> None:
        body, final = part[2:-1], part[-1]
        numbers = body.lstrip("<=>?")
        prefix = body[: len(body) - len(numbers)]
        if body == "!" and final == "p":
            self._put(part, 16)
            return
        if any(char < "0" or char > ";" for char in numbers):
            return
        params = [":".join(number[-4:] if len(number) <= 4 else "9999" for number in one.split(":")[:6]) for one in numbers.split(";")[:32]]
        if not prefix and final == "m":
            self._put(f"\x1b[{';'.join(params)}m", 3)
        elif ":" in numbers:
            return
        elif not prefix and final in _PLAIN:
            if final in "IZb":
                params = params[0:1] if len(params[0]) < 4 else ["999"]
            self._put(f"\x1b[{';'.join(params)}{final}", 4 + _HEAVY.get(final, 0))
        elif final in "hl" and prefix in ("", "?"):
            known = [one for one in params if one in (_PRIVATE if prefix else _MODES)][:8]
            if known:
                self._put(f"\x1b[{prefix}{';'.join(known)}{final}", 4 + 16 * len(known))
        elif not prefix and (final, params[0]) in (("n", "5"), ("n", "6"), ("c", ""), ("c", "0")) and len(params) == 1:
            self._put(part, 8)

    def _put(self, part: str, weight: int) -> None:
        if self._weight and self._weight + weight > WEIGHT:
            self._cut()
        self._piece.append(part)
        self._weight += weight

    def _cut(self) -> None:
        if self._piece:
            self._pieces.append("".join(self._piece))
        self._piece, self._weight = [], 0
