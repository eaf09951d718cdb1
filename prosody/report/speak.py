"""What the results say, in the language of the report.

A run carries sentences in the language it was made in; everything that has a code is said again
here from the tables, and what has none stays as it is.
"""

from __future__ import annotations

import math
from typing import Any

from prosody.errors import ProsodyError
from prosody.judge import reasons
from prosody.measures import table
from prosody.message import failure as in_language
from prosody.message import nameless
from prosody.report.html import Html, tag
from prosody.results.read import number
from prosody.words import load


def verdict(row: dict[str, Any], say: dict[str, Any]) -> str:
    """Return how an apology sounded, in words."""
    screen = say["screen"]
    if not row.get("verdict"):
        return str(screen["verdict"]["withheld"])
    word = str(screen["verdict"].get(row["verdict"], row["verdict"]))
    if row.get("kind"):
        return f"{word} ({screen['kind'].get(row['kind'], row['kind'])})"
    if row.get("hint"):
        return f"{word} ({screen['hint'].get(row['hint'], row['hint'])})"
    return word


def unlike_agent(row: dict[str, Any], say: dict[str, Any]) -> Html | None:
    """Return whose an apology is where it is not known to be the agent's."""
    role = str(row.get("role"))
    known = say["player"].get(role, say["player"]["unknown"])
    return None if role == "agent" else tag("span", f" ({known})", class_="small")


def animation(row: dict[str, Any], say: dict[str, Any]) -> str:
    """Return that it was flatter or livelier than usual; '' where it was neither."""
    word = (row.get("animation") or {}).get("word")
    return str(say["screen"]["animation"].get(word, ""))


def gates(row: dict[str, Any], say: dict[str, Any]) -> str:
    """Return why a judgement was withheld."""
    known = say["screen"]["gate"]
    return "; ".join(str(known.get(g, g)) for g in row.get("gates") or ())


def reason(one: dict[str, Any], lang: str, *, take: bool = False) -> tuple[str, str]:
    """Return a reason's sentence, and the side it pulls the impression to.

    A `take` is no part of a call: what it is compared with is a recording of its own.
    """
    measure = str(one.get("measure"))
    try:
        versus: reasons.Versus = "baseline" if take else "call"
        versus = "others" if one.get("column") == measure else versus
        sentence = reasons.sentence(measure, float(one["value"]), str(one["unit"]), lang, versus)
        up = "up" if number(one, "contribution") > 0 else "down"
        return sentence, str(load("reasons", lang)["toward"][one["axis"]][up])
    except (KeyError, TypeError, ValueError):
        return str(one.get("text") or measure), str(one.get("toward") or "")


def remark(one: dict[str, Any], row: dict[str, Any], say: dict[str, Any], same: bool) -> str:
    """Return a remark; `same` says that the run speaks the report's language already."""
    sentence, code = str(one.get("text") or ""), str(one.get("code") or "")
    known = say["screen"]["remark"].get(code)
    if same or known is None or code == "window_cut":
        return sentence
    return str(known).format(seconds=number(row, "baseline_s"))


def failure(record: dict[str, Any], lang: str, same: bool) -> tuple[str, str]:
    """Return what was wrong with a recording, and the remedy."""
    message, remedy = str(record.get("message") or ""), str(record.get("remedy") or "")
    message = nameless(message, str(record.get("recording")))  # the page says which one
    if same:
        return message, remedy
    return in_language(ProsodyError(message, remedy, code=str(record.get("code"))), lang)


def fault(code: str, lang: str) -> str:
    """Return a kind of failure as a heading, in a language that has words for it."""
    known = load("reading", lang).get("failed", {})
    return str(known.get(code, code.replace("_", " ").capitalize())).rstrip(".")


def rule(result: dict[str, Any], say: dict[str, Any]) -> dict[str, str]:
    """Return the words of one conduct rule: name, question, status, value, advice, remark."""
    rules, ident = say["rules"], str(result.get("rule"))
    own = rules.get(ident) or {}
    flagged = bool(result.get("flagged"))
    status = str(result.get("status"))
    advice = own.get("advice", {})
    codes = [str(c) for c in result.get("remarks") or ()]
    return {
        "name": str(own.get("name", ident)),
        "question": str(own.get("question", "")),
        "status": str(rules["status"].get(status, status)),
        "value": value(result, say),
        "advice": str(advice.get("flagged" if flagged else status, "")),
        "remark": " ".join(str(rules["remarks"].get(c, c)) for c in codes),
    }


def value(result: dict[str, Any], say: dict[str, Any]) -> str:
    """Return what a rule measured, with its unit."""
    units, found = say["rules"]["unit"], result.get("value")
    if found is None:
        return ""
    if isinstance(found, str):
        return str(units.get(found, found))
    unit = str(units.get(result.get("unit"), result.get("unit") or ""))
    shown = f"{found:.1f}" if isinstance(found, float) and found != int(found) else f"{found:.0f}"
    shown = shown.replace(".", say["page"]["decimal"])
    return f"{shown} {unit}" if unit in ("", "s") else f"{unit}: {shown}"


def setting(key: str, given: Any, say: dict[str, Any]) -> tuple[str, str]:
    """Return an option of the run and what it was set to, in words."""
    about = say["about"]
    nothing = "all" if key == "shard" else "none"  # no part means all of them
    shown = about[nothing] if given is None else str(given)
    if isinstance(given, bool):
        shown = say["calls"]["yes" if given else "no"]
    return str(about["option"].get(key, key)), str(about["option_value"].get(shown, shown))


def decimals(measure: str) -> int:
    """Return how many decimals of a measure mean something."""
    return 1 if table.BY_NAME[measure].unit.startswith(("st", "dB")) else 2


def known(values: dict[str, Any] | None) -> dict[str, float]:
    """Return the numbers of a mapping, without what is missing."""
    return {
        k: float(v)
        for k, v in (values or {}).items()
        if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)
    }
