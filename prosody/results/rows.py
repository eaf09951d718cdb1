"""Rows as Python users hold them: mappings with attributes, and tables of them for pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from prosody.errors import MissingExtraError


class Row(dict[str, Any]):
    """One row of the results: a mapping, whose keys are attributes, too (``row.verdict``)."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this row has no {name!r}") from None


class Apology(Row):
    """One apology, with the keys of ``apologies.jsonl``; missing numbers are None.

    With ``measures_only`` the keys from ``verdict`` to ``reasons`` are not there.
    """

    recording: str
    recording_sha256: str
    call_id: str
    started_at: str
    agent: str
    agent_speaker: str
    team: str
    language: str
    channel: int
    role: str
    start_s: float
    end_s: float
    text: str
    form: str
    i_form: bool | None
    source: str
    verdict: str | None
    kind: str | None
    hint: str | None
    sincere: dict[str, Any] | None
    engaged: dict[str, Any] | None
    animation: dict[str, Any] | None
    p_more_sincere_than_own_usual: dict[str, Any] | None
    reasons: list[dict[str, Any]]
    gates: list[str]
    remarks: list[dict[str, str]]
    baseline_s: float | None
    snr_db: float | None
    measures: dict[str, float | None]
    relative: dict[str, float | None]
    conduct: dict[str, dict[str, Any]]
    around: dict[str, float | None]


class Recording(Row):
    """What became of one recording, with the keys of ``recordings.jsonl``."""

    recording: str
    call_id: str
    status: str
    code: str
    message: str
    remedy: str
    recording_sha256: str
    duration_s: float | None
    sr_hz: int | None
    channels: int | None
    format: str
    roles: dict[str, str]
    tracks: list[dict[str, Any]]
    language: str
    source: str
    started_at: str
    agent: str
    team: str
    apologies: int
    judged: int
    withheld: int
    complaint: bool | None
    complaint_without_apology: bool | None
    baseline_s: float | None
    baseline: dict[str, float | None]
    acts: list[dict[str, Any]]
    conduct: dict[str, dict[str, Any]]
    conversation: dict[str, float | None]
    remarks: list[dict[str, str]]


R = TypeVar("R", bound=Row)


class Rows(list[R]):
    """Rows in order.

    Parameters
    ----------
    rows : iterable of Row
    flat : sequence of dict
        The same as flat rows, as in a CSV.
    columns : sequence of str
        Their columns.
    is_text : callable
        Whether a column holds anything but numbers.
    """

    def __init__(
        self,
        rows: Iterable[R],
        flat: Sequence[dict[str, Any]],
        columns: Sequence[str],
        is_text: Callable[[str], bool],
    ) -> None:
        super().__init__(rows)
        self._flat, self._columns, self._is_text = flat, columns, is_text

    def to_pandas(self) -> Any:
        """Return a data frame with the columns of the CSV of these rows; a missing number is NaN.

        Raises
        ------
        MissingExtraError
            Without pandas.
        """
        frame = pandas().DataFrame(self._flat, columns=self._columns)
        # Numbers that are missing in every row would have no type.
        empty = [name for name in frame.columns[frame.isna().all()] if not self._is_text(name)]
        return frame.astype(dict.fromkeys(empty, float))


class Results(Rows[Apology]):
    """The apologies of an analysis, and in ``recordings`` what became of every recording."""

    recordings: Rows[Recording]


def pandas() -> Any:
    """Return pandas.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import pandas as module
    except ImportError as error:
        raise MissingExtraError(
            "A data frame needs the package pandas, which is not installed.",
            "Install it with: pip install pandas",
        ) from error
    return module
