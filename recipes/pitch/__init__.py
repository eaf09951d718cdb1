"""The recipe of ``models/pitch.onnx``; run from a checkout, never at the user's.

    python -m recipes.pitch label SPEECH.toml labels.npz  # SwiftF0 hears them
    python -m recipes.pitch pool labels.npz pool01.npz --seed 1 --hours 2.5
    python -m recipes.pitch train 'pool*.npz' weights.pt --minutes 60
    python -m recipes.pitch check labels.npz weights.pt  # unseen voices
    python -m recipes.pitch export weights.pt models/pitch.onnx

It needs torch, swift-f0, pyworld and onnx beside the project. ``SPEECH.toml`` names the speech;
``recipes/pitch/speech.toml`` is the list that made the shipped file. The laryngograph
sentences of ``benchmarks pitch`` take no part in any step.
"""
