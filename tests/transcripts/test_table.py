"""Plain tables with the headers that people write."""

from prosody.transcripts import read


def table(tmp_path, text, name="x.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read(tmp_path / name)


def test_dutch_headers_and_clock_times(tmp_path):
    got = table(tmp_path, (
        "Begin;Einde;Spreker;Tekst;Gevoel\n"
        "00:00:00.900;00:00:05.500;agent;Goedemiddag.;blij\n00:00:06.000;;klant;Hallo.;\n"
        "00:00:09.000;;agent;Het spijt me.;\n"
    ))  # fmt: skip
    first, second, third = got.turns
    assert (first.start_s, first.end_s, first.role) == (0.9, 5.5, "agent")
    assert (second.start_s, second.end_s, second.role) == (6.0, 9.0, "customer")
    assert third.end_s > 9.5
    assert "columns that were not used: gevoel" in got.assumptions
    assert "turns without an end were taken to stop at the next turn" in got.assumptions


def test_van_tot_rol_and_a_unit_in_brackets(tmp_path):
    got = table(tmp_path, "Van (s),Tot (s),Rol,Tekst\n1,2,medewerker,hallo daar\n")
    assert (got.turns[0].start_s, got.turns[0].end_s, got.turns[0].role) == (1.0, 2.0, "agent")
    ms = table(tmp_path, "start (ms),end (ms),role,text\n1000,2000,agent,hello there\n")
    assert (ms.turns[0].start_s, ms.unit) == (1.0, "ms")


def test_one_odd_line_is_passed_over(tmp_path):
    got = table(
        tmp_path, "start_s,end_s,role,text\n1,2,agent,one\nx,3,agent,two\n4,5,agent,three\n"
    )
    assert [t.text for t in got.turns] == ["one", "three"]
    assert any("line 3" in note for note in got.assumptions)


def test_times_in_milliseconds_under_a_name_of_seconds_are_read_as_they_stand(tmp_path):
    # Only the sound tells that they are another unit.
    got = table(tmp_path, "start_s;end_s;role;text\n900000;5491000;agent;hello there\n")
    assert (got.turns[0].end_s, got.unit) == (5_491_000.0, "s")
