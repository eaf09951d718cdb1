"""Recordings in, judged rows out, for Python and notebooks: ``prosody.analyze``."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from prosody.calls.call import Call
from prosody.errors import RecordingError, UsageError
from prosody.examine.examine import Options
from prosody.results import call_tables, parquet, records, write
from prosody.results.records import CallRecord
from prosody.results.rows import Apology, Recording, Results, Rows
from prosody.runs import analyze as runs
from prosody.runs.journal import Journal
from prosody.settings import Settings

PathLike = str | os.PathLike[str]


def analyze(
    path: PathLike | Sequence[PathLike],
    *,
    transcripts: PathLike | None = None,
    windows: PathLike | None = None,
    manifest: PathLike | None = None,
    meta_from: str | None = None,
    clips: bool = False,
    baseline: PathLike | None = None,
    agent_channel: str = "auto",
    agent_speaker: str = "",
    language: str = "auto",
    lang: str = "en",
    model: PathLike | None = None,
    measures_only: bool = False,
    settings: Settings | None = None,
    agents_as_is: bool = False,
    redact: bool = False,
    on_error: Literal["raise", "row"] = "raise",
    workers: int | None = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Results:
    """Find, measure and judge the apologies in recordings.

    Parameters
    ----------
    path : path or sequence of paths
        Recordings or folders; the options of the same names on the command line
        (``prosody analyze --help``) say what the others mean.
    transcripts, windows, manifest, baseline, model : path, optional
    meta_from, agent_channel, agent_speaker, language, lang : str
    clips, measures_only, redact : bool
    settings : Settings, optional
    agents_as_is : bool
        Agents' names instead of pseudonyms.
    on_error : {'raise', 'row'}
        What a recording that cannot be read becomes: an exception that ends the run, or a row of
        ``recordings`` with its code and remedy.
    workers : int, optional
        Processes beside this one; 0 works in this one, None takes one for each processor.
    progress : callable, optional
        Called with recordings done and recordings in all.

    Returns
    -------
    Results
        A list with one `Apology` for each, as in ``apologies.jsonl``: a mapping whose keys are
        attributes, too. Times in seconds, measures with units in their names, missing numbers None;
        a gated apology has ``verdict`` None and its reason in ``gates``. ``recordings`` has a row
        for every recording, ``to_pandas()`` gives the columns of ``apologies.csv``.

    Raises
    ------
    ProsodyError
        If the request cannot be carried out, or a recording not be read (``on_error='raise'``).

    Examples
    --------
    >>> rows = analyze("samples", lang="nl")  # doctest: +SKIP
    >>> rows[0].verdict, rows[0]["measures"]["pitch_p50_st"]  # doctest: +SKIP
    >>> rows.to_pandas().groupby("agent").sincere_p.mean()  # doctest: +SKIP
    """
    if on_error not in ("raise", "row"):
        raise UsageError(f"on_error={on_error!r} is not known.", "Choose from 'raise', 'row'.")
    request = runs.Request(
        paths=[path] if isinstance(path, (str, os.PathLike)) else list(path),
        options=Options(
            agent_channel=agent_channel,
            agent_speaker=agent_speaker,
            clips=clips,
            language=language,
            lang=lang,
            baseline=None if baseline is None else Path(baseline),
            settings=settings or Settings(),
        ),
        manifest=manifest,
        meta_from=meta_from,
        transcripts=transcripts,
        windows=windows,
        model=None if model is None else Path(model),
        measures_only=measures_only,
        agents_as_is=agents_as_is,
        redact=redact,
        workers=workers,
    )
    with runs.analyze(request, _Watch(progress, raises=on_error == "raise")) as run:
        if run.interrupted:
            raise KeyboardInterrupt
        apologies, calls, inputs = list(run.apologies), list(run.records), run.inputs
    how: Any = {"measures_only": measures_only}
    found = Results(
        (Apology(records.nested(one, **how)) for one in apologies),
        [records.flat(one, inputs=inputs, **how) for one in apologies],
        write.flat_columns(inputs, **how),
        parquet.is_text,
    )
    found_calls = [Recording(records.nested_record(one, **how)) for one in calls]
    of = {name: list(rows) for name, rows in groupby(found, key=itemgetter("recording"))}
    found.recordings = Rows(
        found_calls,
        [call_tables.recording_row(one, of.get(one.recording, ()), **how) for one in found_calls],
        call_tables.recording_columns(**how),
        (call_tables.TEXTS | call_tables.DATES | call_tables.FLAGS).__contains__,
    )
    return found


class _Watch:
    """Raises at the first recording that cannot be read, where that is asked."""

    def __init__(self, progress: Callable[[int, int], object] | None, *, raises: bool) -> None:
        self.progress, self.raises, self.done, self.total = progress, raises, 0, 0

    def begin(self, total: int, kept: int) -> None:
        self.total, self.done = total, kept

    def __call__(self, record: CallRecord, withheld: int) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)
        if self.raises and record.status == "failed":
            raise RecordingError(record.message, record.remedy, code=record.code)

    def interrupted(self) -> None: ...

    def given(self, calls: Sequence[Call], options: Options) -> None: ...

    def found(self, journal: Journal, removed: Sequence[str]) -> None: ...

    def warn(self, text: str) -> None:
        warnings.warn(text, stacklevel=5)
