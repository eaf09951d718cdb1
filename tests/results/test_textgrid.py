"""``--textgrid``: what Praat would open, with acts, apologies and measures on one clock."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import running
from command import prosody
from places import SAMPLES

from prosody.calls.windows import read_windows
from prosody.measures.table import NAMES, RELATIVE_NAMES
from prosody.results import textgrid
from prosody.results.records import ApologyRecord, CallRecord
from prosody.runs.journal import Journal


def apology(start_s, end_s, **changes):
    measures = np.full(len(NAMES), np.nan)
    measures[0] = 12.5
    return ApologyRecord("x.wav", "", "x", 0, "agent", start_s, end_s, 'zei "sorry"\nhoor', "sorry",
                   "transcript", "nl", measures, np.full(len(RELATIVE_NAMES), np.nan), 0.0,
                   **changes)  # fmt: skip


ACT = {"act": "repair", "role": "customer", "start_s": 3.0, "end_s": 3.5, "text": "sorry?"}


def test_tiers_of_one_recording():
    line = CallRecord("x.wav", "x", duration_s=10.0, acts=(ACT,))
    named = textgrid.tiers(line, [apology(1.0, 2.0, verdict="unclear")])
    assert list(named)[:4] == ["acts customer", "apology", "verdict", "sincere"]
    assert named["acts customer"] == [(3.0, 3.5, "repair: sorry?")]
    assert named["verdict"] == [(1.0, 2.0, "unclear")]
    assert named[NAMES[0]] == [(1.0, 2.0, "12.5")]
    assert NAMES[1] not in named
    bare = textgrid.tiers(line, [apology(1.0, 2.0)], measures_only=True)
    assert not {"verdict", "sincere"} & set(bare)


@pytest.mark.parametrize(
    "spans",
    [
        [], [(0.0, 10.0)], [(1.0, 2.0), (1.5, 3.0)], [(1.0, 5.0), (2.0, 3.0)],
        [(1.0, 2.0), (1.0, 2.0)], [(9.0, 12.0)], [(math.nan, 1.0)], [(0.0, 1e-9), (4.0, 5.0)],
    ],
)  # fmt: skip
def test_intervals_fill_the_tier_without_overlap(spans):
    filled = textgrid._apart([(a, b, "t") for a, b in spans], 10.0)
    assert filled[0][0] == 0.0
    assert filled[-1][1] == 10.0
    for (_, end, _), (start, _, _) in itertools.pairwise(filled):
        assert end == start
    assert all(b > a for a, b, _ in filled)


def test_names_are_safe_and_unlike():
    taken = set()
    given = ("a/x.wav", "b/x.wav", "../../etc/passwd", 'q"\n.wav', "...", "a\\..\\evil.wav")
    names = [textgrid.name_of(CallRecord(n, n), taken) for n in given]
    assert len(set(names)) == len(names)
    assert not any("/" in n or "\\" in n or n.startswith(".") or "\n" in n for n in names)


def test_what_is_written_can_be_read_as_windows(tmp_path):
    with Journal(tmp_path) as journal:
        journal.want(["a", "b", "c"])
        journal.add("a", "", "", CallRecord("x.wav", "x", duration_s=5.0), [apology(1.0, 2.0)])
        journal.add("b", "", "", CallRecord("x.wav", "y", duration_s=5.0, status="no_apology"), [])
        journal.add("c", "", "", CallRecord("z.wav", "z", status="failed", code="empty"), [])
        assert textgrid.write_all(tmp_path / "textgrids", journal) == 2
    files = sorted((tmp_path / "textgrids").iterdir())
    assert [f.suffix for f in files] == [".TextGrid"] * 2
    found = [w for f in files for ws in read_windows(f).values() for w in ws]
    assert any((w.start_s, w.end_s, w.text) == (1.0, 2.0, 'zei "sorry" hoor') for w in found)


@pytest.mark.slow
def test_praat_opens_them(tmp_path):
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed")
    done = prosody("analyze", SAMPLES, "--textgrid", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "textgrids").glob("*.TextGrid"))
    assert len(files) == 4
    grid = parselmouth.read(str(files[2]))
    call = parselmouth.praat.call
    names = [call(grid, "Get tier name", i + 1) for i in range(call(grid, "Get number of tiers"))]
    assert {"acts agent", "apology", "verdict", "pitch_p50_st", "pitch_p50_st_rel"} <= set(names)
    tier = names.index("apology") + 1
    labels = [call(grid, "Get label of interval", tier, i + 1)
              for i in range(call(grid, "Get number of intervals", tier))]  # fmt: skip
    texts = [r["text"] for r in running.rows(tmp_path / "apologies.jsonl")
             if "3-four" in r["recording"]]  # fmt: skip
    assert [label for label in labels if label] == texts
    again = prosody("analyze", SAMPLES, "--out", tmp_path)
    assert again.returncode == 0
    assert not (tmp_path / "textgrids").exists()
