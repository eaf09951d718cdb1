"""Recordings in, judged rows out, for the Python user: ``prosody.analyze``.

The command line does the same in `batch`, many calls at once; here a file that cannot be read is
an exception.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prosody.calls.collect import collect
from prosody.errors import RecordingError
from prosody.examine.examine import Examiner, Options, check_request
from prosody.judge.judge import Judge
from prosody.judge.rows import compare_takes, judge_rows
from prosody.results.records import ApologyRecord, nested
from prosody.settings import Settings


def analyze(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    transcripts: str | os.PathLike[str] | None = None,
    windows: str | os.PathLike[str] | None = None,
    manifest: str | os.PathLike[str] | None = None,
    clips: bool = False,
    baseline: str | os.PathLike[str] | None = None,
    agent_channel: str = "auto",
    language: str = "auto",
    lang: str = "en",
    model: str | os.PathLike[str] | None = None,
    measures_only: bool = False,
    settings: Settings | None = None,
) -> list[dict[str, Any]]:
    """Find, measure and judge the apologies in recordings.

    Parameters
    ----------
    path : path or sequence of paths
        Recordings or folders; for transcripts, windows and roles see the options of the same names
        on the command line (``prosody analyze --help``).
    transcripts, windows, manifest, baseline, model : path, optional
    clips, measures_only : bool
    agent_channel, language, lang : str
    settings : Settings, optional

    Returns
    -------
    list of dict
        One per apology, as in ``apologies.jsonl``: times in seconds, measures with units in their
        names, missing numbers None. A gated apology has ``verdict`` None and its reason in
        ``gates``.

    Raises
    ------
    ProsodyError
        If a recording cannot be read (on the command line that becomes a line of the results).

    Examples
    --------
    >>> rows = analyze("samples", lang="nl")  # doctest: +SKIP
    >>> rows[0]["verdict"], rows[0]["measures"]["pitch_p50_st"]  # doctest: +SKIP
    """
    options = Options(
        agent_channel=agent_channel,
        clips=clips,
        language=language,
        lang=lang,
        baseline=None if baseline is None else Path(baseline),
        settings=settings or Settings(),
    )
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    calls = collect(paths, manifest=manifest, transcripts=transcripts, windows=windows, clips=clips)
    check_request(calls, options)
    rows: list[ApologyRecord] = []
    examiner = Examiner(options)
    for call in calls:
        done = examiner(call)
        if done.line.status == "failed":
            raise RecordingError(done.line.message, done.line.remedy, code=done.line.code)
        rows += done.apologies
    if not measures_only:
        judge = Judge.load(None if model is None else Path(model))
        judge_rows(rows, judge, options.settings, lang=lang)
        if clips:
            compare_takes(rows, judge, one_voice=baseline is not None)
    return [nested(r, measures_only=measures_only) for r in rows]
