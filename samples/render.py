"""Renders the four sample calls: agent left, customer right, a telephone band, mu-law, 8 kHz.

    python samples/render.py

Run by ``make samples`` in an environment of its own (requirements.txt) with espeak-ng and flite
installed. The same versions give the same bytes; the committed files are what the demo uses.
"""

from __future__ import annotations

import csv
import io
import json
import struct
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from voices import Sound, Style, Words, speak

HERE = Path(__file__).resolve().parent
SR = 8000
LEVEL_DBFS = -22.0  # of speech, as telephone lines carry it
NOISE_DBFS = -58.0


@dataclass(frozen=True)
class Line:
    """One line of a call where it stands in time."""

    role: str
    text: str
    words: Words

    @property
    def start_s(self) -> float:
        """Start of the first word."""
        return self.words[0][1]

    @property
    def end_s(self) -> float:
        """End of the last word."""
        return self.words[-1][2]


def telephone(sound: Sound, sr: int) -> Sound:
    """Bring a line to 8 kHz and 300-3400 Hz."""
    common = int(np.gcd(sr, SR))
    narrow = signal.resample_poly(sound.astype(np.float64), SR // common, sr // common)
    band = signal.butter(4, (300, 3400), "bandpass", fs=SR, output="sos")
    return signal.sosfilt(band, narrow).astype(np.float32)


def level(sound: Sound) -> float:
    """Return the RMS of the louder half of 20 ms frames in dBFS: the level of the speech."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160).astype(np.float64)
    power = np.sort((frames**2).mean(axis=1))
    return float(10 * np.log10(power[len(power) // 2 :].mean() + 1e-12))


def call(spec: dict[str, Any]) -> tuple[NDArray[np.float32], list[Line]]:
    """Speak all lines of a call and put them on two channels."""
    gains: dict[str, float] = {}
    placed: list[tuple[int, int, Sound]] = []
    lines: list[Line] = []
    end = 0.0
    for item in spec["lines"]:
        role = item["role"]
        style = Style(**{**spec[role].get("style", {}), **item.get("style", {})})
        sound, sr, words = speak(spec[role]["voice"], item["text"], style)
        narrow = telephone(sound, sr)
        # one gain for a role, from its first line: what is spoken softer stays softer
        gains.setdefault(role, LEVEL_DBFS - level(narrow))
        narrow = narrow * np.float32(10 ** (gains[role] / 20))
        start = max(0.0, end + item["gap_s"] - words[0][1])
        placed.append((0 if role == "agent" else 1, round(start * SR), narrow))
        lines.append(Line(role, item["text"], [(w, a + start, b + start) for w, a, b in words]))
        end = lines[-1].end_s
    total = max(at + len(s) for _, at, s in placed) + SR // 5
    out = np.zeros((2, total), np.float32)
    for channel, at, sound in placed:
        out[channel, at : at + len(sound)] += sound
    rng = np.random.default_rng(2)
    noise = telephone(rng.standard_normal((2 * total,)).astype(np.float32), SR).reshape(2, total)
    noise *= np.float32(10 ** (NOISE_DBFS / 20)) / noise.std()
    return out + noise, sorted(lines, key=lambda line: line.start_s)


def mu_law(sound: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Encode as ITU-T G.711 mu-law."""
    x = np.clip(np.round(sound * 32768), -32635, 32635).astype(np.int32)
    magnitude = np.abs(x) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code = np.where(x < 0, 0x80, 0) | (exponent << 4) | mantissa
    return (~code & 0xFF).astype(np.uint8)


def wav(sound: NDArray[np.float32]) -> bytes:
    """Return a two-channel mu-law WAV file."""
    data = mu_law(sound).T.tobytes()
    fmt = struct.pack("<HHIIHHH", 7, 2, SR, 2 * SR, 2, 8, 0)
    fact = struct.pack("<I", sound.shape[1])
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
        for name, body in ((b"fmt ", fmt), (b"fact", fact), (b"data", data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def as_json(spec: dict[str, Any], lines: list[Line]) -> str:
    """Return a transcript as WhisperX writes it, with the role as speaker."""
    segments = [
        {
            "start": round(line.start_s, 3),
            "end": round(line.end_s, 3),
            "text": line.text,
            "speaker": line.role,
            "words": [
                {"word": w, "start": round(a, 3), "end": round(b, 3), "speaker": line.role}
                for w, a, b in line.words
            ],
        }
        for line in lines
    ]
    return json.dumps({"segments": segments, "language": spec["language"]}, indent=1,
                      ensure_ascii=False) + "\n"  # fmt: skip


def as_vtt(spec: dict[str, Any], lines: list[Line]) -> str:
    """Return WebVTT with voice tags and the time of every word."""

    def clock(t: float) -> str:
        return f"{int(t // 3600):02}:{int(t // 60) % 60:02}:{t % 60:06.3f}"

    out = ["WEBVTT", f"Language: {spec['language']}", ""]
    for line in lines:
        first, *rest = line.words
        timed = " ".join([first[0], *(f"<{clock(a)}>{w}" for w, a, _ in rest)])
        out += [f"{clock(line.start_s)} --> {clock(line.end_s)}",
                f"<v {line.role.capitalize()}>{timed}", ""]  # fmt: skip
    return "\n".join(out)


def as_csv(spec: dict[str, Any], lines: list[Line]) -> str:
    """Return the plain table: one row per line, no word times."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("start_s", "end_s", "role", "text"))
    for line in lines:
        writer.writerow((f"{line.start_s:.3f}", f"{line.end_s:.3f}", line.role, line.text))
    return out.getvalue()


def main() -> None:
    """Write the calls and their transcripts beside this file."""
    writers = {"json": as_json, "vtt": as_vtt, "csv": as_csv}
    calls = tomllib.loads((HERE / "dialogues.toml").read_text(encoding="utf-8"))["call"]
    for spec in calls:
        sound, lines = call(spec)
        (HERE / f"{spec['name']}.wav").write_bytes(wav(sound))
        text = writers[spec["transcript"]](spec, lines)
        (HERE / f"{spec['name']}.{spec['transcript']}").write_text(text, encoding="utf-8")
        spoken = {r: sum(x.end_s - x.start_s for x in lines if x.role == r)
                  for r in ("agent", "customer")}  # fmt: skip
        print(
            f"{spec['name']}: {sound.shape[1] / SR:.1f} s, agent {spoken['agent']:.1f} s, "
            f"customer {spoken['customer']:.1f} s, peak {np.abs(sound).max():.2f}"
        )


if __name__ == "__main__":
    main()
