"""Windows files: what each format means, what is wrong in it, and that nothing else comes out."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prosody.calls.windows import Window, read_windows
from prosody.errors import TranscriptError


@pytest.fixture
def read(tmp_path):
    def read(content: str | bytes, name: str = "w.txt", encoding: str = "utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_windows(path)

    return read


# --- CSV ----------------------------------------------------------------------------------------


def test_csv_with_all_columns(read):
    found = read(
        "recording,start_s,end_s,text,role,act\n"
        'a.wav,1.5,3.25,"sorry, echt",agent,apology\n'
        "b.wav,0,1,,klant,repair\n"
        "a.wav,10,11,pardon,,\n"
    )
    assert found == {
        "a.wav": [
            Window(1.5, 3.25, "sorry, echt", "agent", "apology"),
            Window(10.0, 11.0, "pardon", "unknown", None),
        ],
        "b.wav": [Window(0.0, 1.0, "", "customer", "repair")],
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_as_a_dutch_excel_saves_it(read, encoding):
    found = read("start_s;end_s;text\r\n1,5;3,25;één\r\n\r\n", encoding=encoding)
    assert found == {"": [Window(1.5, 3.25, "één")]}


def test_csv_with_channels(read):
    found = read("start_s,end_s,role,channel\n1,2,agent,Rechts\n3,4,klant,0\n5,6,,\n")
    assert [(w.role, w.channel) for w in found[""]] == [
        ("agent", 1), ("customer", 0), ("unknown", None),
    ]  # fmt: skip


def test_a_window_without_length_is_read_so_that_its_row_can_say_so(read):
    assert read("start_s,end_s\n2,2\n") == {"": [Window(2.0, 2.0)]}
    assert read("2.0\t2.0\tsorry\n")[""][0].end_s == 2.0


def test_the_same_file_changed_is_read_again(read):
    assert len(read("start_s,end_s\n1,2\n")[""]) == 1
    assert len(read("start_s,end_s\n1,2\n3,4\n")[""]) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("start_s,end_s\n1,zwei\n", r"line 2: found end 'zwei'.*seconds"),
        ("start_s,end_s\n0:01,2\n", r"line 2: found start '0:01'.*seconds"),
        ("start_s,end_s\n2,1\n", r"line 2: found a window from 2 to 1.*after its start"),
        ("start_s,end_s\n-1,2\n", "line 2: found start '-1'"),
        ("start_s,end_s\nnan,2\n", "line 2: found start 'nan'"),
        ("start_s,end_s\n1,1e999\n", "line 2: found end '1e999'"),
        ("start_s,end_s\n1,\n", "line 2: found end ''"),
        ("start,end\n1,2\n", r"no column 'start_s'.*did you mean it by 'start'"),
        ("start_s,text\n1,x\n", "no column 'end_s'"),
        ("start_s,end_s,role\n1,2,baas\n", "role 'baas'.*agent, customer"),
        ("start_s,end_s,channel\n1,2,top\n", "channel 'top'.*left, right"),
        ("start_s,end_s,act\n1,2,praise\n", "act 'praise'.*apology, repair"),
        ("start_s,end_s,text\n1,2,sorry, echt\n", "line 2: found 4 cells.*double quotes"),
        ("recording,start_s,end_s\na,1,2\n,3,4\n", "line 3.*every row, or in none"),
        ("recordings,start_s,end_s\na,1,2\n", "'recordings'.*'recording'"),
        ("", "an empty file.*TextGrid"),
        ("hello there\n", "'hello there' in its first line.*TextGrid"),
        (b"\x00\x01binary", "binary"),
    ],
)
def test_what_is_wrong_is_said(read, content, words):
    with pytest.raises(TranscriptError, match=f"(?s)w.txt.*{words}") as caught:
        read(content)
    assert caught.value.remedy


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TranscriptError, match="no such file"):
        read_windows(tmp_path / "nothing.csv")


# --- Audacity -----------------------------------------------------------------------------------


def test_audacity_labels(read):
    found = read(
        "1.500000\t3.250000\tsorry\n\\\t100.0\t3000.0\n4,5\t5\tklant: pardon hoor\n6\t7\t\n"
        "8\t9\tIt is, indeed\n"
    )
    assert found[""] == [
        Window(1.5, 3.25, "", "unknown", "apology"),
        Window(4.5, 5.0, "pardon hoor", "customer"),
        Window(6.0, 7.0),
        Window(8.0, 9.0, "It is, indeed"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [("1.0\t2.0\tx\nfoo\n", "line 2: found 'foo'.*tab"), ("1.0\t0.5\tback\n", "from 1 to 0.5")],
)
def test_audacity_labels_that_are_wrong(read, content, words):
    with pytest.raises(TranscriptError, match=words):
        read(content)


# --- TextGrid -----------------------------------------------------------------------------------


def long_grid(tiers: dict[str, list[tuple[float, float, str]]], end: float = 100.0) -> str:
    out = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} ",
        "tiers? <exists> ", f"size = {len(tiers)} ", "item []: ",
    ]  # fmt: skip
    for i, (name, rows) in enumerate(tiers.items(), 1):
        out += [f"    item [{i}]:", '        class = "IntervalTier" ',
                f'        name = "{quoted(name)}" ', "        xmin = 0 ", f"        xmax = {end} ",
                f"        intervals: size = {len(rows)} "]  # fmt: skip
        for j, (a, b, text) in enumerate(rows, 1):
            out += [f"        intervals [{j}]:", f"            xmin = {a!r} ",
                    f"            xmax = {b!r} ",
                    f'            text = "{quoted(text)}" ']  # fmt: skip
    return "\n".join(out) + "\n"


def short_grid(tiers: dict[str, list[tuple[float, float, str]]], end: float = 100.0) -> str:
    out = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", f"{end}", "<exists>",
           f"{len(tiers)}"]  # fmt: skip
    for name, rows in tiers.items():
        out += ['"IntervalTier"', f'"{quoted(name)}"', "0", f"{end}", f"{len(rows)}"]
        for a, b, text in rows:
            out += [f"{a!r}", f"{b!r}", f'"{quoted(text)}"']
    return "\n".join(out) + "\n"


def quoted(text: str) -> str:
    return text.replace('"', '""')


ROWS = [(0.0, 1.5, ""), (1.5, 3.25, 'sorry "mevrouw"'), (3.25, 99.0, "  ")]


@pytest.mark.parametrize("write", [long_grid, short_grid])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_textgrid(read, write, encoding):
    found = read(write({"anything": ROWS}), encoding=encoding)
    assert found == {"": [Window(1.5, 3.25, 'sorry "mevrouw"')]}


@pytest.mark.parametrize("write", [long_grid, short_grid])
def test_textgrid_tiers_say_whose_and_what(read, write):
    tiers = {
        "Klant": [(5.0, 6.0, "nou sorry")],
        "agent": [(1.0, 2.0, "het spijt me"), (3.0, 4.0, "x")],
        "words": [(0.0, 1.0, "not"), (1.0, 2.0, "used")],
        "agent_repair": [(8.0, 9.0, "sorry?")],
    }
    assert read(write(tiers))[""] == [
        Window(1.0, 2.0, "het spijt me", "agent"),
        Window(3.0, 4.0, "x", "agent"),
        Window(5.0, 6.0, "nou sorry", "customer"),
        Window(8.0, 9.0, "sorry?", "agent", "repair"),
    ]


def test_textgrid_points_are_passed_over(read):
    text = short_grid({"agent": [(1.0, 2.0, "sorry")]}).replace("<exists>\n1\n", "<exists>\n2\n")
    text += '"TextTier"\n"clicks"\n0\n100\n2\n1.5\n"x"\n2.5\n"y"\n'
    assert read(text)[""] == [Window(1.0, 2.0, "sorry", "agent")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("<exists>", "<absent>"), "no tiers"),
        (('"TextGrid"', '"Pitch 1"'), "'Pitch 1'.*TextGrid"),
        (("1.5\n3.25", "3.25\n1.5"), "from 3.25 to 1.5"),
        (('"IntervalTier"', '"Tier"'), "a tier of class 'Tier'"),
        (("\n3\n", "\n4\n"), "end of the file"),
        (('"anything"', "anything"), "its name"),
        (('""mevrouw""', '"mevrouw'), "Expected"),
    ],
)
def test_textgrid_that_is_wrong(read, change, words):
    text = short_grid({"anything": ROWS})
    assert change[0] in text
    with pytest.raises(TranscriptError, match=f"w.txt.*{words}"):
        read(text.replace(change[0], change[1], 1))


def test_textgrid_whose_tiers_do_not_tell(read):
    with pytest.raises(TranscriptError, match=r"tiers 'words', 'phones'.*agent, customer or apol"):
        read(long_grid({"words": ROWS, "phones": ROWS}))


# --- properties ---------------------------------------------------------------------------------

TIMES = st.floats(0, 9e5, allow_nan=False).map(lambda x: round(x, 6))
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\0"), max_size=20
).map(lambda s: " ".join(s.split()))
SPANS = st.lists(
    st.tuples(TIMES, TIMES, TEXTS).filter(lambda t: t[0] < t[1] and t[2]), min_size=1, max_size=8
)
QUICK = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(spans=SPANS, encoding=st.sampled_from(["utf-8", "utf-16"]))
def test_textgrid_round_trip(read, spans, encoding):
    expected = sorted((Window(*span) for span in spans), key=lambda w: (w.start_s, w.end_s))
    for write in (long_grid, short_grid):
        assert read(write({"x": spans}), encoding=encoding)[""] == expected


@QUICK
@given(spans=SPANS, separator=st.sampled_from(",;\t"))
def test_csv_round_trip(read, spans, separator):
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(["start_s", "end_s", "text"])
    writer.writerows([repr(a), repr(b), text] for a, b, text in spans)
    assert read(out.getvalue())[""] == [Window(*span) for span in spans]


SEEDS = [
    long_grid({"agent": ROWS}), short_grid({"x": ROWS}), "start_s,end_s,text\n1,2,x\n3,4,y\n",
    "1.0\t2.0\tx\n3.0\t4.0\ty\n",
]  # fmt: skip


def clear(error: TranscriptError) -> None:
    """An error names the file and says what to do."""
    assert "w.txt" in error.message
    assert error.remedy


@QUICK
@given(data=st.data())
def test_whatever_is_in_the_file_it_is_windows_or_a_clear_error(read, data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)).encode())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=6))
    try:
        found = read(bytes(content))
    except TranscriptError as error:
        clear(error)
    else:
        for windows in found.values():
            for window in windows:
                assert 0 <= window.start_s < window.end_s < math.inf


@QUICK
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes(read, content):
    try:
        read(content)
    except TranscriptError as error:
        clear(error)
