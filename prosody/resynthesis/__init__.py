"""The same voice with one thing changed: a vocoder (WORLD), and what can be changed with it.

``vocoder`` takes a sound apart into pitch, spectral envelope and noise, and puts it together again;
``changes`` are pure functions from one such `Voice` to another. Every change is told against the
*unchanged resynthesis*, never against the recording: taking apart and putting together moves
measures a little by itself (``python -m benchmarks twins``).

Needs ``pyworld`` (the extra ``studio``); `vocoder.available` says whether it is there.
"""
