"""Whatever is put into a template stays a text, and shows all of itself."""

from markupsafe import Markup

from app.server.views import counted, duration, heading, in_view, macro, muted, percent, read_static, shortened


def test_a_text_is_escaped_and_control_characters_are_visible() -> None:
    assert muted("<b>") == '<p class="sk-muted">&lt;b&gt;</p>'
    assert muted(Markup("<b>x</b>")) == '<p class="sk-muted"><b>x</b></p>'
    assert isinstance(heading("x"), Markup)
    assert macro("name", "a\x00b\x1b\x7f\x9b\r\n\tc") == "<bdi>a\ufffdb\ufffd\ufffd\ufffd\ufffd\n\tc</bdi>"


def test_names_and_numbers_are_words() -> None:
    for contents, total, words in (
        ([], None, "nothing"), (["A"], None, "<bdi>A</bdi>"), (["A"], 2_001, "<bdi>A</bdi> and 2,000 more"),
        (["A", "B", "C"], None, "<bdi>A</bdi>, <bdi>B</bdi> and 1 more"),
    ):  # fmt: skip
        assert macro("names", iter(contents), total, 2) == words
    assert [counted(1, "class", "classes"), counted(2_000, "class", "classes")] == ["1 class", "2,000 classes"]
    assert [percent(0.001), percent(0.4), percent(0.999)] == ["under 1%", "40%", "99%"]
    assert [duration(0.0004), duration(0.012), duration(3.14)] == ["0.4 ms", "12 ms", "3.1 s"]
    assert shortened("abcdef", 4) == "abc…"
    assert "--sk-" in read_static("page.css")
    assert '["#a", "#b"]' in in_view("#a", "#b")
