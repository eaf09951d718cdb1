"""Damaged recordings, transcripts, windows and manifests: one row each, or one line that refuses.

10,000 recordings with what lies beside them, of every kind, go through the real command
(``--profile quick``: 200); half of the texts are valid but for one field. The run must end by
itself, with one row for each, no fault of ours among the codes, and no worker above its memory. As
many manifests as one in ten of that, each with one field changed, must give calls or be refused.
"""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import running
from mutate import mutate, mutate_field, mutate_json

from benchmarks import common
from prosody.calls.collect import collect
from prosody.calls.manifest import FIELDS
from prosody.errors import ProsodyError

MEMORY = "2000MB"
LIMIT_S = 30
DAMAGED = (
    "recording", "transcript", "field of a transcript", "values of a transcript", "windows",
    "field of windows",
)  # fmt: skip
OURS = ("internal_error", "worker_died", "time_limit", "memory_limit", "unreadable")


# --- whole files of every kind that is read: what is damaged --------------------------------------

WORDS = "Goedemiddag met de klantenservice. Het spijt me dat u zo lang moest wachten."
_EACH_S = 0.2

# name of the file: libsndfile's format and coding
_SOUNDFILE = {
    "ulaw.wav": ("WAV", "ULAW"), "alaw.wav": ("WAV", "ALAW"), "pcm16.wav": ("WAV", "PCM_16"),
    "pcm8.wav": ("WAV", "PCM_U8"), "pcm24.wav": ("WAVEX", "PCM_24"), "float.wav": ("WAV", "FLOAT"),
    "double.wav": ("WAV", "DOUBLE"), "gsm.wav": ("WAV", "GSM610"), "ima.wav": ("WAV", "IMA_ADPCM"),
    "ms.wav": ("WAV", "MS_ADPCM"), "g721.wav": ("WAV", "G721_32"), "rf64.wav": ("RF64", "PCM_16"),
    "x.flac": ("FLAC", None), "vorbis.ogg": ("OGG", "VORBIS"), "opus.ogg": ("OGG", "OPUS"),
    "x.mp3": ("MP3", None), "x.aiff": ("AIFF", None), "x.au": ("AU", None),
    "ulaw.au": ("AU", "ULAW"), "x.caf": ("CAF", "PCM_16"), "x.w64": ("W64", None),
    "x.voc": ("VOC", None), "x.sph": ("NIST", None),
    "x.ul": ("RAW", "ULAW"), "x.al": ("RAW", "ALAW"), "x.vox": ("RAW", "VOX_ADPCM"),
    "x.gsm": ("RAW", "GSM610"), "x.sln": ("RAW", "PCM_16"),
}  # fmt: skip
# name of the file: FFmpeg's container, coding, rate
_FFMPEG = {
    "x.m4a": ("mp4", "aac", 16000), "alac.m4a": ("mp4", "alac", 16000),
    "x.aac": ("adts", "aac", 16000), "x.webm": ("webm", "libopus", 48000),
    "x.wma": ("asf", "wmav2", 16000), "v1.wma": ("asf", "wmav1", 22050),
    "x.mka": ("matroska", "flac", 16000), "x.amr": ("amr", "libopencore_amrnb", 8000),
    "x.3gp": ("3gp", "libopencore_amrnb", 8000), "x.g722": ("g722", "g722", 16000),
    "x.g723_1": ("g723_1", "g723_1", 8000), "g726.wav": ("wav", "g726", 8000),
    "x.ac3": ("ac3", "ac3", 48000), "x.mp2": ("mp2", "mp2", 16000),
    "x.flv": ("flv", "pcm_s16le", 22050), "x.avi": ("avi", "pcm_s16le", 16000),
    "x.mkv": ("matroska", "aac", 16000), "x.wv": ("wv", "wavpack", 16000),
    "x.tta": ("tta", "tta", 16000), "x.mpg": ("mpeg", "mp2", 16000),
}  # fmt: skip
_BITS = {"wmav1": 32000, "wmav2": 32000, "g723_1": 6300}
_MONO = {"gsm.wav", "g721.wav", "x.ul", "x.al", "x.vox", "x.gsm", "x.sln"}


def sounds() -> dict[str, bytes]:
    """Return one short recording of two voices in every format that can be written here."""
    import soundfile

    t = np.arange(3 * 8000) / 8000
    wave = sum(np.cos(2 * np.pi * 120 * k * t) / k for k in range(1, 9))
    left = 0.1 * wave * (np.sin(2 * np.pi * 2 * t) > 0)
    rng = np.random.default_rng(0)
    two = np.stack([left, 1e-3 * rng.standard_normal(len(t))], axis=1).astype(np.float32)
    made = {"x.g729": rng.bytes(3000)}  # nothing here writes it; any bytes are G.729
    for name, (fmt, subtype) in _SOUNDFILE.items():
        out = io.BytesIO()
        try:
            soundfile.write(
                out, two[:, :1] if name in _MONO else two, 8000, format=fmt, subtype=subtype
            )
        except (soundfile.LibsndfileError, ValueError):
            continue
        made[name] = out.getvalue()
    return {**made, **_by_ffmpeg(two[:, 0])}


def _by_ffmpeg(voice: Any) -> dict[str, bytes]:
    try:
        import av
    except ImportError:
        return {}
    made = {}
    for name, (fmt, codec, rate) in _FFMPEG.items():
        out = io.BytesIO()
        try:
            with av.open(out, "w", format=fmt) as file:
                stream = file.add_stream(codec, rate=rate)
                context = stream.codec_context
                context.layout, context.format = "mono", av.codec.Codec(codec, "w").audio_formats[0]
                if codec in _BITS:
                    context.bit_rate = _BITS[codec]
                y = np.interp(np.arange(3 * rate) / rate, np.arange(len(voice)) / 8000, voice)
                frame = av.AudioFrame.from_ndarray(
                    (y * 32767).astype(np.int16)[None].copy(), format="s16", layout="mono"
                )
                frame.sample_rate, frame.pts = rate, 0
                for part in (*stream.encode(frame), *stream.encode(None)):
                    file.mux(part)
        except (av.error.FFmpegError, ValueError, OSError):
            continue
        made[name] = out.getvalue()
    return made


def _timed() -> list[tuple[str, float, float]]:
    return [(w, _EACH_S * i, _EACH_S * i + 0.18) for i, w in enumerate(WORDS.split())]


def _json() -> dict[str, Any]:
    """Return one document of each platform, as their documentation shows them."""
    words = _timed()
    end = words[-1][2]
    ms = [(w, round(1000 * a), round(1000 * b)) for w, a, b in words]
    whisper = [{"word": w, "start": a, "end": b} for w, a, b in words]
    segment = {"id": 0, "start": 0.0, "end": end, "text": WORDS, "speaker": "AGENT"}
    amazon = [{"type": "pronunciation", "start_time": str(a), "end_time": str(b),
               "alternatives": [{"content": w, "confidence": "0.9"}], "channel_label": "ch_0"}
              for w, a, b in words]  # fmt: skip
    lens = {
        "Id": "a", "BeginOffsetMillis": 0, "EndOffsetMillis": ms[-1][2], "Content": WORDS,
        "ParticipantRole": "AGENT", "ParticipantId": "p1",
        "Items": [{"Type": "pronunciation", "Content": w, "BeginOffsetMillis": a,
                   "EndOffsetMillis": b} for w, a, b in ms],
    }  # fmt: skip
    google = [{"startTime": f"{a}s", "endTime": f"{b}s", "word": w} for w, a, b in words]
    azure_words = [{"word": w, "offsetInTicks": 1e4 * a, "durationInTicks": 1e4 * (b - a)}
                   for w, a, b in ms]  # fmt: skip
    assembly = [{"text": w, "start": a, "end": b, "speaker": "A"} for w, a, b in ms]
    deepgram = [{"word": w, "punctuated_word": w, "start": a, "end": b} for w, a, b in words]
    return {
        "harpervalley": [{"start_ms": 0, "duration_ms": ms[-1][2], "speaker_role": "agent",
                          "index": 1, "human_transcript": WORDS, "offset_ms": 0,
                          "word_durations_ms": [180] * len(ms), "channel_index": 1,
                          "word_start_ms": [a for _, a, _ in ms]}],
        "genesys": {"conversationId": "c", "mediaType": "call", "startTime": 0, "transcripts": [
            {"language": "nl-nl", "phrases": [
                {"text": WORDS, "decoratedText": WORDS, "startTimeMs": 0,
                 "duration": {"milliseconds": ms[-1][2]}, "participantPurpose": "internal",
                 "words": [{"word": w, "startTimeMs": a, "duration": {"milliseconds": b - a}}
                           for w, a, b in ms]}]}]},
        "contactlens": {"Version": "1.1.0", "LanguageCode": "nl-NL", "Channel": "VOICE",
                        "Participants": [{"ParticipantId": "p1", "ParticipantRole": "AGENT"}],
                        "Transcript": [lens]},
        "transcribe": {"jobName": "j", "status": "COMPLETED", "results": {
            "transcripts": [{"transcript": WORDS}], "items": amazon, "language_code": "nl-NL"}},
        "deepgram": {"metadata": {"channels": 2}, "results": {
            "channels": [{"alternatives": [{"transcript": WORDS, "words": deepgram}],
                          "detected_language": "nl"}, {"alternatives": []}],
            "utterances": [{"start": 0.0, "end": end, "channel": 0, "transcript": WORDS,
                            "words": deepgram}]}},
        "insights": {"name": "c", "languageCode": "nl-NL",
                     "callMetadata": {"customerChannel": 2, "agentChannel": 1},
                     "transcript": {"transcriptSegments": [
                         {"text": WORDS, "channelTag": 1, "words": [
                             {"startOffset": f"{a}s", "endOffset": f"{b}s", "word": w}
                             for w, a, b in words]}]}},
        "conversation": {"entries": [
            {"start_timestamp_usec": 0, "text": WORDS, "role": "AGENT", "user_id": 1},
            {"start_timestamp_usec": 2_500_000, "text": "oké", "role": "CUSTOMER", "user_id": 2}]},
        "google": {"results": [{"alternatives": [{"transcript": WORDS, "words": google}],
                                "channelTag": 1, "resultEndTime": "3s", "languageCode": "nl-nl"}]},
        "azurebatch": {"source": "x", "durationInTicks": 1, "recognizedPhrases": [
            {"recognitionStatus": "Success", "channel": 0, "speaker": 1, "offset": "PT0S",
             "duration": "PT2.8S", "offsetInTicks": 0, "durationInTicks": 28000000,
             "locale": "nl-NL", "nBest": [{"lexical": WORDS, "display": WORDS,
                                           "words": azure_words}]}]},
        "azurefast": {"durationMilliseconds": 3000, "combinedPhrases": [{"text": WORDS}],
                      "phrases": [{"offsetMilliseconds": 0, "durationMilliseconds": ms[-1][2],
                                   "text": WORDS, "locale": "nl-NL", "channel": 0,
                                   "words": [{"text": w, "offsetMilliseconds": a,
                                              "durationMilliseconds": b - a} for w, a, b in ms]}]},
        "assemblyai": {"id": "x", "language_code": "nl", "status": "completed", "text": WORDS,
                       "words": assembly, "utterances": [
                           {"speaker": "A", "text": WORDS, "start": 0, "end": ms[-1][2],
                            "words": assembly}]},
        "whispercpp": {"systeminfo": "", "params": {"language": "nl"}, "result": {"language": "nl"},
                       "transcription": [{"timestamps": {"from": "00:00:00,000",
                                                         "to": "00:00:02,780"},
                                          "offsets": {"from": 0, "to": 2780}, "text": WORDS,
                                          "tokens": [{"text": f" {w}",
                                                      "offsets": {"from": a, "to": b}}
                                                     for w, a, b in ms]}]},
        "whisperx": {"segments": [{**segment, "words": whisper}], "language": "nl"},
        "fasterwhisper": {"info": {"language": "nl", "duration": 3.0},
                          "segments": [{**segment, "words": whisper}]},
    }  # fmt: skip


def grid() -> str:
    """Return a TextGrid of one interval."""
    return (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\n'
        'tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n        class = "IntervalTier"\n'
        '        name = "agent"\n        xmin = 0\n        xmax = 3\n'
        "        intervals: size = 1\n        intervals [1]:\n            xmin = 0\n"
        f'            xmax = 3\n            text = "{WORDS}"\n'
    )


def transcripts() -> dict[str, bytes]:
    """Return one transcript of each kind, as its file; the name before the dot is the kind."""
    samples = common.ROOT / "samples"
    made = {f"{k}.json": json.dumps(v).encode() for k, v in _json().items()}
    for path in sorted(samples.iterdir()):
        if path.suffix in (".json", ".vtt", ".srt", ".csv"):
            made[f"sample{path.suffix}"] = path.read_bytes()
    tsv = "start\tend\ttext\n" + "".join(
        f"{round(1000 * a)}\t{round(1000 * b)}\t{w}\n" for w, a, b in _timed()
    )
    return made | {
        "whisper.tsv": tsv.encode(),
        "own.csv": f"start_s,end_s,role,text\n0,2.8,agent,{WORDS}\n".encode(),
        "dutch.csv": f"begin;eind;rol;tekst\n0;2,8;medewerker;{WORDS}\n".encode("utf-8-sig"),
        "own.srt": f"1\n00:00:00,000 --> 00:00:02,800\nAgent: {WORDS}\n".encode(),
        "own.vtt": f"WEBVTT\n\n00:00.000 --> 00:02.800\n<v Agent>{WORDS}</v>\n".encode(),
        "long.TextGrid": grid().encode(),
        "utf16.TextGrid": grid().encode("utf-16"),
        "own.ctm": "".join(f"x A {a:.2f} 0.18 {w} 0.9\n" for w, a, _ in _timed()).encode(),
    }


def windows() -> dict[str, bytes]:
    """Return one file of windows of each kind."""
    return {
        "own.csv": b"start_s,end_s,text,role\n0.5,1.9,het spijt me,agent\n2.0,2.8,sorry,agent\n",
        "label.txt": b"0.500000\t1.900000\tapology\n2.0\t2.8\tagent: sorry\n",
        "own.TextGrid": grid().replace(WORDS, "apology").encode(),
        "bom.csv": "start_s;end_s;text\n0,5;1,9;het spijt me\n".encode("utf-8-sig"),
    }


def manifest(names: list[str]) -> bytes:
    """Return a manifest of recordings, with every column that is understood."""
    row = {
        "started_at": "2026-11-30T14:22:05", "channel": "", "role": "agent", "agent": "A. de Boer",
        "team": "north", "language": "nl", "transcript": "", "windows": "", "agent_speaker": "",
    }  # fmt: skip
    lines = [",".join(FIELDS)]
    for i, name in enumerate(names):
        cells = row | {"path": name, "call_id": f"call-{i}"}
        lines.append(",".join(cells[field] for field in FIELDS))
    return "\n".join([*lines, ""]).encode()


# --- damaged, and run -----------------------------------------------------------------------------


def cases(n: int, seed: int) -> Iterator[tuple[str, str, bytes, str, bytes]]:
    """Yield what is damaged, then name and content of a recording and of what lies beside it."""
    rng = random.Random(seed)
    voices, said, where = sounds(), transcripts(), windows()
    spoken = {k: v for k, v in said.items() if k.endswith(".json")}
    whole = [*voices.values(), *said.values(), *where.values()]
    good = "pcm16.wav"
    for i in range(n):
        what = DAMAGED[(0, 0, 0, 1, 2, 2, 3, 4, 5, 5)[i % 10]]
        voice = rng.choice(sorted(voices)) if what == "recording" else good
        kinds = where if "windows" in what else spoken if "values" in what else said
        # Beside a damaged recording lies a transcript with roles, so that all of it is examined.
        text = "own.csv" if what == "recording" else rng.choice(sorted(kinds))
        sound, words = voices[voice], kinds[text]
        if what == "recording":
            sound = mutate(sound, rng, whole)
        elif what == "values of a transcript":
            words = mutate_json(words, rng)
        elif what.startswith("field"):
            words = mutate_field(words, rng)
        else:
            words = mutate(words, rng, whole)
        stem = f"{i:06d}-{voice.rsplit('.', 1)[0]}"
        yield what, f"{stem}{Path(voice).suffix}", sound, f"{stem}{Path(text).suffix}", words


def fuzz(folder: Path, n: int, *, seed: int = 0, keep: Path | None = None) -> dict[str, Any]:
    """Run the command over `n` damaged inputs and count what became of them.

    ``faults`` are rows that only a fault of ours explains; their files are copied to `keep`.
    """
    calls, where = folder / "calls", folder / "windows"
    calls.mkdir()
    where.mkdir()
    damaged: dict[str, str] = {}
    seeds: Counter[str] = Counter()
    roles = transcripts()["own.csv"]
    for what, voice, sound, text, words in cases(n, seed):
        (calls / voice).write_bytes(sound)
        ((where if "windows" in what else calls) / text).write_bytes(words)
        if "windows" in what:  # a transcript says who speaks where
            (calls / voice).with_suffix(".csv").write_bytes(roles)
        damaged[voice] = what
        seeds[what] += 1
    out = folder / "out"
    code, took = common.cost(
        "analyze", calls, "--windows", where, "--language", "nl",
        "--out", out, "--quiet", "--workers", 2, "--memory", MEMORY, "--time-limit", LIMIT_S,
    )  # fmt: skip
    lines = running.rows(out / "recordings.jsonl")
    found = Counter(Path(line["recording"]).name for line in lines)
    codes: dict[str, Counter[str]] = {what: Counter() for what in seeds}
    for line in lines:
        what = damaged[Path(line["recording"]).name]
        codes[what][line["code"] or line["status"]] += 1
    faults = [line for line in lines if line["code"] in OURS]
    if keep is not None and faults:
        keep.mkdir(parents=True, exist_ok=True)
        for line in faults:
            path = Path(line["recording"])
            for file in (*calls.glob(f"{path.stem}.*"), *where.glob(f"{path.stem}.*")):
                (keep / file.name).write_bytes(file.read_bytes())
    return {
        "inputs": n,
        "seed": seed,
        "kinds": {
            "recordings": sorted(sounds()),
            "transcripts": sorted(transcripts()),
            "windows": sorted(windows()),
        },
        "damaged": dict(seeds),
        "exit_code": code,
        "rows": len(lines),
        "without_a_row": sum(name not in found for name in damaged),
        "with_two_rows": sum(k > 1 for k in found.values()),
        "hangs": sum(line["code"] == "time_limit" for line in lines),
        "crashes": sum(line["code"] in ("worker_died", "internal_error") for line in lines),
        "codes": {what: dict(count.most_common()) for what, count in codes.items()},
        "faults": [[line["code"], line["message"][-300:]] for line in faults],
        **{name: took[name] for name in ("seconds", "peak_worker_mb", "peak_main_mb")},
    }


def manifests(folder: Path, n: int, *, seed: int = 0) -> dict[str, Any]:
    """Read `n` manifests, valid but for one field, and count what became of them."""
    names = [f"{i}.wav" for i in range(3)]
    for name in names:
        (folder / name).write_bytes(sounds()["pcm16.wav"])
    rng = random.Random(seed)
    valid = manifest(names)
    became: Counter[str] = Counter()
    faults = []
    for i in range(n):
        path = folder / f"{i}.csv"
        path.write_bytes(mutate_field(valid, rng))
        try:
            became[f"{len(collect([path]))} calls"] += 1
        except ProsodyError as error:
            one_line = "\n" not in str(error)
            became["refused in one line" if one_line else "refused in several"] += 1
        except Exception as error:
            faults.append(f"{type(error).__name__}: {error}"[:300])
        path.unlink()
    return {"inputs": n, "became": dict(became.most_common()), "faults": faults}


def main(argv: list[str]) -> int:
    """Run it and write the figures; 1 where a row is missing or a fault was found."""
    args = common.arguments(argv, __doc__)
    with tempfile.TemporaryDirectory() as folder:
        keep = common.ROOT / ".cache" / "fuzz"
        n = 200 if args.quick else 10_000
        told = fuzz(Path(folder), n, keep=keep)
    with tempfile.TemporaryDirectory() as folder:
        told["manifests"] = manifests(Path(folder), n // 10)
    print(json.dumps(told, indent=1))
    common.write("fuzz", args, told)
    bad = (
        told["faults"]
        or told["manifests"]["faults"]
        or told["without_a_row"]
        or told["with_two_rows"]
    )
    return 1 if bad or told["exit_code"] not in (0, 1) else 0
