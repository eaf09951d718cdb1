"""How ``models/activity.onnx`` and ``models/music.onnx`` were made; see ``models/ACTIVITY.md``.

Needs torch, onnx and the weights in the package ``silero-vad`` (``pip install --no-deps
silero-vad``), none of which prosody needs at run time. From the root of a checkout::

    python -m recipes.activity clips clips.npz          # speech with labels, music
    python -m recipes.activity mix clips.npz train-0.npz --seed 0 --sides 160
    python -m recipes.activity mix clips.npz apart.npz --seed 9 --sides 60 --apart
    python -m recipes.activity train 'train-*.npz' weights.pt --minutes 6
    python -m recipes.activity check weights.pt apart.npz
    python -m recipes.activity export weights.pt models
"""
