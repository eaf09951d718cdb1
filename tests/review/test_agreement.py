"""What people say of finds, reckoned against sums done by hand."""

import math

import numpy as np
import pytest

from prosody.errors import UsageError
from prosody.review import agreement, answers, calibration
from prosody.review.answers import Answer


def said(call, machine, answer, *, who="ann", what="once", kind="rule", **more):
    more = {"time": "2026-05-01T10:00:00+00:00", "reviewer": who, **more}
    return Answer(f"{call}.wav", kind, what, "", machine, answer, **more)


def test_precision_recall_and_kappa_by_hand():
    # Found and so 3, found and not so 1, missed 2, neither 4.
    answers = [said(i, "not_met", "agree") for i in range(3)]
    answers += [
        said(3, "not_met", "disagree"),
        said(4, "met", "disagree"),
        said(5, "met", "disagree"),
    ]
    answers += [said(i, "met", "agree") for i in range(6, 10)]
    answers += [said(10, "cannot_tell", "agree"), said(11, "not_met", "cannot_tell")]
    (got,) = agreement.measure(answers)
    assert (got.calls, got.answers, got.cannot_tell) == (10, 10, 2)
    assert math.isclose(got.precision[0], 3 / 4)
    assert math.isclose(got.recall[0], 3 / 5)
    chance = (4 * 5 + 6 * 5) / 100
    assert math.isclose(got.kappa[0], (0.7 - chance) / (1 - chance))
    for value, low, high in (got.precision, got.recall, got.kappa):
        assert low < value < high
    # With 4 of 6 (a find more of each kind): 1.96 squared x 4/6 x 2/6 / 0.01 = 85.4, less 4.
    assert got.needed == 82


def test_where_everybody_agrees_the_range_is_not_a_point():
    (got,) = agreement.measure([said(i, "not_met", "agree") for i in range(8)])
    assert got.precision[0] == 1
    assert 0.6 < got.precision[1] < 0.7  # Wilson's for 8 of 8
    assert math.isnan(got.kappa[0])


def test_few_calls_have_no_range_and_finds_no_recall():
    (got,) = agreement.measure([said(i, "apology", "agree", kind="apology", what="apology")
                                for i in range(3)])  # fmt: skip
    assert got.precision[0] == 1
    assert math.isnan(got.precision[1])
    assert math.isnan(got.recall[0])


def test_only_the_last_answer_of_a_reviewer_counts_and_an_objection_does_not():
    late = "2026-05-02T10:00:00+00:00"
    answers = [
        said(1, "not_met", "disagree"),
        said(1, "not_met", "agree", time=late),
        said(1, "not_met", "disagree", as_="agent"),
        said(2, "not_met", "agree"),
        said(2, "not_met", "", time=late),  # taken back
    ]
    (got,) = agreement.measure(answers)
    assert (got.answers, got.precision[0]) == (1, 1.0)


def test_reviewers_of_one_call_widen_the_range_they_do_not_narrow_it():
    one = [said(i, "not_met", "agree" if i % 2 else "disagree") for i in range(12)]
    many = [said(i, "not_met", a.answer, who=w) for i, a in enumerate(one) for w in "abcdef"]
    (alone,), (crowd,) = agreement.measure(one), agreement.measure(many)
    width = [g.precision[2] - g.precision[1] for g in (alone, crowd)]
    assert width[1] > 0.8 * width[0]


def test_shares_of_many_tables_at_once_are_those_of_each():
    tables = np.array([[3, 1, 2, 4], [0, 0, 1, 1], [5, 0, 0, 5]], float)
    alone = np.stack([agreement.shares(t[None])[0] for t in tables])
    np.testing.assert_array_equal(agreement.shares(tables), alone)
    assert alone[2].tolist() == [1, 1, 1]


# --- tables ---------------------------------------------------------------------------------------


def test_a_table_comes_back_as_it_was(tmp_path):
    told = [said(1, "met", "agree", why="=1+1; ja"), said(2, "met", "disagree", as_="agent")]
    answers.write(tmp_path / "reviews.csv", told)
    back = answers.read(tmp_path / "reviews.csv")
    assert [a.item for a in back] == [a.item for a in told]
    assert back[0].why == "'=1+1; ja"  # safe in a spreadsheet
    assert back[1].as_ == "agent"
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="expected recording, kind"):
        answers.read(tmp_path / "other.csv")


@pytest.mark.parametrize(
    "change",
    [{"kind": "x"}, {"answer": "perhaps"}, {"recording": ""}, {"why": "x" * 501}, {"as": "boss"},
     {"kind": "impression", "answer": "101"}, {"machine": 3}],
)  # fmt: skip
def test_what_is_no_answer_is_refused(change):
    good = {"recording": "a.wav", "kind": "rule", "what": "once", "start": "", "machine": "met",
            "answer": "agree", "why": ""}  # fmt: skip
    assert answers.check(good).answer == "agree"
    with pytest.raises(ValueError, match=r"kind|why|as|machine"):
        answers.check(good | change)


# --- calibration ----------------------------------------------------------------------------------


def test_a_session_draws_half_from_what_is_worth_hearing_the_same_for_everybody():
    names = [f"{i}.wav" for i in range(40)]
    worth = [5] * 10 + [0] * 30
    chosen = calibration.choose(names, worth, 10, 1)
    assert chosen == calibration.choose(names, worth, 10, 1)
    assert len(set(chosen)) == 10
    assert sum(names.index(n) < 10 for n in chosen) == 5
    assert len(calibration.choose(names[:4], worth[:4], 10, 1)) == 4
    assert len(calibration.choose(names[10:], worth[10:], 10, 1)) == 10


def test_where_reviewers_differ_the_most_divided_first():
    given = [said(1, "met", a, who=w, session="s") for w, a in zip("abc", ("met", "met", "not_met"),
                                                                  strict=True)]  # fmt: skip
    given += [said(2, "met", a, who=w, session="s") for w, a in zip("ab", ("met", "not_met"),
                                                                   strict=True)]  # fmt: skip
    given += [said(3, "met", "met", who=w, session="s") for w in "abc"]
    given += [said(4, "", v, who=w, kind="impression", what="sincere", session="s")
             for w, v in (("a", "20"), ("b", "80"))]  # fmt: skip
    given += [said(5, "met", "met", who="a"), said(5, "met", "not_met", who="b")]  # no session
    found = calibration.differences(given, "s")
    assert [d.item[0] for d in found] == ["4.wav", "2.wav", "1.wav"]
    assert found[2].answers == {"a": "met", "b": "met", "c": "not_met"}


def test_drift_is_beside_ones_own_earlier_answers():
    late = "2026-06-01T10:00:00+00:00"
    answers = [said(i, "met", "met", session="may") for i in range(4)]
    answers += [
        said(i, "met", "met" if i else "not_met", session="june", time=late) for i in range(4)
    ]
    answers += [said(9, "met", "met", session="june", time=late)]  # only once
    (got,) = calibration.drift(answers)
    assert (got.reviewer, got.same, got.of) == ("ann", 3, 4)
