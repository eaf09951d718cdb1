"""What a million calls a day would need, worked out from ``results/`` for docs/running.md."""

from __future__ import annotations

import json
from typing import Any

from benchmarks import common
from prosody.runs.benchmark import BUSY_SPREAD
from prosody.runs.processes import WORKER_MB

CALLS = 1_000_000
DAY_S = 86_400
# Assumptions, told on the page; everything else is measured.
MINUTES, CHANNELS, SR_HZ, BUSY_SHARE = 6, 2, 8_000, 0.7


def _read(name: str) -> dict[str, Any]:
    text = (common.RESULTS / f"{name}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _window_every_s() -> float:
    import soundfile

    # What `scale.long_calls` repeats, with one window each time.
    info = soundfile.info(common.ROOT / "samples" / "3-four-times-sorry-nl.wav")
    return float(info.frames / info.samplerate)


def _words_s_per_min(asr: dict[str, Any]) -> float:
    """Return the CPU seconds that the words of a minute of a call take: two people's, else any."""
    of_calls = [asr[k] for k in ("harpervalley", "prompts", "lines") if k in asr]
    return float(of_calls[0]["cpu_s_per_min_of_call"])


def needs() -> dict[str, float]:
    """Return the sum, in cores, gigabytes and megabytes per second."""
    scale, asr = _read("scale")["results"], _read("asr")["results"]
    long, whole = scale["long_calls"], scale["whole_calls"]
    spoken_s = 60 * MINUTES
    # A call of the samples as measured, words and conduct too; the rest of six minutes is heard.
    read_s = whole["cpu_ms_per_call"] / 1e3
    heard_s = (spoken_s - whole["seconds_each"]) / long["x_real_time_per_core"]
    cores = CALLS * (heard_s + read_s) / DAY_S
    kept_kb = whole["journal_kb_per_call"] + whole["results_kb_per_call"]
    sound_mb = spoken_s * CHANNELS * SR_HZ / 1e6  # G.711: one byte a sample
    words_s = _words_s_per_min(asr) * MINUTES
    planned = cores / BUSY_SHARE
    return {
        "heard_s": heard_s,
        "read_s": read_s,
        "cores": cores,
        "planned": planned,
        "memory_gb": planned * WORKER_MB / 1024,
        "sound_mb": sound_mb,
        "sound_tb": CALLS * sound_mb / 1e6,
        "network_mb_per_s": CALLS * sound_mb / DAY_S,
        "kept_kb": kept_kb,
        "kept_gb": CALLS * kept_kb * 1024 / 1e9,
        "asr_cores": CALLS * words_s / DAY_S,
    }


def _whole_call() -> list[str]:
    """Return the row of a call of a quarter of an hour, beside Praat's pitch, by ``stages``."""
    rows = [r for r in _read("stages")["results"]["rows"] if r["set"] == "made call"]
    ours, *praat = (f"{r['x_real_time']:,.0f}" for r in rows)
    beside = f"; Praat's pitch of one of its channels: {praat[0]}" if praat else ""
    busy = f", runs {spread:.0%} apart" if (spread := rows[0]["spread_share"]) > BUSY_SPREAD else ""
    return [f"| {rows[0]['stage']} | {ours} times real time on one core{busy}{beside} |"]


def section() -> str:
    """Return the section, as it stands in docs/running.md between its marks."""
    record, asr = _read("scale"), _read("asr")
    scale, machine, n = record["results"], record["machine"], needs()
    long, ten, last = scale["long_calls"], scale["one_long_recording"], scale["recordings"][-1]
    growth, whole = scale["growth"], scale["whole_calls"]
    count = f"{last['recordings']:,}"
    load = machine["load_1min"]
    return "\n".join(
        [
            f"Measured (`python -m benchmarks stages`, `scale`, `asr`) on {machine['cores']} cores "
            f"of {machine['cpu']}, load {load:g} when it ended; CPU time is that of all processes:",
            "",
            "| measured | figure |",
            "|---|---|",
            *_whole_call(),
            f"| {long['calls']} two-channel calls of {long['minutes_each']:g} minutes, a window "
            f"every {_window_every_s():.0f} s | {long['x_real_time_per_core']:.0f} times real time "
            f"on one core, workers below {long['peak_worker_mb']:.0f} MB |",
            f"| one recording of {ten['hours']:g} hours, {ten['file_mb']:.0f} MB | "
            f"{ten['cpu_seconds']:.0f} CPU seconds, {ten['peak_worker_mb']:.0f} MB at the most |",
            f"| {count} recordings of one second, start-up, journal and results included | "
            f"{last['cpu_ms_per_recording']:.1f} ms of CPU each; cost grows with their number to "
            f"the power {growth['exponent_cpu_seconds']:.2f} |",
            f"| the same again, nothing to do | {last['again_cpu_seconds']:.0f} s of CPU in all |",
            f"| the run's own process at {count} | {last['peak_main_mb']:.0f} MB |",
            f"| {whole['calls']} calls of {whole['seconds_each']:.0f} s with their transcripts: "
            f"found, measured, judged, conduct | {whole['cpu_ms_per_call']:.0f} ms of CPU each; "
            f"{whole['journal_kb_per_call']:.0f} kB of journal, {whole['results_kb_per_call']:.0f} "
            "kB of results |",
            "",
            f"**Assumed**: {MINUTES} minutes a call, {CHANNELS} channels at {SR_HZ} Hz as G.711, a "
            "transcript there already, calls spread over the day, processors "
            f"{100 * BUSY_SHARE:.0f} % busy (the rest is for peaks, restarts and a lost "
            "machine), cores as fast as these, and a disk and network that keep up. The judge is "
            "part of the figures: a block of a thousand apologies is one call of the model.",
            "",
            "| needed for 1,000,000 calls a day | |",
            "|---|---|",
            f"| processors | {n['read_s'] + n['heard_s']:.2f} s of one core a call: a call of the "
            f"samples, and the rest of {MINUTES} minutes at the speed of long calls. That is "
            f"{n['cores']:.1f} cores day and night, "
            f"**{n['planned']:.0f} cores** with the reserve |",
            f"| memory | {WORKER_MB} MB for each worker (what `--memory` reckons with): "
            f"{n['memory_gb']:.0f} GB |",
            f"| reading | {n['sound_mb']:.1f} MB a call: {n['sound_tb']:.1f} TB a day, "
            f"{n['network_mb_per_s']:.0f} MB/s around the clock, from wherever recordings lie |",
            f"| keeping | {n['kept_kb']:.0f} kB a call: {n['kept_gb']:.0f} GB a day, if all calls "
            "were like the samples, with an apology each |",
            f"| if words must be recognised, too | {n['asr_cores']:,.0f} cores more, at the "
            f"{_words_s_per_min(asr['results']):g} s of CPU that {asr['results']['model']} takes "
            "for each minute of a call: then recognition is the whole bill, and a GPU or a "
            "platform's own transcripts the way |",
            "",
            "So hearing is cheap, and the first things to look at are where the recordings lie and "
            "where the words come from.",
        ]
    )
