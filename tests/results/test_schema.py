"""Every row that comes out fits its JSON Schema; the published schemas are those of the code."""

from __future__ import annotations

import copy
import json

import pytest
import running
from command import prosody
from places import ROOT, SAMPLES

from prosody.results import records, schema

jsonschema = pytest.importorskip("jsonschema")


def fits(shape, value):
    validator = jsonschema.Draft202012Validator(shape)
    found = list(validator.iter_errors(value))
    assert not found, "\n".join(f"{e.json_path}: {e.message[:300]}" for e in found)


def hold(out, *, measures_only=False):
    for row in running.rows(out / "apologies.jsonl"):
        fits(schema.apology(measures_only=measures_only), row)
    for line in running.rows(out / "recordings.jsonl"):
        fits(schema.recording(measures_only=measures_only), line)
    fits(schema.run(), json.loads((out / "run.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    for path in SAMPLES.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "text.wav").write_text("this is no sound")
    (folder / "empty.wav").write_bytes(b"")
    wav = (SAMPLES / "1-plain-apology-nl.wav").read_bytes()
    (folder / "cut.wav").write_bytes(wav[:30000])
    (folder / "alone.wav").write_bytes(wav)
    out = tmp_path_factory.mktemp("run") / "out"
    done = prosody("analyze", folder, "--out", out)
    assert done.returncode == 1, done.stderr
    return out


def test_every_row_of_a_run_with_failures_fits(out):
    hold(out)
    codes = {line["code"] for line in running.rows(out / "recordings.jsonl")}
    assert codes >= {"", "not_audio", "empty", "truncated"}
    assert len(codes) == 5  # alone.wav, which nothing says where the apologies are in


@pytest.mark.slow
def test_rows_without_judgement_fit(tmp_path):
    done = prosody("analyze", SAMPLES, "--measures-only", "--lang", "nl", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    hold(tmp_path, measures_only=True)


@pytest.mark.slow
def test_gated_clips_fit(tmp_path):
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "noise.wav", 0.1 * rng.standard_normal(8000), 8000)
    soundfile.write(tmp_path / "zeros.wav", np.zeros(8000), 8000)
    soundfile.write(tmp_path / "short.wav", 0.1 * rng.standard_normal(1600), 8000)
    done = prosody("analyze", tmp_path, "--clips", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    hold(tmp_path / "out")
    gated = [row for row in running.rows(tmp_path / "out" / "apologies.jsonl") if row["gates"]]
    assert gated
    assert all(row["verdict"] is None for row in gated)


def test_the_schema_refuses_what_must_not_be(out):
    row = running.rows(out / "apologies.jsonl")[0]
    validator = jsonschema.Draft202012Validator(schema.apology())
    for change in (
        {"verdict": "insincere"}, {"verdict": None}, {"gates": ["clipped"]}, {"extra": 1},
        {"start_s": -1}, {"recording_sha256": "x"}, {"measures": {}},
    ):  # fmt: skip
        assert list(validator.iter_errors({**copy.deepcopy(row), **change})), change


def test_the_published_schemas_are_those_of_the_code():
    for name, made in schema.files().items():
        path = ROOT / "docs" / "schema" / name
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(made)), (
            f"{path.name} is old: python -m prosody.results.schema"
        )


def test_the_schemas_are_schemas_and_their_page_names_their_version():
    for made in schema.files().values():
        jsonschema.Draft202012Validator.check_schema(made)
    page = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")
    assert f"## {records.SCHEMA_VERSION}\n" in page
