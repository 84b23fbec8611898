"""Configs and secrets of a swarm are made: a name, labels, and what is in them, typed or from a file of this machine.

What is typed for a secret is not shown, stands in no command log, and goes nowhere but to the manager.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
from collections.abc import Mapping

from engine.errors import InvalidArgument, LongshoreError
from engine.interface import SwarmFiles
from engine.model.swarm import SwarmFileSpec
from engine.model.value import Value
from tui.feed.requests import pairs
from tui.screens.form import Field, FormModal
from tui.screens.swarm_desk import SwarmDesk
from tui.swarm_snapshot import SwarmNoun

NOUNS: Mapping[SwarmNoun, str] = {SwarmNoun.CONFIGS: "config", SwarmNoun.SECRETS: "secret"}
LIMITS: Mapping[SwarmNoun, int] = {SwarmNoun.CONFIGS: 1000 * 1024, SwarmNoun.SECRETS: 500 * 1024}
"""Bytes that one can have (swarmkit, ``api/validation``)."""


class Wanted(Value):
    """What the form answers with: ``path`` is of a file to read, else ``text`` is what is to be in it."""

    name: str
    path: str
    text: str
    labels: Mapping[str, str]


def files_of(desk: SwarmDesk, noun: SwarmNoun) -> SwarmFiles:
    """The interface to configs, or to secrets."""
    return desk.swarm.secrets if noun is SwarmNoun.SECRETS else desk.swarm.configs


async def create(desk: SwarmDesk) -> None:
    """Ask for what is to be made in the list that has the focus, and make it."""
    noun = desk.stage.noun
    if noun not in NOUNS:
        desk.desk.tell("new", "configs and secrets are made in their lists, 5 and 6")
        return
    word = NOUNS[noun]
    texts: Mapping[str, str] = {}
    while True:
        wanted = await desk.ask(FormModal(f"New {word}", _fields(noun, texts), _wanted))
        if wanted is None:
            return
        try:
            data = await asyncio.to_thread(_read, wanted.path, LIMITS[noun]) if wanted.path else wanted.text.encode()
            if not data:
                raise InvalidArgument(f"{wanted.path} is empty, and a {word} has at least one byte")
        except LongshoreError as error:
            desk.desk.tell_error(f"create {wanted.name}", error)
            labels = shlex.join(f"{name}={value}" for name, value in wanted.labels.items())
            texts = {"name": wanted.name, "path": wanted.path, "text": wanted.text, "labels": labels}
            continue
        break
    work = files_of(desk, noun).create(SwarmFileSpec(name=wanted.name, data=data, labels=wanted.labels))
    labels_given = [part for name, value in wanted.labels.items() for part in ("--label", f"{name}={value}")]
    command = shlex.join([word, "create", *labels_given, wanted.name, wanted.path or "-"])
    title = f"create {wanted.name}"
    await desk.perform(None, "", title, work, command=command, told=f"{word} {wanted.name} is there: services can be given it")


def _fields(noun: SwarmNoun, texts: Mapping[str, str]) -> tuple[Field, ...]:
    secret = noun is SwarmNoun.SECRETS
    example = "or typed here; it is not shown" if secret else "or typed here"
    return (
        Field(name="name", label="Name", text=texts.get("name", ""), example="password" if secret else "settings.toml"),
        Field(name="path", label="From file", text=texts.get("path", ""), example="./file", path=True),
        Field(name="text", label="Text", text=texts.get("text", ""), example=example, secret=secret),
        Field(name="labels", label="Labels", text=texts.get("labels", ""), example="team=shop"),
    )


def _wanted(texts: Mapping[str, str]) -> Wanted:
    """The form's answer. Raises InvalidArgument with the field that is wrong."""
    if not texts["name"]:
        raise InvalidArgument("name: is needed")
    if texts["path"] and texts["text"]:
        raise InvalidArgument("text: there is a file already; one of the two")
    if not texts["path"] and not texts["text"]:
        raise InvalidArgument("path: a file, or a text, is needed")
    return Wanted(name=texts["name"], path=texts["path"], text=texts["text"], labels=pairs(texts, "labels"))


def _read(path: str, limit: int) -> bytes:
    """What is in a regular file, which does not wait as a pipe would.

    Raises:
        InvalidArgument: it is none, is too large, or can not be read.
    """
    path = os.path.expanduser(path)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidArgument(f"{path} is not a regular file")
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > limit:
        raise InvalidArgument(f"{path} is larger than the {limit // 1024} KiB that a swarm takes")
    return data
