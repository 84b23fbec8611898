"""JSON text with halves of characters."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.model.jsontext import mend

ANY = st.characters(codec=None) | st.sampled_from('\\"ud8\ud800\udfff\U0001f600')
TEXT = st.text(ANY, max_size=8)


def whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {whole(key): whole(each) for key, each in value.items()}
    return [whole(each) for each in value] if isinstance(value, list) else value


@given(st.recursive(TEXT | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)))
def test_halves_are_replaced_and_nothing_else_changes(value: Any) -> None:
    assert json.loads(mend(json.dumps(value))) == json.loads(json.dumps(whole(value)))


def test_as_go_has_it() -> None:
    assert json.loads(mend(r'["\ud800", "\uD83D\uDE00", "\\ud800", "\udc00\ud800x", "\ud800\u0041"]')) == [
        "\ufffd",
        "\U0001f600",
        "\\ud800",
        "\ufffd\ufffdx",
        "\ufffdA",
    ]
