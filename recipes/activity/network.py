"""The two networks, their training, their check on sides kept apart, and their way into ONNX."""

from __future__ import annotations

import glob
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from prosody.audio import activity

DILATIONS, MUSIC_DILATIONS = (1, 2, 4, 8, 16), (1, 2, 4, 8)
RATE, BATCH = 4e-3, 12
Batch = tuple[Tensor, ...]  # features [b, k, n], near [b, n], speech [b, 2n], music and sure [b, m]


def _layers(width: int, dilations: tuple[int, ...]) -> nn.ModuleList:
    return nn.ModuleList([nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in dilations])


class Network(nn.Module):
    """Frames to 32 channels and two scores of speech; groups of frames to a score of music."""

    def __init__(self, width: int = activity.HIDDEN) -> None:
        super().__init__()
        self.inp = nn.Conv1d(activity.FEATURES, width, 1)
        self.mid = _layers(width, DILATIONS)
        self.out = nn.Conv1d(width, 2, 1)
        self.minp = nn.Conv1d(2 * width + 1, width, 1)
        self.mmid = _layers(width, MUSIC_DILATIONS)
        self.mout = nn.Conv1d(width, 1, 1)

    def frames(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return log odds of speech [b, 2, n] and hidden [b, 32, n] of features [b, 28, n]."""
        x = torch.relu(self.inp(x))
        for layer in self.mid:
            x = x + torch.relu(layer(x))
        return self.out(x), x

    def groups(self, x: Tensor) -> Tensor:
        """Return log odds of music [b, m] of groups [b, 65, m]."""
        x = torch.relu(self.minp(x))
        for layer in self.mmid:
            x = x + torch.relu(layer(x))
        return self.mout(x)[:, 0]

    def forward(self, x: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
        """Return log odds of speech [b, 2n] and of music [b, m]."""
        speech, hidden = self.frames(x)
        return speech.transpose(1, 2).flatten(1), self.groups(pooled(hidden, near))


def pooled(hidden: Tensor, near: Tensor) -> Tensor:
    """Do what `activity` does: mean and spread over the frames of each group that are near."""
    size = activity.GROUP
    m = hidden.shape[2] // size
    weight = near[:, None, : m * size].unflatten(2, (m, size))
    x = hidden[:, :, : m * size].unflatten(2, (m, size))
    count = weight.sum(-1)
    mean = (x * weight).sum(-1) / (count + 1e-3)
    power = (x * x * weight).sum(-1) / (count + 1e-3)
    spread = torch.sqrt((power - mean**2).clamp(min=0) + 1e-4)
    return torch.cat([mean, spread, count / size], 1)


class Frames(nn.Module):
    """The first network as it is shipped: rows are frames."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores [1, n, 2] and hidden [1, n, 32] of features [1, n, 28]."""
        speech, hidden = self.network.frames(features.transpose(1, 2))
        return torch.sigmoid(speech).transpose(1, 2), hidden.transpose(1, 2)


class Groups(nn.Module):
    """The second network as it is shipped."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, groups: Tensor) -> Tensor:
        """Return scores [1, m] of groups [1, m, 65]."""
        return torch.sigmoid(self.network.groups(groups.transpose(1, 2)))


def _batch(z: dict[str, np.ndarray], rows: np.ndarray) -> Batch:
    features = z["features"][rows].astype(np.float32)
    n = features.shape[1]
    m = n // activity.GROUP
    music, sure = (
        z[k][rows, : 16 * m].reshape(len(rows), m, 16).mean(2) for k in ("music", "sure")
    )
    parts = (features.transpose(0, 2, 1), z["near"][rows], z["speech"][rows, : 2 * n], music, sure)
    return tuple(torch.from_numpy(np.ascontiguousarray(p, np.float32)) for p in parts)


def _batches(pattern: str) -> Iterator[Batch]:
    rng = np.random.default_rng(0)
    while True:
        files = sorted(glob.glob(pattern))  # noqa: PTH207
        rng.shuffle(files)
        for file in files:
            z = dict(np.load(file))
            order = rng.permutation(len(z["near"]))
            for lo in range(0, len(order) - BATCH + 1, BATCH):
                yield _batch(z, order[lo : lo + BATCH])


def _losses(network: Network, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, near, speech, music, sure = batch
    says, plays = network(x, near)
    heard = near.repeat_interleave(2, 1)
    loss = functional.binary_cross_entropy_with_logits(says, speech, reduction="none")
    first = (loss * heard).sum() / heard.sum()
    sure = sure * ((music < 0.25) | (music > 0.75))
    loss = functional.binary_cross_entropy_with_logits(plays, music, reduction="none")
    return first, (loss * sure).sum() / sure.sum(), says, plays


def train(pattern: str, out: Path, minutes: float, start: str = "", rate: float = RATE) -> None:
    """Train for so many minutes of CPU (one thread); keep the running average of the weights."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = Network()
    if start:
        network.load_state_dict(torch.load(start))
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    average = {k: v.clone() for k, v in network.state_dict().items()}
    batches, began, step = _batches(pattern), time.process_time(), 0
    while (done := (time.process_time() - began) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done)) * min(1, (step + 1) / 50)
        speech, music, _, _ = _losses(network, next(batches))
        optimiser.zero_grad()
        (speech + 0.5 * music).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(0.995, step / (step + 20))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].mul_(keep).add_(value, alpha=1 - keep)
        if step % 200 == 0:
            print(f"{100 * done:.0f} %, loss {speech.item():.3f} {music.item():.3f}", flush=True)
            torch.save(average, out)
    torch.save(average, out)


def check(weights: Path, pattern: str) -> dict[str, float]:
    """Return the shares of frames and groups that are wrong, where the label is sure."""
    network = Network()
    network.load_state_dict(torch.load(weights))
    counts = np.zeros(8)
    for file in sorted(glob.glob(pattern)):  # noqa: PTH207
        z = dict(np.load(file))
        batch = _batch(z, np.arange(len(z["near"])))
        with torch.no_grad():
            _, _, says, plays = _losses(network, batch)
        speech, music, sure = (b.numpy() for b in batch[2:])
        heard = batch[1].repeat_interleave(2, 1).numpy() > 0
        on, off = speech > 0.9, speech < 0.1
        plain, none = (music > 0.9) & (sure > 0.99), (music < 0.1) & (sure > 0.99)
        says, plays = (says.numpy() > 0) & heard, plays.numpy() > 0
        counts += [
            *((~says & on).sum(), on.sum(), (says & off).sum(), off.sum()),
            *((~plays & plain).sum(), plain.sum(), (plays & none).sum(), none.sum()),
        ]
    names = (
        "speech missed",
        "speech where there is none",
        "music missed",
        "music where there is none",
    )
    return dict(zip(names, counts[::2] / counts[1::2], strict=True))


def export(weights: Path, folder: Path, about: dict[str, str]) -> None:
    """Write both ONNX files (opset 17) with what they say about themselves."""
    import onnx

    network = Network().eval()
    network.load_state_dict(torch.load(weights))
    width = 2 * activity.HIDDEN + 1
    for name, part, size, given, made in (
        ("activity", Frames(network), activity.FEATURES, "features", ["speech", "hidden"]),
        ("music", Groups(network), width, "groups", ["music"]),
    ):
        path = folder / f"{name}.onnx"
        torch.onnx.export(
            part, torch.zeros(1, 90, size), str(path), input_names=[given], output_names=made,
            dynamic_axes={k: {1: "n"} for k in (given, *made)}, opset_version=17, dynamo=False,
        )  # fmt: skip
        model = onnx.load(path)
        model.producer_name, model.producer_version = "prosody", ""
        onnx.helper.set_model_props(model, about)
        onnx.checker.check_model(model)
        onnx.save(model, path)
