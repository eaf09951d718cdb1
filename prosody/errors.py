"""Errors with code and remedy: what can go wrong with one recording or one request.

Each error has a ``code`` (stable, for machines and for the ``code`` column of the results), a
message that says what was found and what was expected, and a ``remedy``: what to do about it.
An expected failure of one recording becomes a row with these three; it never stops a batch.
"""

from __future__ import annotations


def install_line(extra: str) -> str:
    """Return the command that installs an extra (quoted as every shell takes it)."""
    return f'pip install "prosody-sincerity[{extra}]"'


class ProsodyError(Exception):
    """Base of all errors that prosody raises on purpose.

    Parameters
    ----------
    message : str
        What was found and what was expected, naming the file and the place in it.
    remedy : str
        What the user can do.
    code : str, optional
        Overrides the class's code where one class covers several cases.
    """

    code = "error"

    def __init__(self, message: str, remedy: str = "", *, code: str | None = None) -> None:
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code
        super().__init__(f"{message} {remedy}".strip())


class UsageError(ProsodyError, ValueError):
    """The request itself cannot be carried out (exit code 2)."""

    code = "usage"


class RecordingError(ProsodyError, OSError):
    """A recording cannot be read: ``not_audio``, ``empty``, ``truncated``, ``unsupported`` ..."""

    code = "unreadable"


class RoleError(ProsodyError, ValueError):
    """It cannot be told which channel is the agent."""

    code = "role_unknown"


class TranscriptError(ProsodyError, ValueError):
    """A transcript or windows file does not hold what its format asks."""

    code = "bad_transcript"


class SettingsError(ProsodyError, ValueError):
    """A settings file has an unknown name or a value out of range."""

    code = "bad_settings"


class ModelError(ProsodyError, ValueError):
    """A judge cannot be used: damaged, too large, or made for other measures."""

    code = "bad_model"


class MissingExtraError(ProsodyError, ImportError):
    """An optional dependency is needed: the remedy holds the line that installs it."""

    code = "missing_extra"
