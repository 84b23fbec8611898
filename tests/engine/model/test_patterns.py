"""Expressions of strangers: what Python's own matcher finds is found, and none takes for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidArgument
from engine.model.patterns import Pattern

ATOMS = (
    *(
        "a",
        "b",
        "-",
        ".",
        "[ab]",
        "[^a]",
        "[a-c-]",
        "[]x]",
        r"\d",
        r"\W",
        r"\.",
        "^",
        "$",
        "(?:a|b)",
        "(|a)",
        "x{",
        "B",
        "[^B-Z]",
        "[A-C_]",
    ),
    *(
        r"\b",
        r"\B",
        r"\w",
        r"\D",
        r"\S",
        r"\s",
        r"[\d-]",
        r"[^\w.]",
        r"[\Sx]",
        r"\x61",
        r"\A",
        "(?P<one>a)",
        "(?i:aB)",
        "(?s:.)",
        "(?-i:b)",
        r"[\W\d]",
    ),
)
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"])).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@given(
    expression=EXPRESSIONS,
    text=st.text("abcxABC_ -.1\n{", max_size=7),
    flags=st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?is)", "(?im)"]),
)
@settings(max_examples=400)
def test_it_finds_what_python_finds(expression: str, text: str, flags: str) -> None:
    """ASCII alone is meant by the classes, as in Go; and before a final newline is no end of the text. ``\\B`` fits no empty one in Python."""
    assume(text or r"\B" not in expression)
    ends = expression.replace("$", r"\Z") if "m" not in flags else expression
    for number in range(ends.count("(?P<one>")):
        ends = ends.replace("(?P<one>", f"(?P<n{number}>", 1)
    theirs = re.compile(flags + ends, re.ASCII)
    assert Pattern(flags + expression).found_in(text) == bool(theirs.search(text)), (flags, expression, text)


@pytest.mark.parametrize(
    ("expression", "found", "not_found"),
    [
        ("(?i)web", ["WEB-1", "wEb"], ["we b"]),
        (r"(?i)\x6b", ["K", "k", "\u212a"], ["s"]),
        ("(?i)[^k]", ["x"], ["K", "k", "\u212a"]),
        ("(?i)straße", ["STRAßE"], ["STRASSE"]),
        ("a(?i)b", ["aB"], ["AB"]),
        ("(a(?i)b)c", ["aBc"], ["aBC"]),
        ("(?i)a|b", ["B", "A"], ["c"]),
        ("(?i-s)a.", ["Ax"], ["A\n"]),
        ("(?i)(?-i)a", ["a"], ["A"]),
        (r"\bdb\b", ["my-db-1", "db"], ["adb", "db_1"]),
        (r"\bé", ["aé"], ["é", " é"]),
        (r"\Bb", ["ab"], ["b", "-b"]),
        (r"(?m)^b$", ["a\nb\nc"], ["ab"]),
        (r"^b$", ["b"], ["b\n", "a\nb"]),
        (r"\Ab\z", ["b"], ["b\n"]),
        (r"\Qa.b*\E+", ["a.b*", "a.b**"], ["axb*"]),
        (r"\\Q", ["\\Q"], ["Q"]),
        ("[[:alpha:]-]+[[:^digit:]]$", ["a-b"], ["a1", "-1"]),
        ("[[:upper:]]", ["A"], ["a"]),
        (r"\x{1F600}\101\07", ["\U0001f600A\a"], ["A"]),
        (r"\s", ["\f"], ["\v"]),
        ("(?<name>a)b", ["ab"], ["b"]),
        ("(?U)a+", ["a"], ["b"]),
        (r"[\d-x]", ["-", "5", "x"], ["w"]),
        ("a{,2}", ["a{,2}"], ["aa"]),
    ],
)
def test_it_reads_as_go_does(expression: str, found: list[str], not_found: list[str]) -> None:
    pattern = Pattern(expression)
    assert [text for text in found if not pattern.found_in(text)] == [] == [text for text in not_found if pattern.found_in(text)]


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
        ("(?=a)", "invalid or unsupported Perl syntax"),
        ("(?i-)a", "invalid or unsupported Perl syntax"),
        ("(?x)a", "invalid or unsupported Perl syntax"),
        ("(?P<a-b>a)", "invalid named capture"),
        ("a**", "invalid nested repetition operator"),
        ("a+{2}", "invalid nested repetition operator"),
        ("(?i)*", "missing argument to repetition operator"),
        ("[[:nope:]]", "invalid character class range"),
        (r"[a-\d]", "invalid escape sequence"),
        (r"[\b]", "invalid escape sequence"),
        (r"\Z", "invalid escape sequence"),
        (r"\x{110000}", "invalid escape sequence"),
        (r"\q", "invalid escape sequence"),
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
