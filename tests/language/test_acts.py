"""What a "sorry" does: the lexicons' own examples, context, windows, and any language."""

import json
import math

import pytest
from places import ROOT

from benchmarks import acts as benchmark
from prosody.errors import SettingsError
from prosody.language import lexicon
from prosody.language.acts import decide, find, find_in_lines
from prosody.language.tokens import tokens
from prosody.transcripts import read
from prosody.transcripts.turns import Turn, Word


def conversation(example):
    """Turns of an example; the two speakers take turns, * marks the one that is judged."""
    parts = example.split(" // ")
    turns = [
        Turn(5.0 * i, 5.0 * i + 4, text.lstrip("*"), "agent" if i % 2 else "customer")
        for i, text in enumerate(parts)
    ]
    return turns, next((i for i, p in enumerate(parts) if p.startswith("*")), 0)


def examples(key):
    return [
        pytest.param(code, rule, line, id=f"{code}-{rule.id}-{line[:40]}")
        for code in ("en", "nl")
        for rule in lexicon.load(code).rules
        for line in getattr(rule, key)
    ]


@pytest.mark.parametrize(("code", "rule", "line"), examples("examples"))
def test_the_rule_decides_its_examples(code, rule, line):
    turns, at = conversation(line)
    assert (rule.act, rule.id) in [(f.kind, f.form) for f in decide(turns, code, at)]


@pytest.mark.parametrize(("code", "rule", "line"), examples("others"))
def test_the_rule_leaves_the_others_alone(code, rule, line):
    turns, at = conversation(line)
    assert rule.id not in [f.form for f in decide(turns, code, at)]


def test_every_act_has_rules_in_every_language():
    for code in lexicon.languages():
        assert {r.act for r in lexicon.load(code).rules} == set(lexicon.ACTS)


@pytest.mark.parametrize(("language", "wrong"), [("en", 18), ("nl", 11)])
def test_of_the_lines_tuned_on_not_one_more_is_wrong(language, wrong):
    parts = benchmark.parts(language)
    rows = parts["tuned_on"] + parts["other"] + parts["spoken"]
    found = benchmark.found(rows, language)
    assert sum(act != got for (act, _), got in zip(rows, found, strict=True)) <= wrong


@pytest.mark.parametrize("language", benchmark.LANGUAGES)
def test_each_wording_that_no_other_line_needs_decides_its_own(language):
    rows = benchmark.lines(language, "{}.each.tsv")
    assert len(rows) >= 18
    assert benchmark.found(rows, language) == [act for act, _ in rows]


@pytest.mark.parametrize("language", benchmark.LANGUAGES)
def test_the_fresh_lines_were_tuned_on_nowhere(language):
    rules = lexicon.load(language).rules
    known = {e.strip("*") for r in rules for e in (*r.examples, *r.others)}
    parts = benchmark.parts(language)
    tuned = {text for _, text in parts["tuned_on"] + parts["other"] + parts["spoken"]}
    for name in ("fresh", "spoken_held_out"):
        fresh = {text for _, text in parts[name]}
        assert len(fresh) >= 50
        assert not fresh & known
        assert not fresh & tuned


def test_only_the_first_look_at_lines_is_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "LOOKS", tmp_path / "looks.json")
    benchmark.LOOKS.write_text('{"results": {}}')
    lines, said = tmp_path / "lines.tsv", tmp_path / "said.tsv"
    lines.write_text("repair\tsorry what was that\nnone\tsorry not sorry\n")
    said.write_text("complaint\tmy parcel has not arrived\nnone\tcan i pay by card\n")
    benchmark.main(["--lines", str(lines), "--language", "en", "--look", "mine"])
    benchmark.main(["--lines", str(said), "--language", "en", "--look", "hers"])
    looks = json.loads(benchmark.LOOKS.read_text())["results"]
    assert (looks["mine"]["lines"], looks["mine"]["right"]) == (2, 1.0)
    assert (looks["hers"]["precision"], looks["hers"]["recall"]) == (1.0, 1.0)
    with pytest.raises(SystemExit, match="only the first look counts"):
        benchmark.main(["--lines", str(lines), "--language", "en", "--look", "mine"])


def timed(text, start=0.0, gap=0.05, role="agent"):
    """Return a turn whose words last 0.3 s each; ``|`` is a pause of 2 s."""
    words, at = [], start
    for word in text.split():
        if word == "|":
            at += 2.0
            continue
        words.append(Word(word, round(at, 3), round(at + 0.3, 3)))
        at += 0.3 + gap
    plain = " ".join(w.text for w in words)
    return Turn(words[0].start_s, words[-1].end_s, plain, role, tuple(words))


@pytest.mark.parametrize(
    ("language", "said", "window"),
    [
        (
            "en",
            "okay so i'm really really sorry about the delay with your order let me check",
            "i'm really really sorry about the delay with your order",
        ),
        ("en", "Right. I do apologise for that, Mrs Patel. One moment.", "I do apologise for that"),
        ("en", "yeah uh sorry uh about that", "sorry uh about that"),
        ("en", "we are sorry that it broke and we will send one", "we are sorry that it broke"),
        ("en", "I'm so sorry. I'm so sorry.", "I'm so sorry. I'm so sorry."),
        ("nl", "ja het spijt me dat u wachtte ik ga kijken", "het spijt me dat u wachtte"),
        ("nl", "Ik maak mijn excuses voor de fout, en nu.", "Ik maak mijn excuses voor de fout"),
        ("nl", "dat mag niet mijn excuses daarvoor ik ga het oplossen", "mijn excuses daarvoor"),
        ("en", "We apologize for what this may cause.", "We apologize for what this may cause."),
        ("en", "sorry it took so long what can i do", "sorry it took so long"),
        ("en", "sorry that i could not help and thanks", "sorry that i could not help"),
        ("nl", "sorry dat ik u moet hinderen ik kan niet", "sorry dat ik u moet hinderen"),
        ("nl", "sorry hoor maar dat kan niet", "sorry hoor"),
    ],
)  # fmt: skip
def test_the_window_is_the_apologising_clause(language, said, window):
    turn = timed(said, start=10.0)
    (act,) = find([turn], language)
    assert act.kind == "apology"
    assert act.text == window
    assert act.has_word_times
    first = said.split().index(window.split()[0])
    assert act.start_s == turn.words[first].start_s
    assert act.end_s == turn.words[first + len(window.split()) - 1].end_s
    assert act.words[0].text == window.split()[0]


def test_without_word_times_the_window_is_the_turn():
    (act,) = find([Turn(3.0, 9.0, "Right. I'm sorry about that. Anyway.", "agent")], "en")
    assert (act.start_s, act.end_s, act.has_word_times) == (3.0, 9.0, False)
    assert act.text == "I'm sorry about that."


def test_several_in_one_breath_are_one():
    near = find([timed("I'm sorry about this I really do apologise")], "en")
    assert [a.kind for a in near] == ["apology"]
    far = find([timed("I'm sorry about this | and | I really do apologise")], "en")
    assert [a.kind for a in far] == ["apology", "apology"]


def test_a_clause_does_not_reach_over_a_long_pause():
    (act,) = find([timed("I'm sorry about | the weather is nice")], "en")
    assert act.text == "I'm sorry about"


def test_a_clause_that_goes_on_in_the_next_segment_is_read_as_one():
    turns = [timed("well i'm so"), timed("sorry about the wait", start=1.2)]
    (act,) = find(turns, "en")
    assert act.text == "i'm so sorry about the wait"
    assert (act.start_s, act.turn) == (turns[0].words[1].start_s, 0)


@pytest.mark.parametrize(
    ("language", "said", "i_form"),
    [
        ("en", "I'm sorry about that", True),
        ("en", "we are sorry about that", False),
        ("en", "sorry about that", None),
        ("en", "our apologies for the wait", False),
        ("en", "my bad", True),
        ("nl", "het spijt me", True),
        ("nl", "het spijt ons zeer", False),
        ("nl", "onze excuses", False),
        ("nl", "sorry hoor", None),
        ("nl", "namens het team bied ik onze excuses aan", False),
    ],
)
def test_i_form(language, said, i_form):
    (act,) = find([Turn(0.0, 2.0, said, "agent")], language)
    assert act.i_form is i_form


def test_sorry_alone_is_a_repair_when_the_other_says_it_again():
    def call(last):
        return [
            Turn(0.0, 3.0, "my number is four five one nine", "customer"),
            Turn(3.2, 3.6, "sorry", "agent"),
            Turn(4.0, 6.0, last, "customer"),
        ]

    assert [a.kind for a in find(call("four five one nine"), "en")] == ["repair"]
    assert [a.kind for a in find(call("that doesn't help me at all"), "en")] == ["apology"]


def test_both_roles_are_searched():
    turns = [timed("sorry what was that", role="customer"), timed("i'm so sorry", start=9.0)]
    assert [(a.role, a.kind) for a in find(turns, "en")] == [
        ("customer", "repair"),
        ("agent", "apology"),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "im sorry about the delay", "I'M SORRY ABOUT THE DELAY!!", "i’m sorry about the delay",
        "uh i'm um sorry about about the delay", "i am sor ry about the delay",
        "i am sorrie about the delay", "I'm sorry... about the delay",
    ],
)  # fmt: skip
def test_the_way_recognisers_write_makes_no_difference(said):
    assert [a.kind for a in find([Turn(0, 1, said)], "en")] == ["apology"]


@pytest.mark.parametrize(
    "said",
    [
        "t spijt me zeer", "'t spijt mij zeer", "tspijt me zeer", "hèt spijt me zéér",
        "het het eh spijt uh me zeer", "HET SPIJT ME ZEER", "mn excuses", "m'n ex cuses",
        "sorrie hoor",
    ],
)  # fmt: skip
def test_the_way_dutch_is_written_makes_no_difference(said):
    assert [a.kind for a in find([Turn(0, 1, said)], "nl")] == ["apology"]


def test_tokens_remember_their_words():
    how = lexicon.load("en").cleaning
    got = tokens(["Well,", "um", "I'm", "so", "so", "SORRY,", "mr.", "Jones"], how)
    assert [t.text for t in got] == ["well", ",", "i", "am", "so", "sorry", ",", "mr", "jones"]
    assert [(t.first, t.last) for t in got if t.text in ("am", "so", "jones")] == [
        (2, 2), (3, 4), (7, 7),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_language_is_guessed_from_whole_calls(language):
    text = {
        "en": "hello I was told that you would call me back and nobody did what can you do",
        "nl": "hallo ik zou worden teruggebeld maar dat is niet gebeurd wat kunt u voor mij doen",
    }
    code, share, sure = lexicon.guess([text[language]])
    assert (code, sure) == (language, True)
    assert share > 0.3


def test_an_unsure_guess_says_so_and_heads_help():
    assert lexicon.guess(["hallo sorry"])[2] is False
    lines = ["het spijt me", "", "I do apologise.", "onze excuses"]
    got = list(find_in_lines(lines))
    assert [code for _, code, _ in got][2] == "en"
    assert [len(acts) for _, _, acts in got] == [1, 0, 1, 1]


THIRD = """
[language]
code = "xx"
name = "Made up"
words = "lo ma ti ka"
[text]
fillers = "bzz"
[text.spelling]
"zory" = "zori"
[heads]
zori = "zori"
[sets]
lead = "hu"
tail = "po"
number = "un, du"
[person]
i = "mi"
we = "nu"
[clause]
before = "mi, nu"
complement = "pro"
stop = "ma"
[[rule]]
id = "not_zori"
act = "none"
match = ["ne @zori"]
examples = ["ne zori"]
[[rule]]
id = "zori_ka"
act = "repair"
match = ["@zori ka"]
examples = ["zori ka"]
[[rule]]
id = "zori"
act = "apology"
match = ["mi? @zori"]
examples = ["mi zori"]
"""


def test_a_third_language_is_one_file_and_no_code(tmp_path, monkeypatch):
    (tmp_path / "xx.toml").write_text(THIRD, encoding="utf-8")
    monkeypatch.setenv("PROSODY_LEXICON", str(tmp_path))
    assert lexicon.languages() == ("en", "nl", "xx")
    turns = [timed("hu mi bzz zory pro lo ti ma ka"), timed("Ne zori!", 60), timed("zori ka", 90)]
    got = find(turns, "xx")
    assert [(a.kind, a.form, a.text, a.i_form) for a in got] == [
        ("apology", "zori", "mi bzz zory pro lo ti", True),
        ("repair", "zori_ka", "zori ka", None),
    ]
    assert lexicon.guess(["lo ma ti ka ti"])[0] == "xx"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("[[rule]]", "[[rule"), "xx.toml"),
        (('act = "repair"', 'act = "remorse"'), "rule 'zori_ka': act 'remorse'"),
        (('["ne @zori"]', '["(ne @zori"]'), "rule 'not_zori', match: .*not closed"),
        (('["ne @zori"]', '["<no> @zori"]'), "there is no set <no>"),
        (('examples = ["ne zori"]', ""), "rule 'not_zori' has no examples"),
        (('stop = "ma"', ""), "'stop' is missing"),
        (('id = "zori"', 'id = "zori"\nwhenever = "x"'), "unknown key 'whenever'"),
        (('id = "zori"', 'id = "zori"\nwhen = "x"'), "asks for an unknown test 'x'"),
    ],
)
def test_a_faulty_lexicon_is_refused_with_the_rule(change, match):
    with pytest.raises(SettingsError, match=match):
        lexicon.parse(THIRD.replace(*change), "xx.toml")


def test_an_unknown_language_is_refused():
    with pytest.raises(SettingsError, match=r"language 'qq'.*Known languages: en, nl"):
        lexicon.load("qq")


def test_long_hostile_text_takes_no_time_that_anyone_notices():
    text = "so so very , sorry i am not " * 2000 + "sorry " * 3000 + ". , ? ! " * 1000
    assert len(find([Turn(math.nan, math.nan, text)], "en")) > 0


@pytest.mark.data
def test_the_real_repair_is_found_and_is_no_apology(data):
    folder = data / "harpervalley" / "transcript"
    found = [(p.stem, a) for p in sorted(folder.glob("*.json")) for a in find(read(p).turns, "en")]
    assert [(name, a.role, a.kind) for name, a in found] == [
        ("a7ccc3379af44b9f", "agent", "repair")
    ]
    assert found[0][1].text == "i'm sorry what day would you like to come in first"


@pytest.mark.parametrize("name", ["acts.py", "structure.py", "clauses.py", "utterances.py"])
def test_no_word_of_a_language_is_in_the_code(name):
    code = (ROOT / "prosody" / "language" / name).read_text(encoding="utf-8")
    for word in ("spijt", "excuses", "apologise", "pardon"):
        assert f'"{word}' not in code.split('"""', 2)[2]
