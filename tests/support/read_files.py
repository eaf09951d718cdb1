"""Read the files of a folder one after the other, as a run does; a line per file, nothing else.

Run as a process of its own by ``test_hostile.py``, under limits on memory and time, so that a crash
of a decoder is seen as one. ``ok``, or the code of the refusal, and the file's name.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from prosody.audio.recording import CODES, Recording, content_hash
from prosody.errors import RecordingError


def read(path: Path) -> str:
    try:
        with Recording(path) as recording:
            info = recording.info
            count = 0
            for block in recording.blocks():
                assert block.shape[0] == info.channels
                assert block.dtype == "float32"
                count += block.shape[1]
            for channel in range(info.channels):
                window = recording.read(0.1, 0.3, channel)
                assert len(window) <= round(0.3 * info.sr_hz) + 1
            assert count > 0
            return "ok"
    except RecordingError as error:
        refused = error
    said = refused.message.replace(str(path), "")
    assert refused.code in CODES, refused.code
    assert refused.remedy, refused.code
    assert "\n" not in said, said
    return refused.code


def main() -> None:
    if sys.platform != "win32":
        import resource

        limit = int(sys.argv[2]) << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for path in sorted(Path(sys.argv[1]).iterdir()):
        sys.stdout.write(f"begin {path.name}\n")
        sys.stdout.flush()
        started = time.perf_counter()
        code = read(path)
        content_hash(path)
        sys.stdout.write(f"end {code} {time.perf_counter() - started:.3f} {path.name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
