"""Can a phone recogniser find "sorry" without words? Hits and false alarms of hama's model.

The question behind a possible ``--spot``: keyword scores by a Viterbi path over the phones of
"sorry" and "apologise" in the log-probabilities of ``hama==1.3.13`` (English; not a dependency,
install it to run this), per stretch of voice activity. Prompts (Debian's asterisk sounds,
8 kHz), rendered sentences
(espeak-ng and flite, telephone band), and the agent and caller tracks of HarperValley.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks import common
from benchmarks.asr import PROMPTS, prompts
from prosody import transcripts
from prosody.audio.activity import activity_of
from prosody.audio.recording import Recording
from prosody.examine.recognise import stretches

KEYWORDS = (("s", "ɑ", "ɹ", "i"), ("s", "ɔ", "ɹ", "i"), ("ə", "p", "ɑ", "l", "ə", "d͡ʒ"))
THRESHOLDS = (-0.3, -0.5, -0.8, -1.2)
SORRY_PROMPTS = ("im-sorry", "sorry", "vm-sorry", "sorry-youre-having-problems", "followme/sorry",
                 "invalid", "pbx-invalidpark", "privacy-incorrect")  # fmt: skip
WITH = ("I am so sorry about the delay.", "Sorry for the inconvenience.",
        "I do apologize for the mistake.", "We are sorry you had to wait.",
        "I'm really sorry that happened to you.")  # fmt: skip
WITHOUT = ("Let me look at the story of your order.", "The parcel left the quarry Saturday.",
           "Your policy starts in January.", "Can I have your postal code please?",
           "The Safari tour is full.", "I will call you back tomorrow morning.")  # fmt: skip


class Spotter:
    """Best keyword score per stretch of speech; 0 is a perfect path, lower is worse."""

    def __init__(self) -> None:
        import onnxruntime

        hama = common.need("hama", "")
        folder = Path(str(hama.__file__)).parent / "assets"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            folder / "asr_waveform_fp16.onnx", options, providers=["CPUExecutionProvider"]
        )
        words = json.loads((folder / "g2p_vocab.json").read_text(encoding="utf-8"))["decoder"]
        at = {token: i for i, token in enumerate([*words, "<wb>", "<blank>"])}
        self.blank = at["<blank>"]
        self.keywords = [[at[p] for p in phones] for phones in KEYWORDS]

    def scores(self, path: Path) -> list[tuple[float, float, float]]:
        """Return (score, start_s, end_s) of the best keyword in each stretch of a file."""
        out = []
        with Recording(path) as recording:
            for start, end in stretches(activity_of(recording)[0].speech):
                y = recording.read(max(0.0, start - 0.2), end + 0.2, 0)
                y = soxr.resample(y, recording.info.sr_hz, 16_000).astype(np.float32)
                inputs = {"waveform": y[None], "waveform_lengths": np.array([len(y)])}
                (found, _) = self.session.run(None, inputs)
                best = max(self._best(found[0].astype(np.float64), k) for k in self.keywords)
                out.append((best, start, end))
        return out

    def _best(self, log_p: np.ndarray, phones: list[int]) -> float:
        states = [phones[i // 2] if i % 2 == 0 else self.blank for i in range(2 * len(phones) - 1)]
        emit = log_p[:, states] - log_p.max(axis=1, keepdims=True)
        path = np.full(len(states), -1e9)
        best = -1e9
        for frame in emit:  # a path: each frame needs the one before
            before = np.concatenate([[0.0], path[:-1]])
            skip = np.concatenate([[-1e9, -1e9], path[:-2]])
            skip[1::2] = -1e9
            path = np.maximum(np.maximum(path, before), skip) + frame
            best = max(best, path[-1])
        return float(best) / len(phones)


def rendered(folder: Path) -> list[tuple[Path, bool]]:
    """Render sentences with and without the words, as a telephone would carry them."""
    voices = [("espeak-ng", ["-v", v]) for v in ("en-us", "en-gb")]
    voices += [("flite", ["-voice", v]) for v in ("slt", "rms", "kal")]
    out = []
    for program, how in voices:
        if not shutil.which(program):
            continue
        for i, (text, has) in enumerate([(t, True) for t in WITH] + [(t, False) for t in WITHOUT]):
            raw = folder / f"{program}-{how[1]}-{i}.wav"
            command = (
                [program, *how, "-w", str(raw), text]
                if program == "espeak-ng"
                else [program, *how, "-t", text, "-o", str(raw)]
            )
            subprocess.run(command, check=True, capture_output=True)
            y, sr = soundfile.read(raw, dtype="float32")
            soundfile.write(raw, soxr.resample(y, sr, 8000), 8000, subtype="ULAW")
            out.append((raw, has))
    return out


def main(argv: list[str]) -> int:
    """Run the benchmark; skipped without hama."""
    args = common.arguments(argv, __doc__)
    spotter = Spotter()
    results: dict[str, object] = {"thresholds": list(THRESHOLDS)}
    files = []

    def count(name: str, with_word: list[float], without: list[float], minutes: float) -> None:
        results[name] = {
            "with_the_word": len(with_word),
            "hits": [sum(s >= t for s in with_word) for t in THRESHOLDS],
            "stretches_without": len(without),
            "false_alarms": [sum(s >= t for s in without) for t in THRESHOLDS],
            "minutes": round(minutes, 1) if minutes == minutes else None,
        }
        print(name, results[name])

    every = [line.path for line in prompts()]
    if every:
        wanted = {PROMPTS / f"{n}.wav" for n in SORRY_PROMPTS}
        others = [
            line.path
            for line in prompts()
            if line.path not in wanted and not re.search("sorry|apolog", line.text.lower())
        ]
        others = others[:: 4 if args.quick else 1]
        hit = [max((s for s, _, _ in spotter.scores(p)), default=-1e9) for p in sorted(wanted)]
        rest = [(s, b - a) for p in others for s, a, b in spotter.scores(p)]
        count("prompts_8khz", hit, [s for s, _ in rest], sum(d for _, d in rest) / 60)
        files += [*sorted(wanted), *others]
    with tempfile.TemporaryDirectory() as folder:
        made = [
            (max((s for s, _, _ in spotter.scores(p)), default=-1e9), has)
            for p, has in rendered(Path(folder))
        ]
        if made:
            count(
                "rendered_telephone",
                [s for s, has in made if has],
                [s for s, has in made if not has],
                float("nan"),
            )
    calls = common.data_files(args, "harpervalley", "*/*.wav")
    hit, rest, seconds = [], [], 0.0
    for path in calls:
        folder = path.parent.parent
        script = transcripts.read(folder / "transcript" / f"{path.stem}.json")
        role = "agent" if path.parent.name == "agent" else "customer"
        shift = script.track_start_s.get(role, 0.0)
        said = [
            (w.start_s - shift, w.end_s - shift)
            for t in script.turns
            if t.role == role
            for w in t.words
            if w.text.lower().startswith(("sorry", "apolog"))
        ]
        for score, a, b in spotter.scores(path):
            seconds += b - a
            inside = any(x < b and y > a for x, y in said)
            (hit if inside else rest).append(score)
    if calls:
        count("harpervalley", hit, rest, seconds / 60)
        files += calls
    common.write("spot", args, results, files)
    return 0
