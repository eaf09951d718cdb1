"""Every threshold a team can change, in one place, and the file that changes it.

``Settings()`` holds the documented defaults. ``load(path)`` reads a TOML file whose sections are
the groups below (``[gates]``, ``[baseline]``, ``[verdict]``, ``[windows]``, ``[conduct]``,
``[coach]``); unknown names are refused with a "did you mean", and every value is checked against
its range. The hash of the whole stands in ``run.json``, so that two runs can be compared.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prosody.errors import SettingsError

MAX_BYTES = 64 << 10


def setting(default: float, low: float, high: float, text: str) -> Any:
    """Return a dataclass field with its range and meaning (``int`` stays ``int``)."""
    return field(default=default, metadata={"low": low, "high": high, "text": text})


@dataclass(frozen=True, slots=True)
class Gates:
    """When a judgement is withheld."""

    min_duration_s: float = setting(0.4, 0.1, 10, "shorter windows are too_short")
    min_voiced_s: float = setting(0.25, 0.05, 10, "less voice is too_little_voice")
    max_clipped_share: float = setting(0.01, 0, 1, "more samples at the rails is clipped")
    min_snr_db: float = setting(8.0, -20, 60, "speech less far above the noise is too_noisy")
    max_digital_silence_share: float = setting(0.5, 0, 1, "more exact zeros is digital_silence")
    max_music_share: float = setting(0.25, 0, 1, "more of the window with music is music")


@dataclass(frozen=True, slots=True)
class Baseline:
    """How much of the same role's other speech is compared with."""

    max_s: float = setting(120.0, 5, 3600, "speech measured for the baseline, spread over the call")
    min_s: float = setting(5.0, 0, 3600, "less speech than this is no baseline")
    short_s: float = setting(20.0, 0, 3600, "less speech than this is remarked on")
    chunk_s: float = setting(3.0, 1, 30, "length of the stretches that are measured one by one")


@dataclass(frozen=True, slots=True)
class Windows:
    """How the window around an apology is cut."""

    pad_s: float = setting(0.1, 0, 2, "added on both sides of the apologising clause")
    join_gap_s: float = setting(0.6, 0, 10, "apologies closer together than this are one breath")
    max_s: float = setting(15.0, 1, 60, "a window is never longer")


@dataclass(frozen=True, slots=True)
class Verdict:
    """From two predictive distributions to one word."""

    sincere_p: float = setting(0.75, 0.5, 1, "probability of the sincere side needed for `sincere`")
    forced_p: float = setting(0.6, 0.5, 1, "probability of the other side needed for `forced`")
    dull_p: float = setting(0.7, 0.5, 1, "probability of low engagement that rules out `sincere`")
    recited_p: float = setting(0.9, 0.5, 1, "probability of low engagement needed for `recited`")


@dataclass(frozen=True, slots=True)
class Conduct:
    """Defaults the conduct rules are held against (evidence in docs/conduct.md)."""

    max_delay_s: float = setting(30.0, 0, 3600, "time from the complaint to the first apology")
    max_apology_s: float = setting(7.0, 0.5, 120, "length of the apologising stretch")
    max_apologies: int = setting(2, 1, 20, "apologies for one problem")
    max_solution_delay_s: float = setting(15.0, 0, 3600, "time from the apology to a solution")
    stretch_gap_s: float = setting(3.0, 0, 60, "apologies closer together are one stretch (short)")
    cut_in_s: float = setting(0.5, 0, 10, "customer's words still to come when an apology cuts in")


@dataclass(frozen=True, slots=True)
class Coach:
    """When ``prosody coach`` warns of a take, and from where on a difference is told as audible.

    Sources of the differences: `prosody.coach.compare`.
    """

    min_level_dbfs: float = setting(-45.0, -90, 0, "softer speech is warned of")
    noisy_snr_db: float = setting(25.0, -20, 60, "less is warned of, before it is too_noisy")
    unlike_noise_db: float = setting(6.0, 0, 60, "takes whose noise differs more are not compared")
    notice_pace_share: float = setting(0.1, 0, 1, "change of pace that is told as audible")
    notice_pitch_st: float = setting(1.0, 0, 12, "change of the pitch of the voice")
    notice_range_st: float = setting(1.5, 0, 12, "change of the pitch range, and of the end")
    notice_loudness_db: float = setting(2.0, 0, 20, "change of loudness")
    notice_pause_s: float = setting(0.25, 0.05, 2, "silence that is heard as a pause")
    which_p: float = setting(0.7, 0.5, 1, "probability needed to say which take sounded better")


@dataclass(frozen=True, slots=True)
class Settings:
    """All groups together."""

    gates: Gates = field(default_factory=Gates)
    baseline: Baseline = field(default_factory=Baseline)
    windows: Windows = field(default_factory=Windows)
    verdict: Verdict = field(default_factory=Verdict)
    conduct: Conduct = field(default_factory=Conduct)
    coach: Coach = field(default_factory=Coach)

    def as_dict(self) -> dict[str, Any]:
        """Return plain nested values, as they stand in ``run.json``."""
        return dataclasses.asdict(self)

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON of all settings."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


def _guess(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known names: {', '.join(known)}."


def _group(path: Path, section: str, cls: Any, values: Any) -> Any:
    if not isinstance(values, dict):
        raise SettingsError(
            f"{path}: '{section}' is {values!r}, expected a section [{section}].",
            f"Write [{section}] on a line of its own and its settings below it.",
        )
    fields = {f.name: f for f in dataclasses.fields(cls)}
    out: dict[str, Any] = {}
    for name, value in values.items():
        if name not in fields:
            raise SettingsError(
                f"{path}: [{section}] has no setting '{name}'.", _guess(name, list(fields))
            )
        meta = fields[name].metadata
        whole = isinstance(fields[name].default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise SettingsError(
                f"{path}: [{section}] {name} = {value!r}, expected a "
                f"{'whole ' if whole else ''}number.",
                f"The default is {fields[name].default}.",
            )
        if not meta["low"] <= value <= meta["high"]:
            raise SettingsError(
                f"{path}: [{section}] {name} = {value}, expected {meta['low']} to {meta['high']}.",
                f"The default is {fields[name].default}: {meta['text']}.",
            )
        out[name] = value if whole else float(value)
    return cls(**out)


def load(path: Path | str) -> Settings:
    """Read a settings file.

    Parameters
    ----------
    path : path
        TOML; sections and names as in the classes above, anything left out keeps its default.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a name or value is wrong; names file, section and setting.
    """
    path = Path(path)
    try:
        data = tomllib.loads(_text(path))
    except (OSError, ValueError) as error:  # TOML and UTF-8 among them, and endless numbers
        raise SettingsError(f"{path}: {error}.", "Expected a TOML file, UTF-8.") from error
    except RecursionError:
        raise SettingsError(
            f"{path}: brackets nested very deeply, expected numbers.", "See docs/settings.toml."
        ) from None
    groups = {f.name: f.default_factory for f in dataclasses.fields(Settings)}
    for section in data:
        if section not in groups:
            raise SettingsError(
                f"{path}: there is no section [{section}].", _guess(section, list(groups))
            )
    return Settings(**{s: _group(path, s, groups[s], v) for s, v in data.items()})


def _text(path: Path) -> str:
    """Return the text of a settings file, as far as it can be one: a name has one dot at most.

    A name of n parts costs the parser n² of memory, so that is looked at before.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES >> 10} kB; all settings together need 4")
    text = data.decode("utf-8")
    crowded = next((i for i, line in enumerate(text.split("\n"), 1) if line.count(".") > 100), 0)
    if crowded:
        raise ValueError(f"line {crowded} has more than 100 dots")
    return text


def template() -> str:
    """Return a settings file with every default, its meaning and its range (docs/settings.toml)."""
    lines = [
        "# Every threshold with default, meaning and range. Copy what you change into a",
        "# file of your own and name it with --settings; what is left out keeps its default.\n",
    ]
    for group in dataclasses.fields(Settings):
        lines.append(f"[{group.name}]")
        for f in dataclasses.fields(group.default_factory):  # type: ignore[arg-type]
            meta = f.metadata
            bounds = f"{meta['low']} to {meta['high']}"
            lines.append(f"{f.name} = {f.default}  # {meta['text']} ({bounds})")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(template())
