"""The command line as a whole: quick to answer, and every command explained."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from prosody.cli import COMMANDS, app
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
GROUP = typer.main.get_command(app)
NAMES = sorted(GROUP.commands)
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
DOCS = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.exists())

# What must not load before it is needed: each costs more than the whole of `prosody --help` may.
HEAVY = {"librosa", "numba", "onnxruntime", "numpy", "scipy", "matplotlib", "soundfile", "soxr",
         "earshot", "av", "pyarrow", "openpyxl", "onnx", "pandas"}  # fmt: skip


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["analyze", "--help"]])
def test_help_loads_nothing_heavy(args):
    code = (
        "import sys, json\n"
        "from prosody.cli import main\n"
        f"sys.argv = ['prosody', *{args!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.strip().splitlines()[-1]))
    assert "typer" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(("given", "found"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_every_command_has_one_thread_for_arithmetic_unless_told(given, found):
    code = (
        "import os, sys\n"
        "from prosody.cli import main\n"
        "sys.argv = ['prosody', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    print(os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**kept, **given})  # fmt: skip
    assert done.stdout.split()[-1] == found


def test_import_prosody_loads_nothing_heavy():
    code = "import sys, prosody; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY


def test_every_command_file_is_registered_and_every_name_has_its_file():
    files = {p.stem for p in (ROOT / "cli").glob("*.py") if not p.stem.startswith("_")}
    assert set(COMMANDS) == files
    assert len(NAMES) >= len(files)


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command_says_what_it_does_and_shows_an_example(name):
    command = GROUP.commands[name]
    done = CliRunner().invoke(app, [name, "--help"], prog_name="prosody")
    assert done.exit_code == 0
    assert len((command.help or "").split()) >= 5
    if getattr(command, "commands", None):  # a group: its members have the examples
        return
    example = re.search(r"Example: +(prosody \S.*)", command.epilog or "")
    assert example, f"prosody {name} --help ends without 'Example: prosody {name} ...'"
    assert example[1].split()[1] == name


@pytest.mark.parametrize("name", NAMES)
def test_options_of_the_example_exist(name):
    command = GROUP.commands[name]
    known = {opt for p in command.params for opt in (*p.opts, *p.secondary_opts)} | {"--help"}
    used = set(re.findall(r"(?<!\S)(--[a-z][a-z-]*)", command.epilog or ""))
    assert used <= known


@pytest.mark.parametrize("name", NAMES)
def test_every_command_stands_in_the_documents(name):
    assert re.search(rf"prosody {name}\b", DOCS), f"README.md and docs/ do not name prosody {name}"


def test_the_list_of_commands_cuts_no_sentence_off():
    done = CliRunner().invoke(app, ["--help"], prog_name="prosody", terminal_width=80)
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_every_option_has_a_help_text():
    bare = [
        f"{name} {'/'.join(p.opts)}"
        for name in NAMES
        for p in GROUP.commands[name].params
        if p.param_type_name == "option" and not getattr(p, "help", None)
    ]
    assert not bare


def test_an_unknown_command_is_a_usage_error():
    assert CliRunner().invoke(app, ["analyse-all"]).exit_code == 2


def test_command_modules_import_only_light_things_at_the_top():
    heavy = []
    for path in (ROOT / "cli").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = (
                [a.name for a in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )  # fmt: skip
            heavy += [f"{path.name}: {n}" for n in names if n.split(".")[0] in HEAVY]
    assert not heavy


MISUSED = [
    (("analyze", "--nope"), "Er is geen optie --nope"),
    (("analyze", "--worker", "2"), "--workers?"),
    (("report",), "Er ontbreekt een argument: 'DIR'."),
    (("analyze", "--clips=3"), "Achter optie '--clips' hoort geen waarde."),
    (("analyze", "--workers", "x"), "Onjuiste waarde voor '--workers': "),
    (("analyze", "--workers", "-1"), "Onjuiste waarde voor '--workers': "),
    (("coach", "--port", "99999"), "Onjuiste waarde voor '--port': "),
    (("report", "a", "b"), "Dit hoort er niet bij: b"),
    (("analyse",), "Er is geen opdracht 'analyse'"),
]


@pytest.mark.parametrize(("args", "said"), MISUSED)
def test_a_wrong_command_line_is_said_in_the_readers_language(args, said, monkeypatch, capsys):
    import prosody.cli

    def misused(*more):
        monkeypatch.setattr(sys, "argv", ["prosody", *args, *more])
        with pytest.raises(SystemExit) as stopped:
            prosody.cli.main()
        assert stopped.value.code == 2
        return capsys.readouterr().err

    dutch, english = misused("--lang", "nl"), misused()
    assert said in dutch
    assert "Fout: " in dutch
    for word in ("Error", "Usage", "Try ", "Input should", "Invalid", "Missing", "No such"):
        assert word not in dutch, word
    assert "Error: " in english
    assert english == misused("--lang", "xx") or "analyse" in args  # no table: as it is


def test_what_is_not_known_of_a_wrong_command_line_stays_as_it_is():
    from prosody.message import usage

    assert usage("Error: A new sentence.\n", "nl") == "Fout: A new sentence.\n"
    assert usage("Something {else}.\n", "nl") == "Something {else}.\n"
    assert usage("Error: No such option: {x}\n", "nl") == "Fout: Er is geen optie {x}.\n"


def test_a_right_command_line_ends_as_ever_in_any_language(monkeypatch, capsys):
    import prosody.cli

    monkeypatch.setattr(sys, "argv", ["prosody", "analyze", "--lang", "nl", "--help"])
    with pytest.raises(SystemExit) as stopped:
        prosody.cli.main()
    assert not stopped.value.code
    assert "--out" in capsys.readouterr().out
