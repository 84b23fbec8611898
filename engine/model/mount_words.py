"""The third part of ``--volume``, and of the API's ``Binds``: the words after the second colon."""

from __future__ import annotations

from engine.errors import InvalidArgument

# Of each kind docker takes one word at most (moby ``volume/mounts/linux_parser.go``, ``linuxValidMountMode``).
_ONE_OF = (
    frozenset(("ro", "rw")),
    frozenset(("z", "Z")),
    frozenset(("shared", "rshared", "slave", "rslave", "private", "rprivate")),
    frozenset(("consistent", "cached", "delegated")),
    frozenset(("nocopy",)),
)


def mode_words(mode: str) -> list[str]:
    """The words of ``ro,z``. Words of which docker knows nothing are kept: what makes the mount judges them.

    Raises:
        InvalidArgument: two words of one kind, also the same one twice: ``invalid mode: rw,ro``, docker's words.
    """
    words = [word for word in mode.split(",") if word]
    if any(sum(word in kind for word in words) > 1 for kind in _ONE_OF):
        raise InvalidArgument(f"invalid mode: {mode}")
    return words
