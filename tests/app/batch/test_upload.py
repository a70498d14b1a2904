"""What strangers send to be run: told apart, bounded, and never unpacked to anywhere else."""

import io
import json
import stat
import zipfile
from pathlib import Path
from random import Random

import pytest

from app.batch.upload import MOST_LINES, Bounds, described, plain_name, receive, split_of, unpack, write_expected
from reasoning import KnowledgeGraph, Reasoner
from skylark.errors import SkylarkError

BOUNDS = Bounds(files=3, bytes_each=3_000_000, bytes_all=4_000_000)
RECORD = {"type": "1p", "query": [0, [0]], "easy": [1], "hard": []}


def sent(folder: Path, **texts: str) -> list[Path]:
    places = []
    for number, (name, text) in enumerate(texts.items()):
        place = folder / "sent" / str(number) / name.replace("__", ".").replace("_dash_", "-")
        place.parent.mkdir(parents=True)
        place.write_bytes(text.encode(errors="surrogateescape"))
        places.append(place)
    return places


def test_a_file_is_told_by_what_is_in_it_and_what_is_typed_is_run_where_nothing_is_sent(tmp_path: Path) -> None:
    for number, (text, kind) in enumerate((
        (json.dumps(RECORD), "records"), (json.dumps({"question": "Who?", "answers": ["Ann"]}), "questions"),
        ("Who is it?\tAnn|Bob", "questions"), ('capital("Portugal")\nWhich countries border France?', "lines"),
    )):  # fmt: skip
        folder = tmp_path / str(number)
        upload = receive(sent(folder, valid_dash_1p__jsonl=f"\n{text}\n\n"), "", folder / "input")
        assert (upload.kind, upload.count, upload.place.parent) == (kind, len(text.split("\n")), folder / "input")
        assert described(folder / "input") == upload
    upload = receive([], "  a(b)\n\n c \n", tmp_path / "input")
    assert (upload.kind, upload.count, upload.name) == ("lines", 2, "typed.txt")
    gold = receive(sent(tmp_path, qa__txt="who [Ann]\tBob", qa_qtype__txt="a_to_b"), "", tmp_path / "gold")
    assert (gold.kind, gold.name, gold.count) == ("questions", "qa.txt", 1)
    assert (tmp_path / "gold" / "qa_qtype.txt").is_file(), "gold paths stand beside their questions"
    # Several files of records are one job and say their split.
    line = json.dumps(RECORD)
    records = sent(tmp_path / "r", test_dash_1p__jsonl=line, test_dash_2p__jsonl=line)
    upload = receive(records, "", tmp_path / "r" / "input")
    assert (upload.kind, upload.count, split_of(upload)) == ("records", 2, "test")
    assert split_of(receive(sent(tmp_path / "b", mine__jsonl=line), "", tmp_path / "b" / "input")) is None


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "nothing to run yet"), ({"a__txt": ""}, "no line"), ({"a__txt": "{"}, "no JSON object"),
        ({"a__txt": '{"text": 1}'}, 'questions "question" and "answers"'),
        ({"a__txt": "a(b)\n" * (MOST_LINES + 1)}, f"({MOST_LINES})"),
        ({"a__txt": "who\tAnn", "b__txt": "who\tBob"}, "one job takes one"),
        ({"a__txt": "x" * 1001}, "at most 1,000 are read"), ({"a__txt": "x" * (4 * 2**20 + 1)}, "send fewer lines"),
        ({"a__zip": "PK\udcff"}, "belongs under Images or under Go on"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_said(tmp_path: Path, texts: dict[str, str], said: str) -> None:
    with pytest.raises(SkylarkError) as raised:
        receive(sent(tmp_path, **texts), "", tmp_path / "input")
    assert said in str(raised.value) and str(tmp_path) not in str(raised.value)


def test_plain_lines_get_the_answers_of_exact_execution(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Ann", "knows", "Cat"), ("Ann", "age", 31)])
    upload = receive(
        [], 'knows("Ann")\nage("Ann")\ncount(knows("Ann"))\nexists(knows("Bob"))\nknows("Xyzzy"', tmp_path / "in"
    )
    seen: list[int] = []
    write_expected(upload, tmp_path / "lines.jsonl", Reasoner(kg, llm="embedded", method="exact"), seen.append)
    items = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    *answered, unreadable = [item["answers"] for item in items]
    assert [sorted(answers, key=str) for answers in answered] == [["Bob", "Cat"], [31], [2], [False]]
    assert unreadable is None, "nothing is expected of a line that cannot be read"
    assert seen == [0, 1, 2, 3, 4]


def packed(folder: Path, **contents: bytes) -> Path:
    place = folder / "sent.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return place


def take(archive: Path, folder: Path, bounds: Bounds = BOUNDS) -> list[Path]:
    into = folder / "into"
    into.mkdir(exist_ok=True)
    return unpack(archive, into, bounds, lambda name: name.endswith(".png"))


def test_folders_are_dropped_and_other_files_passed_over(tmp_path: Path) -> None:
    passed = {"notes.txt": b"3", "__MACOSX/._one.png": b"4", ".x.png": b"5"}
    found = take(packed(tmp_path, **{"a/b/one.png": b"1", "c/one.png": b"2"}, **passed), tmp_path)
    assert [(path.name, path.read_bytes()) for path in found] == [("one.png", b"1"), ("one.png", b"2")]
    assert all((tmp_path / "into") in path.parents for path in found)


def test_a_path_that_leads_out_and_a_link_are_refused(tmp_path: Path) -> None:
    for name in ("a/../../one.png", "/etc/one.png", "C:\\one.png", "..\\one.png"):
        with pytest.raises(SkylarkError, match="leads out of it"):
            take(packed(tmp_path, **{name: b"1"}), tmp_path)
        assert not list((tmp_path / "into").rglob("*.png")) and not (tmp_path / "one.png").exists()
    place = tmp_path / "sent.zip"
    with zipfile.ZipFile(place, "w") as archive:
        entry = zipfile.ZipInfo("one.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(SkylarkError, match="has a link"):
        take(place, tmp_path)


def test_a_zip_that_lies_about_its_size_is_refused_while_it_comes(tmp_path: Path) -> None:
    place = packed(tmp_path, **{"one.png": bytes(500_000)})
    # Both the local header and the directory state the size; they are made to say 100 bytes.
    content = place.read_bytes().replace((500_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    place.write_bytes(content)
    with pytest.raises(SkylarkError):
        take(place, tmp_path, Bounds(files=3, bytes_each=1_000, bytes_all=1_000))
    assert sum(path.stat().st_size for path in (tmp_path / "into").rglob("*") if path.is_file()) <= 1_000


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({f"{n}.png": b"x" for n in range(4)}, "at most 3 are taken"),
        ({"one.png": bytes(range(256)) * 12_000}, "at most 3,000,000 are read"),
        ({f"{n}.png": Random(1).randbytes(2_050_000) for n in range(2)}, "at most 4,000,000 are read"),
        ({"one.png": b"1", "two.png": b"2", **{f"{n}.txt": b"" for n in range(5_000)}}, "at most 5,000 are read"),
        ({"one.png": bytes(2_900_000)}, "times its size"),
    ],
)
def test_too_much_is_refused_before_it_is_unpacked(tmp_path: Path, contents: dict[str, bytes], said: str) -> None:
    with pytest.raises(SkylarkError, match=said):
        take(packed(tmp_path, **contents), tmp_path)
    assert not any((tmp_path / "into").iterdir())


def test_what_is_no_zip_is_said_and_names_are_no_more_than_names(tmp_path: Path) -> None:
    place = tmp_path / "sent.zip"
    place.write_bytes(b"no zip at all")
    with pytest.raises(SkylarkError, match="no zip that can be read"):
        take(place, tmp_path)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("one.png", b"abcdefgh" * 100)
    place.write_bytes(whole.getvalue().replace(b"abcdefgh" * 100, b"abcdefgx" * 100))
    with pytest.raises(SkylarkError, match="no zip that can be read"):
        take(place, tmp_path)
    names = {"a/b.png": "b.png", "..": "file", "a\\..\\b c.png": "b c.png", "<b>.png": "_b_.png", ".hidden": "hidden"}
    assert {name: plain_name(name) for name in names} == names
