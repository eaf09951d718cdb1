"""The network, its training, its check on unseen voices, and its way into an ONNX file."""

from __future__ import annotations

import glob
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import signal
from torch import Tensor, nn
from torch.nn import functional

from prosody.measures import pitch
from recipes.pitch import degrade
from recipes.pitch.speech import LABEL_HZ, Clip

STEP = math.log(2) / pitch.STEPS_PER_OCTAVE
LOW = math.log(pitch.STEP_LOW_HZ)
CHANNELS = 96
DILATIONS = (1, 2, 4, 8, 1)
CROP, BATCH = 400, 32
BLUR = 0.7
"""Width of the target over steps of pitch, in steps (half semitones)."""


def features(x: Tensor) -> Tensor:
    """Do what `measures.pitch` does to sound, for a batch [b, n * 80], in torch: [b, 374, n]."""
    n = x.shape[1] // pitch.HOP
    padded = functional.pad(x, (pitch.LONG // 2, pitch.LONG // 2))
    shapes, levels = [], []
    for width, bins in ((pitch.LONG, pitch.LONG_BINS), (pitch.SHORT, pitch.SHORT_BINS)):
        frames = padded[:, (pitch.LONG - width) // 2 :].unfold(1, width, pitch.HOP)[:, :n]
        spectrum = torch.fft.rfft(frames * torch.hann_window(width))[..., bins]
        power = torch.view_as_real(spectrum).square().sum(-1)
        mean = power.mean(-1, keepdim=True) + pitch.TINY
        shapes.append((power / mean + pitch.FLOOR).log())
        level = mean.log().transpose(1, 2)
        reach = pitch.LEVEL_REACH
        top = functional.max_pool1d(level, 2 * reach + 1, 1, reach)
        levels.append((level - top).clamp(min=pitch.LEVEL_DEPTH).transpose(1, 2))
    return torch.cat([*shapes, *levels], -1).transpose(1, 2)


class Network(nn.Module):
    """A frame's spectra into 96 channels, five convolutions over time, 80 steps and voicing."""

    def __init__(self, channels: int = CHANNELS, dilations: Sequence[int] = DILATIONS) -> None:
        super().__init__()
        self.register_buffer("mu", torch.zeros(pitch.FEATURES, 1))
        self.register_buffer("sd", torch.ones(pitch.FEATURES, 1))
        self.inp = nn.Conv1d(pitch.FEATURES, channels, 1)
        self.mid = nn.ModuleList(
            [nn.Conv1d(channels, channels, 3, padding=d, dilation=d) for d in dilations]
        )
        self.out = nn.Conv1d(channels, pitch.STEPS + 1, 1)

    def forward(self, f: Tensor) -> Tensor:
        """Answer [b, 81, n] to features [b, 374, n]."""
        x = torch.relu(self.inp((f - self.mu) / self.sd))
        for layer in self.mid:
            x = x + torch.relu(layer(x))
        return self.out(x)


class Shipped(nn.Module):
    """The same with frames first, scaling folded in, and nothing between segments."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        weight = network.inp.weight[:, :, 0] / network.sd[:, 0]
        self.bias = nn.Parameter(network.inp.bias - (weight @ network.mu)[:, 0])
        self.weight = nn.Parameter(weight.T.contiguous())

    def forward(self, f: Tensor, there: Tensor) -> Tensor:
        """Answer [1, 81, n] to features [1, n, 374] where `there` [1, 1, n] is 1."""
        x = torch.relu(f @ self.weight + self.bias).transpose(1, 2) * there
        for layer in self.network.mid:
            x = (x + torch.relu(layer(x))) * there
        return self.network.out(x)


def _loss(answer: Tensor, confidence: Tensor, line: Tensor, weight: Tensor) -> Tensor:
    voicing = functional.binary_cross_entropy_with_logits(answer[:, pitch.STEPS], confidence)
    at = (line - LOW) / STEP
    steps = torch.arange(pitch.STEPS)[None, :, None]
    target = torch.exp(-0.5 * ((steps - at[:, None]) / BLUR) ** 2)
    target = target / (target.sum(1, keepdim=True) + 1e-9)
    miss = -(target * torch.log_softmax(answer[:, : pitch.STEPS], 1)).sum(1)
    inside = (at > -0.5) & (at < pitch.STEPS - 0.5)
    weight = weight * (confidence > 0.3) * confidence * inside
    return 2 * voicing + 0.5 * (miss * weight).sum() / (weight.sum() + 1)


class _Pools:
    """Crops of 4 s out of one pool at a time, each once through, round and round.

    Pools may be added while the training runs.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.rng = np.random.default_rng(0)
        self.turn = -1
        self.left = 0

    def batch(self) -> list[Tensor]:
        if self.left <= 0:
            files = sorted(glob.glob(self.pattern))  # noqa: PTH207
            self.turn = (self.turn + 1) % len(files)
            z = np.load(files[self.turn])
            self.pool = [z[n] for n in ("samples", "confidence", "log_f0", "weight")]
            self.left = len(self.pool[1])
        self.left -= CROP * BATCH
        starts = self.rng.integers(0, len(self.pool[1]) - CROP, BATCH)
        out = []
        for values, size in zip(self.pool, (pitch.HOP, 1, 1, 1), strict=True):
            cut = np.stack([values[i * size : (i + CROP) * size] for i in starts])
            out.append(torch.from_numpy(cut.astype(np.float32)))
        out[0] /= 32768
        return out


def train(pattern: str, out: Path, minutes: float, rate: float = 3e-3, start: str = "") -> None:
    """Train for a time (one thread); keep the running average of the weights."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    pools, network = _Pools(pattern), Network()
    if start:
        network.load_state_dict(torch.load(start))
    else:
        sample = torch.cat([features(pools.batch()[0]) for _ in range(4)])
        network.mu.copy_(sample.mean((0, 2))[:, None])
        network.sd.copy_(sample.std((0, 2))[:, None].clamp(min=0.3))
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    average = {k: v.clone() for k, v in network.state_dict().items()}
    began, step, total = time.monotonic(), 0, 0.0
    while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
        lr = rate * 0.5 * (1 + math.cos(math.pi * done)) * min(1, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = lr
        x, confidence, line, weight = pools.batch()
        f = features(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer = network(f)
        loss = _loss(answer.float(), confidence, line, weight)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].mul_(keep).add_(value, alpha=1 - keep)
        step, total = step + 1, total + loss.item()
        if step % 200 == 0:
            print(
                f"{100 * done:.0f} %, {step * CROP * BATCH / 1e6:.1f} M frames, {total / 200:.4f}"
            )
            torch.save(average, out)
            total = 0.0
    torch.save(average, out)


def check(clips: Sequence[Clip], weights: Path) -> dict[str, dict[str, float]]:
    """Compare with the labels of unseen voices: as they are, over a line, and with 15 dB noise."""
    import soxr

    network = Network()
    network.load_state_dict(torch.load(weights))
    rng = np.random.default_rng(5)
    counts: dict[str, Any] = {"clean": 0, "telephone": 0, "telephone, 15 dB": 0}
    band = signal.butter(4, [300, 3400], "band", fs=degrade.RATE_HZ, output="sos")
    for clip in clips:
        clean = soxr.resample(clip.samples, 16000, degrade.RATE_HZ)
        n = min(len(clean) // pitch.HOP, len(clip.confidence) * 100 // LABEL_HZ)
        if n < 20:
            continue
        clean = clean[: n * pitch.HOP].astype(float)
        line = signal.sosfilt(band, clean)
        line = degrade.mu_law(0.5 * line / np.abs(line).max())
        hiss = degrade.noise(rng, len(line), clips) * line.std() * 10 ** (-15 / 20)
        at = np.arange(n) * LABEL_HZ / 100
        near = np.clip(np.round(at).astype(int), 0, len(clip.log_f0) - 1)
        truth = np.interp(at, np.arange(len(clip.confidence)), clip.confidence) > 0.5
        for way, y in zip(counts, (clean, line, line + hiss), strict=True):
            with torch.no_grad():
                answer = network(features(torch.from_numpy(y.astype(np.float32))[None]))
            f0, odds, inside = pitch.decode(answer[0].T.numpy())
            voiced = inside & (odds > 0)
            gross = np.abs(np.log(f0) - clip.log_f0[near]) > math.log(1.2)
            wrong = [voiced & ~truth, truth & ~voiced, truth & voiced & gross]
            counts[way] = counts[way] + np.array([n, *(w.sum() for w in wrong)])
    names = ("false_voiced", "missed_voiced", "gross")
    return {
        way: {"frame_error": c[1:].sum() / c[0], **dict(zip(names, c[1:] / c[0], strict=True))}
        for way, c in counts.items()
    }


def export(weights: Path, out: Path, about: dict[str, str]) -> None:
    """Write the ONNX file (opset 17, IR 8) with what it says about itself."""
    import onnx

    network = Network()
    network.load_state_dict(torch.load(weights))
    example = torch.zeros(1, 50, pitch.FEATURES), torch.ones(1, 1, 50)
    torch.onnx.export(
        Shipped(network).eval(),
        example,
        str(out),
        input_names=["features", "there"],
        output_names=["answer"],
        dynamic_axes={"features": {1: "n"}, "there": {2: "n"}, "answer": {2: "n"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(out)
    model.producer_name, model.producer_version = "prosody", ""
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, out)
