"""When a call began and who spoke, by its file name: the usual forms of platforms."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DAY = r"\d{4}-?\d{2}-?\d{2}(?:[-_T ]?\d{2}[-:.]?\d{2}(?:[-:.]?\d{2})?)?"
# Names of fields as `manifest.FIELDS` has them; docs/formats.md shows an example of each.
PRESETS = {
    "genesys": r"(?P<call_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})",
    "amazon-connect": r"(?P<call_id>[0-9a-fA-F-]{36})_(?P<started_at>\d{8}T\d{2}[:_]\d{2})_UTC",
    "asterisk": r"(?:in|out|internal|external|exten|q|rg)-(?:[+\w]+-)*?(?P<agent>\w+)-[+\w]+-"
    r"(?P<started_at>\d{8}-\d{6})-(?P<call_id>\d+\.\d+)",
    "date-number": rf"(?P<started_at>{_DAY})[-_ ](?P<call_id>\+?\d+)",
    "number-date": rf"(?P<call_id>\+?\d+)[-_ ](?P<started_at>{_DAY})",
    "agent-date": rf"(?P<agent>[^\W\d_][\w.]*?)[-_ ](?P<started_at>{_DAY})",
}

_FREE = r"(?<!\d){}(?!\d)"
_DATE = r"(?P<y>20\d\d)(?P<s1>[-_.]?)(?P<m>[01]\d)(?P=s1)(?P<d>[0-3]\d)"
_TIME = (
    r"(?P<H>[0-2]\d)(?P<s2>[-:._hu]?)(?P<M>[0-5]\d)(?:(?P=s2)(?P<S>[0-5]\d)|[ms](?P<S2>[0-5]\d))?"
)
_MOMENT = re.compile(_FREE.format(rf"{_DATE}(?:[-_T ]|\s?at\s?)?{_TIME}(?P<z>Z)?"))
_DUTCH = re.compile(_FREE.format(r"(?P<d>[0-3]\d)-(?P<m>[01]\d)-(?P<y>20\d\d)[-_T ]" + _TIME))
_EPOCH = re.compile(_FREE.format(r"(?P<s>1[4-9]\d{8})(?P<ms>\d{3})?"))
_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)


def started_at(name: str) -> str:
    """Return when a call began as its file's name tells it, ISO 8601; '' where it does not.

    Parameters
    ----------
    name : str
        A file's name with or without its ending. Read are a date with a time
        (``20261130-142233``, ``2026-11-30T14.22``, ``30-11-2026 14.22``) and seconds or
        milliseconds since 1970, which are told in UTC. A date alone is no start.
    """
    for pattern in (_MOMENT, _DUTCH):
        for found in pattern.finditer(name):
            part = found.groupdict()
            second = part["S"] or part["S2"] or "00"
            try:
                moment = datetime(
                    int(part["y"]), int(part["m"]), int(part["d"]), int(part["H"]), int(part["M"]),
                    int(second),
                )  # fmt: skip
            except ValueError:
                continue
            zone = "Z" if part.get("z") else ""
            return moment.isoformat() + zone
    for found in _EPOCH.finditer(name):
        moment = datetime.fromtimestamp(int(found["s"]), tz=UTC)
        if _EARLIEST <= moment <= datetime.now(tz=UTC):
            return moment.replace(tzinfo=None).isoformat() + "Z"
    return ""
