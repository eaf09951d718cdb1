"""Comparisons of two clips: scores that are found again, and a judge that is fitted to them."""

from __future__ import annotations

import numpy as np
import pytest
import rated as synthetic

from prosody.errors import UsageError
from prosody.rating import paired


def comparisons(rows, n=40, seed=0):
    """Return answers on pairs of takes of one speaker, by the ratings that made them."""
    rng = np.random.default_rng(seed)
    by = {}
    for row in rows:
        by.setdefault(row["speaker"], []).append(row)
    out = []
    for mine in by.values():
        for _ in range(n):
            a, b = rng.choice(len(mine), 2, replace=False)
            p = 1 / (1 + np.exp(3 * (mine[b]["rating"] - mine[a]["rating"])))
            out.append({"clip_a": mine[a]["clip"], "clip_b": mine[b]["clip"],
                        "rater": "r1", "chosen": "ab"[int(rng.random() > p)]})  # fmt: skip
    return out


def test_scores_order_clips_as_they_were_chosen():
    names = np.array(["a", "b", "c"])
    first, second = names[[0, 0, 1, 1]], names[[1, 2, 2, 2]]
    found = paired.bradley_terry(first, second, np.array([True, True, True, False]))
    assert found.clips[np.argsort(-found.score)].tolist() == ["a", "b", "c"]
    assert found.score.mean() == pytest.approx(0)
    assert found.answers.tolist() == [2, 3, 3]


def test_known_scores_are_found_again():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, 12)
    a, b = rng.integers(0, 12, (2, 6000))
    a, b = a[a != b], b[a != b]
    won = rng.random(len(a)) < 1 / (1 + np.exp(truth[b] - truth[a]))
    names = np.array([f"{i:02d}" for i in range(12)])
    found = paired.bradley_terry(names[a], names[b], won)
    np.testing.assert_allclose(found.score, truth - truth.mean(), atol=0.2)


def test_who_always_wins_has_a_finite_score():
    found = paired.bradley_terry(np.array(["a"] * 9), np.array(["b"] * 9), np.ones(9, bool))
    assert 0.5 < found.score[0] < 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": "left"}, "row 2: chosen 'left', expected a or b"),
        ({"clip_b": ""}, "row 2: two clips are compared"),
        ({"axis": "nice"}, "row 2: axis 'nice'"),
    ],
)
def test_what_is_no_comparison_names_its_row(tmp_path, change, message):
    row = {"clip_a": "x", "clip_b": "y", "rater": "r", "chosen": "a", **change}
    with pytest.raises(UsageError, match=message):
        paired.read_pairs(synthetic.write(tmp_path / "p.csv", [row]), "sincere")


@pytest.fixture
def asked(tmp_path):
    """A table of clips, comparisons of them, and sliders of three raters who differ."""
    rows = synthetic.make(speakers=16, clips=8)
    table = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    pairs = synthetic.write(tmp_path / "p.csv", comparisons(rows))
    few = synthetic.write(tmp_path / "r.csv", synthetic.ratings(rows, raters=3, noise=0.7))
    return table, pairs, few, {r["clip"]: r["rating"] for r in rows}


def test_sliders_and_comparisons_together_say_more_than_either(asked):
    from prosody.fit.join import load
    from prosody.fit.metrics import spearman

    table, pairs, few, truth = asked

    def like_the_truth(ratings, pairs):
        rated, _, said = load(table, ratings, "sincere", pairs=pairs)
        assert (pairs is None) or "640 comparisons of 128 clips count" in said[0]
        return spearman(rated.rating, np.array([truth[c] for c in rated.clip]))

    both = like_the_truth(few, pairs)
    assert both > like_the_truth(few, None) + 0.05
    assert both > like_the_truth(None, pairs) + 0.05


def test_a_judge_is_fitted_to_comparisons_alone_and_beside_sliders(asked):
    pytest.importorskip("onnx")
    from prosody.fit import make

    table, pairs, few, _ = asked

    def figure(**given):
        made = make.fit(table, ("sincere",), **given)
        return made.metadata["axes"]["sincere"]["figures"]["spearman"]

    # Against noisy sliders no judge can do as well as against scores of comparisons.
    sliders = figure(ratings=few)
    assert figure(pairs=pairs) > 0.7
    assert figure(ratings=few, pairs=pairs) > sliders + 0.05
