"""The recipe of ``models/pitch.onnx``; run from a checkout, never at the user's.

    python -m prosody.models.pitch_recipe label SPEECH.toml labels.npz  # SwiftF0 hears them
    python -m prosody.models.pitch_recipe pool labels.npz pool01.npz --seed 1 --hours 2.5
    python -m prosody.models.pitch_recipe train 'pool*.npz' weights.pt --minutes 60
    python -m prosody.models.pitch_recipe check labels.npz weights.pt  # unseen voices
    python -m prosody.models.pitch_recipe export weights.pt models/pitch.onnx

It needs torch, swift-f0, pyworld and onnx beside the project. ``SPEECH.toml`` names the speech;
``models/pitch_recipe/speech.toml`` is the list that made the shipped file. The laryngograph
sentences of ``benchmarks pitch`` take no part in any step.
"""
