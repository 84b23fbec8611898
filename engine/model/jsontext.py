"""JSON that somebody else wrote.

Half of a character that takes two escapes (``\\ud83d`` without its other half) is what Python reads as a lone surrogate, which no
terminal, socket or database takes: it would fail far away, each time the text is shown. Go's ``encoding/json``, and so docker,
reads U+FFFD.
"""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."


def mend(text: str) -> str:
    """``text``, a JSON document, with U+FFFD for each half of a character."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    import re  # late: hardly any document has one

    return re.sub(_ESCAPES, lambda found: "\\ufffd" if found[1] else found[0], text)
