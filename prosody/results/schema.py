"""JSON Schemas of the rows: made from the same tables as the rows.

``python -m prosody.results.schema DIR`` writes them; docs/schema.md says what changed from version
to version. The version rises with every change that a reader of the files could notice.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from prosody.measures import table
from prosody.measures.conversation import AROUND, COLUMNS, CUSTOMER_VOICE
from prosody.results.records import AXES, GATES, RULES, SCHEMA_VERSION

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_NUMBER = {"type": ["number", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_FLAG = {"type": ["boolean", "null"]}
_ROLE = {"enum": ["agent", "customer", "unknown"]}
_HASH = {"type": "string", "pattern": "^([0-9a-f]{64})?$"}
_STATUS = ("met", "not_met", "cannot_tell", "shown")
VERDICTS = ("sincere", "forced", "unclear")


def _closed(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _listed(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_REMARK = _closed({"code": {"type": "string", "minLength": 1}, "text": _TEXT})
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}


def _axis() -> dict[str, Any]:
    numbers = {name: {"type": "number"} for name in ("rating", "sd", "low", "high", "bias")}
    return {
        "type": ["object", "null"],
        "properties": {
            **numbers,
            "p": _PROBABILITY,
            "contributions": {"type": "object", "additionalProperties": {"type": "number"}},
        },
        "required": ["rating", "sd", "low", "high", "p", "contributions"],
        "additionalProperties": False,
    }


def _animation() -> dict[str, Any]:
    numbers = {name: {"type": "number"} for name in ("value", "sd", "low", "high")}
    return {
        **_closed({
            **numbers,
            "p": _PROBABILITY,
            "word": {"enum": ["flatter", "usual", "livelier"]},
            "contributions": {"type": "object", "additionalProperties": {"type": "number"}},
        }),
        "type": ["object", "null"],
    }  # fmt: skip


def _compared() -> dict[str, Any]:
    found = dict.fromkeys(("p", "low", "high"), _PROBABILITY)
    return {**_closed({**found, "others": _COUNT}), "type": ["object", "null"]}


def _rule() -> dict[str, Any]:
    place = {"start_s": _NUMBER, "end_s": _NUMBER, "text": _TEXT, "role": _ROLE}
    stretch = _closed({**place, "agent_speaker": _TEXT}, optional=("agent_speaker",))
    return {
        "type": "object",
        "properties": {
            "rule": {"enum": list(RULES)},
            "status": {"enum": list(_STATUS)},
            "words": _listed(stretch),
            "flagged": {"type": "boolean"},
            "advice": _TEXT,
            "remark": _TEXT,
        },
        "required": ["rule", "status", "words", "flagged", "advice", "remark"],
    }


def _conduct() -> dict[str, Any]:
    # Empty where there were no words (clips, windows without a transcript).
    return {
        "type": "object",
        "properties": {rule: _rule() for rule in RULES},
        "additionalProperties": False,
    }


def apology(*, measures_only: bool = False) -> dict[str, Any]:
    """Return the schema of a line of ``apologies.jsonl``."""
    identity = {
        "recording": _TEXT, "recording_sha256": _HASH, "call_id": _TEXT, "started_at": _TEXT,
        "agent": _TEXT, "agent_speaker": _TEXT, "team": _TEXT, "language": _TEXT,
        "channel": {"type": "integer", "minimum": 0}, "role": _ROLE,
        "start_s": {"type": "number", "minimum": 0}, "end_s": {"type": "number", "minimum": 0},
        "text": _TEXT, "form": _TEXT, "i_form": _FLAG,
        "source": {"enum": ["windows", "transcript", "clips", "asr"]},
    }  # fmt: skip
    judged = {
        "verdict": {"enum": [*VERDICTS, None]},
        "kind": {"enum": ["put_on", "recited", None]},
        "hint": {"enum": ["recited", None]},
        **{axis: _axis() for axis in AXES},
        "animation": _animation(),
        "p_more_sincere_than_own_usual": _compared(),
        "reasons": _listed(
            {
                "type": "object",
                "properties": {"measure": _TEXT, "text": {"type": "string", "minLength": 1}},
                "required": ["measure", "text"],
            }
        ),
    }
    rest = {
        "gates": _listed({"enum": list(GATES)}),
        "remarks": _listed(_REMARK),
        "baseline_s": {"type": "number", "minimum": 0},
        "snr_db": _NUMBER,
        "measures": _closed(dict.fromkeys(table.NAMES, _NUMBER)),
        "relative": _closed(dict.fromkeys(table.RELATIVE_NAMES, _NUMBER)),
        "conduct": _conduct(),
        "around": _closed(
            dict.fromkeys((*AROUND, *CUSTOMER_VOICE), _NUMBER), optional=CUSTOMER_VOICE
        ),
    }
    shape = _closed({**identity, **({} if measures_only else judged), **rest})
    if not measures_only:
        # A gated apology has no verdict, and one without a gate has one.
        shape["if"] = {"properties": {"gates": {"maxItems": 0}}}
        shape["then"] = {"properties": {"verdict": {"type": "string"}}}
        shape["else"] = {"properties": {"verdict": {"type": "null"}}}
    return {"$schema": _DRAFT, "title": "apology", "version": SCHEMA_VERSION, **shape}


def recording(*, measures_only: bool = False) -> dict[str, Any]:
    """Return the schema of a line of ``recordings.jsonl``."""
    act = {
        "type": "object",
        "properties": {
            "act": {"enum": ["apology", "repair", "sympathy", "interruption"]},
            "role": _ROLE, "start_s": _NUMBER, "end_s": _NUMBER, "form": _TEXT, "text": _TEXT,
            "agent_speaker": _TEXT,
        },
        "required": ["act", "role", "start_s", "end_s", "form", "text"],
    }  # fmt: skip
    track = _closed(
        {"file": _TEXT, "sha256": _HASH, "channel": {"type": "integer", "minimum": 0},
         "role": _ROLE, "offset_s": {"type": "number", "minimum": 0}}
    )  # fmt: skip
    properties = {
        "recording": _TEXT, "call_id": _TEXT,
        "status": {"enum": ["ok", "no_apology", "poor_words", "failed"]},
        "code": _TEXT, "message": _TEXT, "remedy": _TEXT, "recording_sha256": _HASH,
        "duration_s": _NUMBER, "sr_hz": {"type": ["integer", "null"]},
        "channels": {"type": ["integer", "null"]}, "format": _TEXT,
        "roles": {"type": "object", "additionalProperties": _ROLE},
        "tracks": _listed(track),
        "language": _TEXT, "source": {"enum": ["", "windows", "transcript", "clips", "asr"]},
        "started_at": _TEXT, "agent": _TEXT, "team": _TEXT,
        "apologies": _COUNT, "judged": _COUNT, "withheld": _COUNT,
        "complaint": _FLAG, "complaint_without_apology": _FLAG, "baseline_s": _NUMBER,
        "baseline": {"type": "object", "additionalProperties": _NUMBER},
        "acts": _listed(act), "conduct": _conduct(), "remarks": _listed(_REMARK),
        # Empty where it is not known who speaks.
        "conversation": {"type": "object", "additionalProperties": False,
                         "properties": dict.fromkeys(COLUMNS, _NUMBER)},
    }  # fmt: skip
    if measures_only:
        properties.pop("judged")
    shape = _closed(properties)
    # A failure says what it is and what to do.
    filled = {"type": "string", "minLength": 1}
    shape["if"] = {"properties": {"status": {"const": "failed"}}}
    shape["then"] = {"properties": {"code": filled, "message": filled, "remedy": filled}}
    shape["else"] = {"properties": {"code": {"const": ""}}}
    return {"$schema": _DRAFT, "title": "recording", "version": SCHEMA_VERSION, **shape}


def run() -> dict[str, Any]:
    """Return the schema of ``run.json``."""
    counts = ("recordings", "ok", "no_apology", "poor_words", "failed",
              "complaint_without_apology", "apologies", "judged", "withheld")  # fmt: skip
    model = _closed({"name": _TEXT, "sha256": _HASH, "shipped": {"type": "boolean"}})
    model["type"] = ["object", "null"]
    properties = {
        "schema_version": {"const": SCHEMA_VERSION}, "prosody_version": _TEXT,
        "finished_at": _TEXT, "seconds": {"type": "number", "minimum": 0}, "python": _TEXT,
        "system": _TEXT,
        "packages": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        "model": model, "settings": {"type": "object"}, "settings_sha256": _HASH,
        "command": {"type": "object"}, "complete": {"type": "boolean"}, "inputs": _COUNT,
        "reused": _COUNT, "note": _TEXT,
        "counts": _closed(dict.fromkeys(counts, _COUNT), optional=("judged", "poor_words")),
        "merged": _closed({"parts": _COUNT, "double": _COUNT}), "forgotten": _COUNT,
        "files": {"type": "object", "additionalProperties": _HASH},
        "journal_saved": _COUNT,
        "recogniser": _closed({"name": _TEXT, "digest": _HASH, "device": _TEXT}),
        # Folders that the recordings' names start from; a mark of the key of the pseudonyms; of a
        # part of a run, what it is a part of.
        "roots": {"type": "array", "items": _TEXT}, "pseudonym_key": _TEXT,
        "cover": {"anyOf": [
            {"type": "null"}, _closed({"shard": _TEXT, "calls": _COUNT, "sha256": _HASH})
        ]},
    }  # fmt: skip
    shape = _closed(
        properties,
        optional=(
            "merged", "forgotten", "journal_saved", "recogniser", "roots", "pseudonym_key", "cover",
        ),
    )  # fmt: skip
    return {"$schema": _DRAFT, "title": "run", "version": SCHEMA_VERSION, **shape}


def files() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its file."""
    return {
        "apology.schema.json": apology(),
        "recording.schema.json": recording(),
        "run.schema.json": run(),
    }


def main(argv: list[str]) -> int:
    """Write the schemas into a folder (``docs/schema`` by default)."""
    folder = Path(argv[0] if argv else "docs/schema")
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in files().items():
        text = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
