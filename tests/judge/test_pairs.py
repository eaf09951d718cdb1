"""Probabilities of pairs: one half for no difference, drawn to it by what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from prosody.judge.pairs import more_sincere, spread_of


def test_no_difference_is_one_half_and_turned_round_it_adds_up():
    assert more_sincere(0.0, 0.6, 0.3).p == 0.5
    d = np.linspace(-1, 1, 7)
    a, b = more_sincere(d, 0.6, 0.2), more_sincere(-d, 0.6, 0.2)
    np.testing.assert_allclose(a.p + b.p, 1.0)
    np.testing.assert_allclose(a.low + b.high, 1.0)


def test_what_is_not_known_draws_to_one_half_and_widens():
    sure, unsure = more_sincere(0.5, 0.6), more_sincere(0.5, 0.6, 0.4)
    assert 0.5 < unsure.p < sure.p
    assert unsure.low < sure.low == sure.p == sure.high < unsure.high


def test_the_spread_of_errors_is_found_again():
    rng = np.random.default_rng(0)
    said = rng.normal(0, 0.4, 20_000)
    truth = said + rng.normal(0, 0.6, 20_000)
    found = spread_of(said, truth)
    assert found == pytest.approx(0.6, rel=0.05)
    p = more_sincere(said, found).p
    for low in (0.5, 0.6, 0.7, 0.8):
        near = (p >= low) & (p < low + 0.1)
        assert (truth[near] > 0).mean() == pytest.approx(p[near].mean(), abs=0.02)


def test_pairs_that_were_rated_alike_tell_nothing():
    said, truth = [0.3, -0.2, 0.5, 0.4], [0.2, 0.1, 0.6, -0.1]
    assert spread_of([*said, 0.9], [*truth, 0.0]) == pytest.approx(spread_of(said, truth))
