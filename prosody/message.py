"""Messages in the reader's language: what is said of recordings and requests.

``words/reading.LANG.toml`` has a sentence per code, filled with the message's values. A `Message`
carries the English one; what has none in another language stays English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from prosody import words
from prosody.errors import ProsodyError

_OWN = "en"
_INSTALL = re.compile(r"pip install .+")
ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Message:
    """Something to know about a recording that does not stop it: a stable code and a sentence.

    ``values`` are what the sentence was filled with, for other languages; ``sentence`` is how it
    stood before, where one code has many (`assumed`).
    """

    code: str
    text: str
    remedy: str = ""
    values: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)
    sentence: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()

    @classmethod
    def of(cls, code: str, **values: object) -> Message:
        """Return a remark by its code; ``values`` fill its sentence and its advice."""
        table = words.load("reading", _OWN)
        sentence = table["remark"][code]
        if isinstance(sentence, list):  # of one, and of several
            sentence = sentence[values["count"] != 1]
        own = {name: str(value) for name, value in values.items()}
        known = {name.capitalize(): v[:1].upper() + v[1:] for name, v in own.items()} | values
        if "why" in own:
            known["why"] = table["why"][own["why"]]
        advice = table["advice"].get(code, "")
        return cls(code, sentence.format(**known), advice.format(**known), own)

    def to(self, lang: str) -> Message:
        """Return the message in a language, as far as that has its sentence and its values."""
        table = _table(lang)
        if self.code == ASSUMED:
            sentence = table.get(ASSUMED, {}).get(self.sentence)
        else:
            sentence = table.get("remark", {}).get(self.code)
        if sentence is None:
            return self
        known = {
            k: table["why" if k == "why" else "name"].get(v, _number(v))
            for k, v in self.values.items()
        }
        try:
            text = sentence.format(**known)
        except KeyError:
            return self
        return replace(self, text=text, remedy="")


def assumed(sentence: str, **values: object) -> Message:
    """Return what had to be assumed in a transcript, as a message; `values` fill the sentence."""
    filled = {name: str(value) for name, value in values.items()}
    return Message(ASSUMED, sentence.format(**filled), values=filled, sentence=sentence)


def _table(lang: str) -> dict[str, Any]:
    if lang == _OWN or lang not in words.languages("reading"):
        return {}
    return words.load("reading", lang)


def _number(value: str) -> str:
    """Return a number with a decimal comma, as all languages here but English write it."""
    return value.replace(".", ",") if re.fullmatch(r"-?\d+\.\d+", value) else value


def failure(error: ProsodyError, lang: str) -> tuple[str, str]:
    """Return message and remedy of an error in a language; the English details stay in brackets."""
    table = _table(lang)
    sentence = table.get("failed", {}).get(error.code)
    if sentence is None:
        return error.message, error.remedy
    remedy = str(table["remedy"].get(error.code, error.remedy))
    if error.code == "missing_extra":  # which extra it is, only the error knows
        line = _INSTALL.search(error.remedy)
        remedy = remedy.format(line=line[0]) if line else error.remedy
    return f"{sentence} ({error.message})", remedy


def nameless(message: str, name: str) -> str:
    """Return a message without the file at its head, or at the head of its details.

    The message may have the file's whole path, of which the name is the end.
    """
    starts = [0, *(m.end() for m in re.finditer(r" \(", message))]
    for start in starts:
        if end := _path_end(message, start, name):
            return message[:start] + message[end:]
    return message


def _path_end(message: str, start: int, name: str) -> int:
    """Return where what follows a path begins, if a path that ends in a name is there; else 0."""
    rest, head = message[start:].replace("\\", "/"), name.replace("\\", "/") + ": "
    if rest.startswith(head):
        return start + len(head)
    at = rest.find("/" + head)
    folder = rest[: max(at, 0)]
    # A sentence before the details leaves their bracket open; a folder's name closes its own.
    if at < 0 or ": " in folder or not _brackets_close(folder):
        return 0
    return start + at + 1 + len(head)


def _brackets_close(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def usage(shown: str, lang: str) -> str:
    """Return what is wrong with a command line in a language, line by line."""
    if lang not in words.languages("usage"):
        return shown
    sentences = words.load("usage", lang)["sentence"]
    return "\n".join(_worded(line, sentences) for line in shown.split("\n"))


def _worded(text: str, sentences: Mapping[str, str]) -> str:
    """Return the other language's sentence for one of the library of the command line."""
    for own, other in sentences.items():
        pattern = re.sub(r"\\{(\w)\\}", r"(?P<\1>.+)", re.escape(own))
        if found := re.fullmatch(pattern, text, re.DOTALL):
            values = found.groupdict()
            return other.format(
                **{k: _worded(v, sentences) if k == "m" else v for k, v in values.items()}
            )
    return text
