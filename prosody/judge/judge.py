"""Ratings and verdicts of many apologies: one ONNX call for all of them.

An axis is a rating with its standard deviation and what every measure added to it. The shipped
judge has one, *sincere*; a team's own may have *engaged* beside it. It is a predicted impression,
never a statement about what anyone felt or meant, and without other speech of the speaker there is
no verdict.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prosody.errors import ModelError
from prosody.judge import onnx_check
from prosody.judge.pairs import MoreSincere, more_sincere
from prosody.measures import table
from prosody.results.records import AXES
from prosody.settings import Settings
from prosody.statistics.intervals import Z_80

Floats = NDArray[np.float64]
Verdict = Literal["sincere", "forced", "unclear"]

FORMAT = "prosody-judge"
FORMAT_VERSION = "1"
# Where a judge keeps what its differences of takes are off by.
SPREADS = {"take": "takes_spread", "usual": "usual_spread"}
# Noise fills the pauses, so that a voice seems more even than it was, which is heard as sincere. By
# so much, exp(a + b snr_db), 95 of 100 clips of EmoDB rise at most when only they are noisy.
NOISE_LIFT = (-0.617, -0.0818)
MAX_IR, MAX_OPSET = 10, 17
# Ratings are in units of what a panel's differ by; one weight too large is a damaged judge.
MAX_RATING = 1e3
BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class AxisJudgement:
    """One axis for n apologies.

    Parameters
    ----------
    rating, sd : ndarray [shape=(n,)]
        Predicted mean of a panel, in units of its own spread of ratings, and the standard
        deviation of that prediction.
    low, high : ndarray [shape=(n,)]
        80 % interval.
    p_sincere_side : ndarray [shape=(n,)]
        Probability that the panel's mean lies on the sincere (engaged) side, 0 to 1.
    contributions : ndarray [shape=(n, inputs)]
        What each input added to the rating; they sum with `bias` to it.
    bias : float
        Rating of speech that does not differ from the speaker's other speech.
    unknown_sd : ndarray [shape=(n,)]
        The part of `sd` that stands for what is not known: short baseline, noise, missing measures,
        weights learned from few speakers.
    """

    rating: Floats
    sd: Floats
    low: Floats
    high: Floats
    p_sincere_side: Floats
    contributions: Floats
    bias: float
    unknown_sd: Floats


@dataclass(frozen=True, slots=True)
class Judgements:
    """The axes and the verdict for n apologies.

    Parameters
    ----------
    axes : mapping of str to AxisJudgement
        ``sincere`` and ``engaged``, or the one that the judge has.
    verdict : list of str or None
        ``sincere``, ``forced`` or ``unclear``; None without a baseline.
    kind : list of str
        For ``forced``: ``put_on`` or ``recited``; '' otherwise.
    hint : list of str
        ``recited`` where the axis *engaged* falls clearly but may not decide alone; '' otherwise.
    inputs : tuple of str
        Names of the columns of the contributions.
    """

    axes: Mapping[str, AxisJudgement]
    verdict: list[Verdict | None]
    kind: list[str]
    hint: list[str]
    inputs: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.verdict)

    def __getattr__(self, name: str) -> AxisJudgement:
        """Give ``judgements.sincere`` and ``judgements.engaged``."""
        if name in AXES and name in self.axes:
            return self.axes[name]
        raise AttributeError(name)


def default_model() -> Path:
    """Return the path of the judge that is shipped."""
    from importlib import resources

    return Path(str(resources.files("prosody.models") / "sincerity.onnx"))


class Judge:
    """A judge: an ONNX file that describes itself.

    Use :meth:`load`. One session serves any number of batches.

    Examples
    --------
    >>> judge = Judge.load()
    >>> result = judge.judge({"pitch_mean_st_rel": [-2.0], "baseline_s": [60.0]})
    >>> result.verdict
    ['unclear']
    """

    def __init__(self, data: bytes, found: onnx_check.OnnxFile, path: Path) -> None:
        self.path = path
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._meta = found.metadata
        self.inputs: tuple[str, ...] = tuple(_json(path, found.metadata, "inputs"))
        axes = _json(path, found.metadata, "axes")
        self.axes: tuple[str, ...] = tuple(a for a in AXES if a in axes)
        self._axis_info: dict[str, dict[str, Any]] = {a: axes[a] for a in self.axes}
        _try(onnx_check.session(data, path, optimised=False), path, self.inputs, self.axes)
        self._session = onnx_check.session(data, path)

    @classmethod
    def load(cls, path: Path | str | None = None) -> Judge:
        """Read a judge and check it before it runs.

        Parameters
        ----------
        path : path, optional
            An ONNX file; the shipped judge by default.

        Raises
        ------
        ModelError
            If the file is damaged, over 5 MB, uses operators outside a short list, reaches outside
            itself, was made for other measures than this version computes, fails on a trial batch,
            or answers it with anything but numbers.
        """
        path = Path(path) if path is not None else default_model()
        data, found = onnx_check.read(path)
        _check(path, found)
        return cls(data, found, path)

    @property
    def name(self) -> str:
        """Name and version of the judge."""
        return f"{self._meta.get('name', self.path.stem)} {self._meta.get('version', '')}".strip()

    @property
    def card(self) -> dict[str, Any]:
        """Everything that the file says about itself; JSON where it is JSON."""
        out: dict[str, Any] = {"sha256": self.sha256}
        for key, value in sorted(self._meta.items()):
            try:
                out[key] = json.loads(value) if value[:1] in "[{" else value
            except (ValueError, RecursionError):
                out[key] = value
        return out

    def axis_info(self, axis: str) -> dict[str, Any]:
        """Return bias, cut, scale and training of one axis."""
        return self._axis_info[axis]

    def matrix(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        """Return the input of the graph from named columns; those left out are missing (NaN)."""
        given = {
            k: np.asarray(v, dtype=np.float32).ravel()
            for k, v in columns.items()
            if k in self.inputs
        }
        sizes = {len(v) for v in given.values()}
        if len(sizes) > 1:
            raise ValueError(f"columns of different lengths: {sorted(sizes)}")
        n = sizes.pop() if sizes else len(next(iter(columns.values()), ()))
        out = np.full((n, len(self.inputs)), np.nan, dtype=np.float32)
        for i, name in enumerate(self.inputs):
            if name in given:
                out[:, i] = given[name]
        out[np.isinf(out)] = np.nan
        return out

    def run(self, matrix: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run the graph once: outputs by name."""
        names = [o.name for o in self._session.get_outputs()]
        if len(matrix) == 0:
            wide = {"contributions": (0, len(self.inputs))}
            return {n: np.empty(wide.get(n.rsplit("_", 1)[1], (0,)), np.float32) for n in names}
        # One call for a batch; only a very large one is cut, to bound the memory of the graph.
        parts = [
            onnx_check.run(self._session, self.path, names, matrix[i : i + BLOCK])
            for i in range(0, len(matrix), BLOCK)
        ]
        return {n: np.concatenate([p[i] for p in parts]) for i, n in enumerate(names)}

    def judge(self, columns: Mapping[str, Any], settings: Settings | None = None) -> Judgements:
        """Judge n apologies at once.

        Parameters
        ----------
        columns : mapping of str to array [shape=(n,)]
            Differences from the speaker's other speech, ``snr_db`` and ``baseline_s`` by name.
            Unknown names are passed over, names left out and NaN are missing.
        settings : Settings, optional
            Probabilities that a verdict needs, and how much baseline.
        """
        from scipy.special import ndtr

        def side(axis: str, rating: Floats, sd: Floats) -> Floats:
            cut = float(self._axis_info[axis].get("cut", 0.0))
            return np.asarray(ndtr((rating - cut) / sd), dtype=np.float64)

        settings = settings or Settings()
        raw = self.run(matrix := self.matrix(columns))
        snr_db = np.asarray(columns.get("snr_db", np.nan), dtype=np.float64)
        lift = np.nan_to_num(np.exp(NOISE_LIFT[0] + NOISE_LIFT[1] * np.clip(snr_db, 0.0, 60.0)))
        axes: dict[str, AxisJudgement] = {}
        for axis in self.axes:
            rating = raw[f"{axis}_rating"].astype(np.float64)
            sd = raw[f"{axis}_sd"].astype(np.float64)
            info = self._axis_info[axis]
            known = float(info.get("residual_sd", 0.0))
            axes[axis] = AxisJudgement(
                rating,
                sd,
                rating - Z_80 * sd,
                rating + Z_80 * sd,
                side(axis, rating, sd),
                raw[f"{axis}_contributions"].astype(np.float64),
                float(info["bias"]),
                np.sqrt(np.maximum(sd**2 - known**2, 0.0)),
            )
        recited_decides = self._axis_info.get("engaged", {}).get("decides") is True
        sincere = axes.get("sincere")
        words, kind, hint = verdicts(
            sincere.p_sincere_side if sincere else None,
            axes["engaged"].p_sincere_side if "engaged" in axes else None,
            settings,
            recited_decides=recited_decides,
            p_less_noise=side("sincere", sincere.rating - lift, sincere.sd) if sincere else None,
        )
        seconds = np.asarray(columns.get("baseline_s", np.zeros(len(matrix))), dtype=np.float64)
        enough = (seconds > 0) & (seconds >= settings.baseline.min_s)
        verdict = [w if has else None for w, has in zip(words, enough.tolist(), strict=True)]
        kind = [k if v else "" for k, v in zip(kind, verdict, strict=True)]
        hint = [h if v else "" for h, v in zip(hint, verdict, strict=True)]
        return Judgements(axes, verdict, kind, hint, self.inputs)

    def more_sincere(
        self, columns: Mapping[str, Any], than: Literal["take", "usual"]
    ) -> MoreSincere | None:
        """Return how probable it is that each of n takes sounds more sincere than something else.

        Parameters
        ----------
        columns : mapping of str to array [shape=(n,)]
            Differences from another take of the same speaker, or from what the speaker's other
            takes usually are; ``baseline_s`` and ``snr_db``.
        than : {'take', 'usual'}
            Which of both.

        Returns
        -------
        MoreSincere or None
            None where this judge was not checked for that.
        """
        spread = self._axis_info.get("sincere", {}).get("pairs", {}).get(SPREADS[than])
        if spread is None:
            return None
        axis = self.judge(columns).axes["sincere"]
        return more_sincere(axis.rating - axis.bias, float(spread), axis.unknown_sd)


def verdicts(
    p_sincere: Floats | None,
    p_engaged: Floats | None,
    settings: Settings,
    *,
    recited_decides: bool,
    p_less_noise: Floats | None = None,
) -> tuple[list[Verdict], list[str], list[str]]:
    """Return one word from one axis, or from two.

    Where a team's judge has both, no joint probability is formed: each axis is held against its
    own threshold.

    Parameters
    ----------
    p_sincere, p_engaged : ndarray [shape=(n,)] or None
        Probability of the sincere and of the engaged side; None where the judge lacks the axis.
    settings : Settings
        ``sincere_p``, ``forced_p``, ``dull_p``, ``recited_p`` of the group ``verdict``.
    recited_decides : bool
        Whether a clear fall on *engaged* alone may give ``forced``; if not it gives ``unclear``
        with the hint ``recited``.
    p_less_noise : ndarray [shape=(n,)], optional
        Probability of the sincere side less what noise may have added: ``sincere`` needs it.

    Returns
    -------
    verdict, kind, hint : list of str
    """
    limits = settings.verdict
    n = len(p_sincere) if p_sincere is not None else len(p_engaged) if p_engaged is not None else 0
    no = np.zeros(n, dtype=bool)
    least = p_sincere if p_less_noise is None else p_less_noise
    sincere = least >= limits.sincere_p if least is not None else no
    put_on = 1 - p_sincere >= limits.forced_p if p_sincere is not None else no
    recited = 1 - p_engaged >= limits.recited_p if p_engaged is not None else no
    by_recited = recited & ~put_on if recited_decides else no
    forced = put_on | by_recited
    # A flat voice is low-key, which the first axis hears as sincere: where there is a second, it
    # has a say.
    dull = 1 - p_engaged >= limits.dull_p if p_engaged is not None else no
    word = np.where(forced, "forced", np.where(sincere & ~dull, "sincere", "unclear"))
    kind = np.where(put_on, "put_on", np.where(by_recited, "recited", ""))
    hint = np.where(recited & ~by_recited, "recited", "")
    return word.tolist(), kind.tolist(), hint.tolist()


def _json(path: Path, metadata: Mapping[str, str], key: str) -> Any:
    try:
        return json.loads(metadata[key])
    except (KeyError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path}: its metadata has no readable '{key}'.",
            "Expected a judge written by 'prosody fit'.",
        ) from error


def _check(path: Path, found: onnx_check.OnnxFile) -> None:
    """Refuse a file that is no judge, or a judge of other measures."""
    remedy = "Expected a judge written by 'prosody fit' of this version."
    if found.metadata.get("format") != FORMAT:
        raise ModelError(f"{path}: an ONNX file, but no judge (metadata 'format').", remedy)
    if found.metadata.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {found.metadata.get('format_version')!r}, "
            f"expected {FORMAT_VERSION!r}.",
            remedy,
        )
    if found.ir_version > MAX_IR or found.opset > MAX_OPSET:
        raise ModelError(
            f"{path}: IR {found.ir_version}, opset {found.opset}; expected at most "
            f"{MAX_IR} and {MAX_OPSET}.",
            remedy,
        )
    names = _json(path, found.metadata, "inputs")
    units = _json(path, found.metadata, "units")
    axes = _json(path, found.metadata, "axes")
    version = found.metadata.get("measures_version")
    _types(path, names, units, axes, found.metadata)
    known = input_units()
    strange = [n for n in names if n not in known]
    if strange:
        raise ModelError(
            f"{path}: needs measures that this version does not compute: {', '.join(strange[:5])}"
            f"{' ...' if len(strange) > 5 else ''}.",
            remedy,
        )
    if version != table.VERSION:
        raise ModelError(
            f"{path}: made for measures version {version!r}, this is {table.VERSION!r}.",
            "Fit it again with this version, or use the version that it was made with.",
        )
    other = [n for n in names if units.get(n) != known[n]]
    if other:
        raise ModelError(
            f"{path}: '{other[0]}' in {units.get(other[0])!r}, this version computes "
            f"{known[other[0]]!r}.",
            remedy,
        )
    ports = [p for p in found.inputs if p.name not in found.initializers]
    if [(p.name, p.dtype) for p in ports] != [("columns", onnx_check.FLOAT)] or (
        len(ports[0].shape) != 2 or ports[0].shape[0] is not None or ports[0].shape[1] != len(names)
    ):
        raise ModelError(
            f"{path}: its input is not 'columns', float32 [any, {len(names)}].", remedy
        )
    wanted = {f"{a}_{o}" for a in axes for o in ("rating", "sd", "contributions")}
    if not axes or not set(axes) <= set(AXES) or wanted != {p.name for p in found.outputs}:
        raise ModelError(f"{path}: its outputs do not match its axes.", remedy)


def _types(path: Path, names: Any, units: Any, axes: Any, metadata: Mapping[str, str]) -> None:
    """Refuse metadata of other kinds than `prosody fit` writes."""

    def require(fits: bool, what: str) -> None:
        if not fits:
            raise ModelError(
                f"{path}: damaged metadata: {what}.", "Expected a judge written by 'prosody fit'."
            )

    def number(value: Any) -> bool:
        return type(value) in (int, float) and abs(value) < 1e9  # NaN is no smaller

    strings = isinstance(names, list) and all(isinstance(n, str) for n in names)
    require(strings and 0 < len(names) == len(set(names)), "'inputs' is no list of names")
    require(isinstance(units, dict), "'units' is no table")
    require(isinstance(axes, dict), "'axes' is no table")
    for axis, about in axes.items():
        require(isinstance(about, dict), f"axis '{axis[:20]}' is no table")
        require(number(about.get("bias")), f"axis '{axis[:20]}' has no bias")
        for name in ("cut", "rating_sd", "residual_sd"):
            require(number(about.get(name, 0.0)), f"{name} of '{axis[:20]}' is no number")
        for name in ("typical", "training", "figures"):
            require(isinstance(about.get(name, {}), dict), f"{name} of '{axis[:20]}' is no table")
        require(
            all(number(v) for v in about.get("typical", {}).values()),
            f"typical values of '{axis[:20]}' are no numbers",
        )
    limits = _json(path, metadata, "thresholds") if "thresholds" in metadata else {}
    require(
        isinstance(limits, dict) and all(number(v) and 0.5 <= v <= 1 for v in limits.values()),
        "'thresholds' are no probabilities from 0.5 to 1",
    )


def _try(session: Any, path: Path, inputs: Sequence[str], axes: Sequence[str]) -> None:
    """Run a judge on a whole batch of plain rows: with a bound on memory, nothing comes later.

    Raises
    ------
    ModelError
        If it fails, or answers with anything but numbers as ratings are (a standard deviation above
        0).
    """
    plain = np.array([np.nan, 0.0, 1.0, -1.0, 30.0], dtype=np.float32)
    rows = np.repeat(plain[:, None], len(inputs), axis=1)
    rows[2:4, ::2] = np.nan  # some missing, some not
    batch = np.resize(rows, (BLOCK, len(inputs)))
    wanted = [f"{a}_{o}" for a in axes for o in ("rating", "sd", "contributions")]
    got = dict(zip(wanted, onnx_check.run(session, path, wanted, batch), strict=True))
    for name, values in got.items():
        shape = (BLOCK, len(inputs)) if name.endswith("contributions") else (BLOCK,)
        if values.shape != shape or not (np.abs(values) < MAX_RATING).all():
            raise ModelError(
                f"{path}: its output '{name}' is not {list(shape)} numbers below {MAX_RATING:g}.",
                "Its weights are damaged: write it again with 'prosody fit'.",
            )
        if name.endswith("_sd") and not (values > 0).all():
            raise ModelError(
                f"{path}: '{name}' is not above 0.", "Write it again with 'prosody fit'."
            )


def input_units() -> dict[str, str]:
    """Return every column that a judge may take, with its unit."""
    units = {"baseline_s": "s", "snr_db": "dB"}
    for m in table.MEASURES:
        units[m.name] = m.unit
        if m.relative_name:
            units[m.relative_name] = (
                m.unit.split(" re ")[0] if m.relative == "difference" else "log2 ratio"
            )
    return units
