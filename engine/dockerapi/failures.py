"""From an HTTP status and Docker's ``{"message": …}`` to an error."""

from __future__ import annotations

import re

from engine.dockerapi.document import Document, load_document
from engine.errors import (
    Conflict,
    CorruptData,
    EngineFault,
    ExecutableNotFound,
    Forbidden,
    InvalidArgument,
    LongshoreError,
    NotExecutable,
    NotFound,
    PullDenied,
    StartFailed,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    from_status,
)

_SOURCE = re.compile(
    r"initializing source docker://(?P<reference>\S+): "
    r"(?:reading manifest \S+ in \S+: )?(?P<unreachable>pinging container registry \S+: )?(?P<answer>.+)",
    re.DOTALL,
)

# Podman answers 500 to much that is the caller's affair, with the kind of failure beside it (podman, libpod/define/errors.go).
_CAUSES: dict[str, type[LongshoreError]] = {
    "container state improper": Conflict,
    "container already exists": Conflict,
    "that name is already in use": Conflict,
    "network already exists": Conflict,
    "network is being used": Forbidden,
    "no such container": NotFound,
    "invalid argument": InvalidArgument,
}


def message(body: bytes) -> str:
    """What the engine says in the body of a failure; podman puts the reason in ``cause`` and ``message``."""
    try:
        document = load_document(body)
    except CorruptData:
        return body.decode("utf-8", "replace").strip()[:4096]
    return document.text("message") or document.text("cause")


def failure(status: int, body: bytes, fallback: str) -> LongshoreError:
    """The error for an answer with ``status``; ``fallback`` is the text where the engine gave none."""
    text = message(body) or f"{fallback} (HTTP status {status})"
    kind = _CAUSES.get(_cause(body)) if status == 500 else None
    return kind(text) if kind else from_status(status, text)


def _cause(body: bytes) -> str:
    try:
        return load_document(body).text("cause")
    except CorruptData:
        return ""


def pull_failure(found: LongshoreError) -> LongshoreError:
    """A pull's failure, with the class that the registry's answer stands for."""
    return _podmans_failure(found.message) or _registry_failure(found.message) or found


def push_failure(found: LongshoreError) -> LongshoreError:
    """A push's failure, which docker tells in words only, with the class that those stand for."""
    text = found.message
    if text.startswith(("An image does not exist locally with the tag: ", "tag does not exist: ")):
        return NotFound(text)
    if text.startswith("denied: "):
        return Forbidden(text)
    if "no basic auth credentials" in text or "unauthorized: " in text:
        return Unauthorized(text)
    return found


def pull_error(document: Document) -> LongshoreError:
    """The error that a line of a running pull reports."""
    detail = document.document("errorDetail")
    text = detail.text("message") or document.text("error") or "the pull failed"
    code = detail.integer("code")
    return from_status(code, text) if 400 <= code < 600 else EngineFault(text)


def _podmans_failure(text: str) -> LongshoreError | None:
    """What podman tells of a registry, in docker's words (containers/image, docker/docker_image_src.go)."""
    if not (told := _SOURCE.fullmatch(text)):
        return None
    reference, answer = told["reference"], told["answer"]
    if "manifest unknown" in answer or "name unknown" in answer:
        return NotFound(f"manifest for {reference} not found: {answer}")
    if "access to the resource is denied" in answer:
        name = reference.rpartition(":")[0] or reference
        return PullDenied(f"pull access denied for {name}, repository does not exist or may require 'docker login': denied: {answer}")
    if "authentication required" in answer or "unauthorized" in answer:
        return Unauthorized(answer)
    return Unavailable(answer) if told["unreachable"] else None


def _registry_failure(text: str) -> LongshoreError | None:
    # The registry's error code is the word before the colon (distribution-spec, error codes); docker passes it on in the text only.
    if "pull access denied for " in text:
        return PullDenied(text)
    for code, kind in (("toomanyrequests:", TooManyRequests), ("unauthorized:", Unauthorized)):
        if code in text:
            return kind(text)
    return None


def start_failure(found: LongshoreError, exit_code: int) -> LongshoreError:
    """Why a container did not start. Docker records 126, 127 or 128 as its exit code; engines that do not are known by
    the substrings that docker's own command line looks for (docker/cli ``toStatusError``)."""
    text = found.message
    if exit_code == 127 or any(words in text for words in ("executable file not found", "no such file or directory", "system cannot find")):
        return ExecutableNotFound(text)
    if exit_code == 126 or any(words in text for words in ("permission denied", "not a directory", "is a directory")):
        return NotExecutable(text)
    # Only those two kinds are answered with 400 once the runtime was asked; any other 400 refuses the request itself.
    return found if isinstance(found, InvalidArgument) else StartFailed(text)
