"""Ways through the page to practise, for tests in a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import soundfile
import soxr
from browser import Watched, until
from places import SAMPLES
from served import Running, coach

__all__ = ["STATE", "Running", "coach", "enter", "give", "practise", "record", "speech", "speeches"]

SR = 48_000
STATE = "document.querySelector('#recorder').dataset.state"


def speech(path, start: float, end: float, to: int = SR, gain: float = 1.0) -> None:
    """Write a stretch of the sample's agent as a microphone would give it."""
    y, sr = soundfile.read(SAMPLES / "1-plain-apology-nl.wav", dtype="float32")
    one = soxr.resample(y[round(start * sr) : round(end * sr), 0], sr, to)
    soundfile.write(path, gain * np.concatenate([np.zeros(to // 5), one]), to, subtype="PCM_16")


def speeches(folder, mic, **more) -> dict[str, Any]:
    """Write what the microphone plays, two takes, and further stretches, by their names."""
    spans = {"mic": mic, "take": (25.6, 28.6), "other": (33.7, 36.7), **more}
    made = {name: folder / f"{name}.wav" for name in spans}
    for name, span in spans.items():
        speech(made[name], *span, to=SR if name == "mic" else 16_000)
    return made


def enter(watched: Watched, server: Running, situation: str = "late_parcel") -> Any:
    page = watched.page
    page.goto(server.link)
    until(page, "!document.querySelector('#choose').hidden")
    page.locator(f"[data-situation='{situation}']").click()
    return page


def practise(watched: Watched, server: Running, situation: str = "late_parcel") -> Any:
    page = enter(watched, server, situation)
    page.locator("#usual-skip").click()
    return page


def record(page: Any, seconds: float, key: str | None = None) -> None:
    press = (lambda: page.keyboard.press(key)) if key else page.locator("#record").click
    press()
    until(page, f"{STATE} === 'recording'")
    page.wait_for_timeout(round(1000 * seconds))
    press()
    until(page, f"{STATE} === 'idle'", 30)


def give(page: Any, path: Any, takes: int) -> None:
    page.locator("#file").set_input_files(str(path))
    until(page, f"document.querySelectorAll('#takes .rows li').length === {takes}", 30)
