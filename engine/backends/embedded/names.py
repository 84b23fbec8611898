"""Names for containers that were not given one, and which names are allowed."""

from __future__ import annotations

import os

from engine.errors import InvalidArgument

_ADJECTIVES = (
    "able agile amber ample apt ardent bold brave breezy bright brisk calm candid careful cheerful clear clever cosy crisp curious "
    "daring deft dreamy eager early earnest easy even fair famous fleet fond frank free fresh gentle glad golden grand happy hardy "
    "honest humble jolly jovial keen kind lively lucid lucky mellow merry mild modest neat nimble noble open patient plucky polite "
    "proud quick quiet ready robust rosy serene sharp silver sincere snug sober spry steady stoic sunny sure swift tender tidy "
    "tranquil trim trusty upbeat vivid warm wise witty zesty"
)
_NOUNS = (
    "anchor barge beacon berth boom bosun bowline brig bulwark buoy capstan cargo caulker channel cleat coaster coxswain crane cutter "
    "davit deckhand derrick dinghy dock dory drydock fairway fender ferry fjord frigate galley gangway gantry gunwale halyard harbour "
    "hatch haven hawser helm hoist hull inlet jetty jib keel ketch lagoon lantern ledger lighter lock manifest marina mast mooring "
    "oar outpost packet pallet paddle pier pilot pinnace pontoon porter purser quay rigger rudder sail schooner sextant shoal skipper "
    "sloop spar stevedore tackle tender tide tiller topsail trawler tug waterline wharf winch windlass yawl"
)
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_REST = _FIRST | frozenset("_.-")


def new_id() -> str:
    """64 random hex digits. Never all digits at the beginning: a short id must not look like a number to other tools."""
    while True:
        made = os.urandom(32).hex()
        if not made[:12].isdecimal():
            return made


def generate(attempt: int = 0) -> str:
    """A name made of two words; with more attempts a number is added, so that it ends up free."""
    pick = os.urandom(4)
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    adjective = adjectives[int.from_bytes(pick[:2], "big") % len(adjectives)]
    noun = nouns[int.from_bytes(pick[2:], "big") % len(nouns)]
    return f"{adjective}_{noun}{os.urandom(2)[0] if attempt else ''}"


def valid(name: str) -> bool:
    """Docker's rule ``[a-zA-Z0-9][a-zA-Z0-9_.-]+``, in ASCII."""
    return len(name) > 1 and name[0] in _FIRST and _REST.issuperset(name)


def check_container(name: str) -> str:
    """The name without its slash. Raises InvalidArgument with docker's words."""
    plain = name.removeprefix("/")
    if not valid(plain):
        raise InvalidArgument(f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return plain


def check_volume(name: str) -> str:
    """The name itself. Raises InvalidArgument with docker's words."""
    if len(name) == 1:
        raise InvalidArgument("volume name is too short, names should be at least two alphanumeric characters")
    if not valid(name):
        raise InvalidArgument(
            f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. '
            "If you intended to pass a host directory, use absolute path"
        )
    return name
