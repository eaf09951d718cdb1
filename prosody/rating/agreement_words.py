"""The figures of `prosody agreement` as people read them: rows of tables, for screen and page."""

from __future__ import annotations

import math
from typing import Any

from prosody.report.page import figure
from prosody.words import load

SHOWN_CLIPS = 12


class Words:
    """Says the figures of one axis in a language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.say: dict[str, dict[str, str]] = load("agreement", lang)

    def number(self, value: float, decimals: int = 2, *, sign: bool = False) -> str:
        """Return a number as it is written, a dash where it is missing."""
        if value is None or not math.isfinite(value):
            return self.say["means"]["none"]
        out = figure(value, decimals, self.lang)
        return f"+{out}" if sign and float(f"{value:.{decimals}f}") > 0 else out

    def count(self, value: float) -> str:
        """Return a number that is often whole with one decimal where it is not."""
        return self.number(value, 0 if float(value).is_integer() else 1)

    def span(self, low: float, high: float, decimals: int = 2) -> str:
        """Return an interval; '' where there is none."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return ""
        return f"{self.number(low, decimals)} \N{EN DASH} {self.number(high, decimals)}"

    def percent(self, share: float) -> str:
        """Return a share in per cent, without the sign."""
        return self.number(100 * share, 0)

    def grade(self, axis: dict[str, Any]) -> str:
        """Return in a sentence what the mean over raters is worth."""
        value = axis["icc2_k"]
        if not math.isfinite(value):
            return self.say["grade"]["unknown"]
        steps = ((0.8, "good"), (0.6, "usable"), (0.3, "weak"))
        return self.say["grade"][next((name for at, name in steps if value >= at), "none")]

    def lead(self, axis: dict[str, Any]) -> str:
        """Return what was rated by how many."""
        return self.say["say"]["lead"].format(
            ratings=axis["n_ratings"], raters=axis["n_raters"], clips=axis["n_clips"]
        )

    def remarks(self, axis: dict[str, Any]) -> list[str]:
        """Return what a reader should know before the figures."""
        names = ", ".join(f"{n}" for n in sorted(axis["fit"]["dropped_raters"]))
        return [self.say["remark"][code].format(names=names) for code in axis["remarks"]]

    def variance(self, axis: dict[str, Any]) -> str:
        """Return where the differences lie, in a sentence; '' where it is not known."""
        shares = axis["variance_shares"]
        if not math.isfinite(shares["clip"]):
            return ""
        return self.say["say"]["variance"].format(
            **{name: self.percent(value) for name, value in shares.items()}
        )

    def base_rate(self, name: str, axis: dict[str, Any]) -> list[str]:
        """Return how often the run sounds put on or recited, in sentences; [] without a sample."""
        found = axis.get("base_rate")
        if not found or not found["n_clips"]:
            return []
        half = found["random_half"]

        def share(one: dict[str, Any]) -> dict[str, str]:
            return {k: self.percent(one[k]) for k in ("share", "low", "high")}

        say = self.say["base_rate"]
        sentences = [say[name].format(**share(found), n=found["n_clips"], agents=found["n_agents"])]
        if half["n_clips"]:
            sentences.append(say["random_half"].format(**share(half), n=half["n_clips"]))
        if found["n_unrated"]:
            sentences.append(say["unrated"].format(n=found["n_unrated"]))
        return [" ".join([*sentences, say["noise"]])]

    def figures(self, axis: dict[str, Any]) -> list[list[str]]:
        """Return the rows of the table of figures: name, value, interval, meaning."""
        name, means = self.say["figure"], self.say["means"]
        k = self.count(round(axis["ratings_per_clip"], 1)) if axis["n_ratings"] else means["none"]
        rows = [
            [
                name[key].format(k=k),
                self.number(axis[key]),
                self.span(axis[f"{key}_low"], axis[f"{key}_high"]),
                means[key],
            ]
            for key in ("icc2_1", "icc2_k", "icc_consistency_k", "krippendorff_alpha")
        ]
        fit = axis["fit"]
        rows.append(
            [
                name["fit"],
                self.number(fit["reliability"]),
                "",
                means["fit_yes" if fit["enough"] else "fit_no"].format(
                    needed=self.number(fit["needed"])
                ),
            ]
        )
        needed = axis["ratings_for_reliability_80"]
        rows.append(
            [
                name["ratings_for_reliability_80"],
                self.number(needed, 0),
                self._needed_span(axis),
                means["ratings_for_reliability_80"].format(k=k, more=self._more(axis)),
            ]
        )
        again = axis["repeats"]
        rows.append(
            [
                name["repeats"],
                self.number(again["correlation"]),
                self.span(
                    again.get("correlation_low", math.nan), again.get("correlation_high", math.nan)
                ),
                means["repeats"].format(n=again["n"], d=self.number(again["typical_difference"], 0))
                if again["n"]
                else means["no_repeats"],
            ]
        )
        n = axis["n_cannot_hear"]
        rows.append(
            [
                name["cannot_hear"],
                f"{self.percent(axis['cannot_hear_share'])} %",
                "",
                means["cannot_hear"].format(n=n, of=n + axis["n_ratings"]),
            ]
        )
        return rows

    def _needed_span(self, axis: dict[str, Any]) -> str:
        low, high = (axis[f"ratings_for_reliability_80_{end}"] for end in ("low", "high"))
        if not math.isfinite(low):
            return ""
        if not math.isfinite(high):
            return f"\N{GREATER-THAN OR EQUAL TO} {self.number(low, 0)}"
        return self.span(low, high, 0)

    def _more(self, axis: dict[str, Any]) -> str:
        means = self.say["means"]
        n, low, high = (axis[f"more_ratings_per_clip{end}"] for end in ("", "_low", "_high"))
        if not math.isfinite(axis["icc2_1"]):
            return means["unknown"]
        if not math.isfinite(n):
            return means["never"]
        if n == 0 and high == 0:
            return means["more_none"]
        open_end = not math.isfinite(high)
        return means["more_open" if open_end else "more"].format(
            n=self.number(n, 0), low=self.number(low, 0), high=self.number(high, 0)
        )

    def raters_head(self) -> list[str]:
        """Return the heads of the table of raters."""
        table = self.say["table"]
        names = ("rater", "ratings", "mean", "sd", "level", "rest", "again", "difference", "deaf")
        return [table[n] for n in names]

    def raters(self, axis: dict[str, Any]) -> list[list[str]]:
        """Return a row per rater, in order of name."""
        return [
            [
                one["rater"],
                str(one["n_ratings"]),
                self.number(one["mean"], 0),
                self.number(one["sd"], 0),
                self.number(one["level"], 0, sign=True),
                self._with_span(one, "correlation_with_rest"),
                self._with_span(one, "repeat_correlation"),
                self.number(one["repeat_typical_difference"], 0),
                f"{self.percent(one['cannot_hear_share'])} %",
            ]
            for one in axis["raters"]
        ]

    def _with_span(self, one: dict[str, Any], key: str) -> str:
        span = self.span(one[f"{key}_low"], one[f"{key}_high"])
        return f"{self.number(one[key])} ({span})" if span else self.number(one[key])

    def clips_head(self) -> list[str]:
        """Return the heads of the table of clips."""
        table = self.say["table"]
        return [table[n] for n in ("clip", "ratings", "mean", "low", "high", "sd", "disputed")]

    def clips(self, axis: dict[str, Any], most: int = SHOWN_CLIPS) -> list[list[str]]:
        """Return a row for each of the clips that raters hear most differently."""
        table = self.say["table"]
        return [
            [
                one["clip"],
                str(one["n_ratings"]),
                self.number(one["mean"], 0),
                self.number(one["low"], 0),
                self.number(one["high"], 0),
                self.number(one["spread"], 0),
                table["yes" if one["more_than_chance"] else "no"],
            ]
            for one in axis["clips"][:most]
            if one["n_ratings"] >= 2
        ]

    def disputed(self, axis: dict[str, Any]) -> str:
        """Return how many clips are more disputed than chance would have it."""
        n = sum(one["more_than_chance"] for one in axis["clips"])
        say = self.say["say"]
        return say["clips_some"].format(n=n, of=len(axis["clips"])) if n else say["clips_none"]
