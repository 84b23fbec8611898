"""Every error the engine raises on purpose, and the one table that maps them to exit codes and HTTP.

::

    LongshoreError
    ├── InvalidArgument      400  bad input: malformed reference, flag, name, configuration
    ├── Unauthorized         401  a registry or API refused the credentials
    ├── Forbidden            403  understood and not allowed
    ├── NotFound             404  no such container, image, network, volume, exec, path
    │   └── PullDenied       404  the registry will not say whether the repository exists
    ├── NotModified          304  already started, already stopped
    ├── Conflict             409  name in use, wrong state, in use by another object
    ├── TooManyRequests      429  a registry's rate limit
    ├── Cancelled            499  the caller gave up
    ├── EngineFault          500  the kernel, the disk or our own code failed
    │   ├── DiskFull         507  no space left on the device
    │   ├── StartFailed      500  the container process could not be brought up (exit 128)
    │   │   ├── NotExecutable    400  (exit 126)
    │   │   └── ExecutableNotFound 400  (exit 127)
    │   └── CorruptData      500  bytes that do not match their digest or format
    ├── NotSupported         501  this engine, host or kernel can not do that
    ├── Unavailable          503  no engine, registry or supervisor answers
    └── TimedOut             504  it did not happen in time

A message names the object, says why, and where we know it ``hint`` says what to do. It starts in lower case
and has no full stop, unless docker's own words are used, which clients match.
"""

from __future__ import annotations


class LongshoreError(Exception):
    """An error that is meant for a person.

    Attributes:
        message: which object and why, one or more lines, without a traceback.
        hint: what the person can do, or ``""``.
        status: HTTP status the API server answers with.
        exit_code: exit status of a command line verb; docker's where docker has one.
    """

    status = 500
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InvalidArgument(LongshoreError):
    """The request is malformed or contradicts itself."""

    status = 400


class Unauthorized(LongshoreError):
    """Credentials are missing or were refused."""

    status = 401


class Forbidden(LongshoreError):
    """The request is understood and not allowed."""

    status = 403


class NotFound(LongshoreError):
    """The named object does not exist."""

    status = 404


class PullDenied(NotFound):
    """A registry hides whether the repository exists (docker: ``pull access denied``)."""


class NotModified(LongshoreError):
    """The object already is in the wanted state."""

    status = 304
    exit_code = 0


class Conflict(LongshoreError):
    """The object's state or another object forbids the operation."""

    status = 409


class TooManyRequests(LongshoreError):
    """A registry's rate limit was hit."""

    status = 429


class Cancelled(LongshoreError):
    """The caller gave up before the operation ended."""

    status = 499
    exit_code = 130


class EngineFault(LongshoreError):
    """The kernel, the disk or the engine itself failed."""

    status = 500


class DiskFull(EngineFault):
    """No space is left on the device that holds the state root."""

    status = 507


class StartFailed(EngineFault):
    """The container's process could not be brought up."""

    exit_code = 128


class NotExecutable(StartFailed):
    """The command exists and can not be executed."""

    status = 400
    exit_code = 126


class ExecutableNotFound(StartFailed):
    """The command does not exist in the container."""

    status = 400
    exit_code = 127


class CorruptData(EngineFault):
    """Bytes do not match their digest, size or format."""


class NotSupported(LongshoreError):
    """This engine, host or kernel can not do that."""

    status = 501


class Unavailable(LongshoreError):
    """No engine, registry or supervisor answers."""

    status = 503


class TimedOut(LongshoreError):
    """It did not happen in time."""

    status = 504


ALL: tuple[type[LongshoreError], ...] = (
    InvalidArgument,
    Unauthorized,
    Forbidden,
    PullDenied,
    NotFound,
    NotModified,
    Conflict,
    TooManyRequests,
    Cancelled,
    DiskFull,
    NotExecutable,
    ExecutableNotFound,
    StartFailed,
    CorruptData,
    EngineFault,
    NotSupported,
    Unavailable,
    TimedOut,
)

_BY_STATUS: dict[int, type[LongshoreError]] = {
    304: NotModified,
    400: InvalidArgument,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
    499: Cancelled,
    500: EngineFault,
    501: NotSupported,
    503: Unavailable,
    504: TimedOut,
    507: DiskFull,
}


def by_name(name: str) -> type[LongshoreError]:
    """The class called ``name``; :class:`EngineFault` for a name we do not know (a newer peer's)."""
    return next((kind for kind in ALL if kind.__name__ == name), EngineFault)


def from_status(status: int, message: str) -> LongshoreError:
    """The error that an HTTP ``status`` stands for, never chosen by message text.

    Unknown 4xx become :class:`InvalidArgument`, anything else :class:`EngineFault`.
    """
    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = InvalidArgument if 400 <= status < 500 else EngineFault
    return kind(message)
