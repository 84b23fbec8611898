"""Expressions of strangers: what Python's own matcher finds is found, and none takes for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidArgument
from engine.model.patterns import Pattern

ATOMS = ("a", "b", "-", ".", "[ab]", "[^a]", "[a-c-]", "[]x]", r"\d", r"\W", r"\.", "^", "$", "(?:a|b)", "(|a)", "x{")
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"])).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@given(expression=EXPRESSIONS, text=st.text("abcx-.1\n{", max_size=7))
def test_it_finds_what_python_finds(expression: str, text: str) -> None:
    theirs = re.compile(expression.replace("$", r"\Z"))  # before a final newline is no end here, as in Go
    assert Pattern(expression).found_in(text) == bool(theirs.search(text)), (expression, text)


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a*)*b", "(a|a)*b", "a?" * 60 + "a" * 60 + "b", ".*.*.*.*.*.*=", "((a{1,20}){1,20})b", "(|)*b"]
)
def test_none_takes_for_ever(expression: str) -> None:
    assert not Pattern(expression).found_in("a" * 200 + "-")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("(", "missing closing )"),
        ("a)", "unexpected )"),
        ("[a", "missing closing ]"),
        ("[b-a]", "invalid character class range"),
        ("*", "missing argument to repetition operator"),
        ("a{2,1}", "invalid repeat count"),
        ("(a{100}){100}", "expression is too large"),
        ("(?=a)", "invalid or unsupported group"),
        ("\\", "trailing backslash"),
        ("\\1", "invalid escape sequence"),
        ("(" * 60 + ")" * 60, "groups nest too deep"),
        ("a" * 2000, "at most 1000 characters"),
    ],
)
def test_what_is_none_is_refused(expression: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Pattern(expression)
    assert says in caught.value.message
