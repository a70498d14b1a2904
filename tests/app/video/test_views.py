"""What the video page shows, from tracks and answers to HTML, without a browser."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from app.tasks import StoppedError, WaitingLine
from app.video.examples import CLIPS, HEIGHT, VIDEO_EXAMPLES, WIDTH, available
from app.video.job import Progress, VideoJob, state_html
from app.video.views import (
    MOST_ROWS,
    Found,
    answer_html,
    counts_html,
    headline,
    read_html,
    shown,
    stage_html,
    timeline,
    timeline_html,
)
from skylark.errors import SkylarkError
from tests.app.test_views import IMAGE, SCRIPT, Page, assert_harmless
from tests.vision.video.made_tracks import going, readings, still, tracks_of
from vision import Task, Vision
from vision.task import Target, Undetectable
from vision.video.answer import answer_read
from vision.video.scene import VideoScene
from vision.video.tracks import Tracks

PARK = tracks_of(
    ("dog", going(700, 240, -100, after=1, until=5)),  # comes in from the right and stops at 300
    ("person", still(200, 200, 60, 160)),
    ("person", still(560, 100, 60, 160, after=3, until=6)),
    ("bicycle", going(100, 420, 120, w=80, h=50, after=2)),  # rides off to the right
)


def found(tracks: Tracks = PARK, asked: str = "", task: Task | None = None, **more: object) -> Found:
    """What was found; `asked` is a sentence as the model writes it."""
    scene = VideoScene.from_tracks(tracks)
    answer = answer_read("what is meant", readings(asked), scene) if asked else None
    one = Found(task or Task("everything"), tracks, scene, answer)
    return replace(one, **more)  # type: ignore[arg-type]


def targets(*names: str) -> tuple[Target, ...]:
    return tuple(Target(name, (name,)) for name in names)


def test_an_answer_is_told_in_large_letters_by_the_names_that_the_video_shows() -> None:
    for sentence, told in (
        (" one dog & enters( right)", "#1 dog"), (" all people", "#2 person and #3 person"),
        (" one cat", "Nothing found"), (" count people", "2: #2 person and #3 person"), (" count people & moves", "0"),
        (" exists dog & stops", "Yes"), (" exists dog & leaves", "No"), (" when people", "From 0:00 to 0:08"),
        (" when dog & leaves", "At no time that was looked at"), (" way dog & enters", "right"),
        (" what all crosses( right)", "bicycle"),
    ):  # fmt: skip
        assert headline(found(asked=sentence)) == told
    # What an instruction lists is counted or cannot be told.
    assert headline(found(task=Task("x", targets=targets("person", "cat")))) == "2 people, 1 dog, 1 bicycle and 0 cats"
    assert headline(found(tracks_of(), task=Task("x", targets=targets("cat")))) == "Nothing found"
    task = Task("helicopters", targets=(), undetectable=(Undetectable("helicopter", ("airplane",)),))
    assert headline(found(tracks_of(), task=task)) == 'I can\'t tell of "helicopter"'
    assert "nearest: airplane" in assert_harmless(read_html(found(tracks_of(), task=task))).text
    task = Task("x", targets=targets("dog"), unread=(f"and play {SCRIPT}",))
    text = assert_harmless(read_html(found(asked=" one dog", task=task))).text
    assert '~class("dog")' in text and "Not understood" in text and SCRIPT in text


def test_reasons_are_moments_to_go_to_and_names_that_are_markup_stay_text() -> None:
    html = answer_html(found(asked=" one dog & enters( right)"))
    assert "#1 dog enters by the right" in assert_harmless(html).text
    [moment] = re.findall(r'data-at="([\d.]+)"', html)
    assert float(moment) == pytest.approx(1.4, abs=0.3)
    tracks = tracks_of((SCRIPT, still(100, 100)), (IMAGE, still(300, 100)))
    one = found(tracks, notes=(SCRIPT,))
    for html in (answer_html(one), timeline_html(one), counts_html(tracks), read_html(one)):
        assert_harmless(html)
    assert SCRIPT in Page(answer_html(one)).text


def test_a_bar_lies_where_its_thing_is_seen_and_what_happens_is_marked() -> None:
    rows = {row.name: row for row in timeline(found()).rows}
    [bar] = rows["#3 person"].bars
    assert (bar.start, bar.end) == pytest.approx((3, 6), abs=0.1)
    assert (bar.left, bar.width) == pytest.approx((100 * 3 / 7.96, 100 * 3 / 7.96), abs=1)
    dog = rows["#1 dog"].marks
    assert [mark.glyph for mark in dog] == ["+", "←", "■"]
    assert dog[0].words.startswith("#1 dog enters by the right from 0:01")
    assert {"→", "−"} <= {mark.glyph for mark in rows["#4 bicycle"].marks}
    assert rows["#2 person"].marks == ()
    person = still(300, 200)
    [row] = timeline(found(tracks_of(("person", lambda time: None if 2 < time < 4 else person(time))))).rows
    assert [(round(bar.start), round(bar.end)) for bar in row.bars] == [(0, 2), (4, 8)]
    # Marks never lie on one another.
    for row in timeline(found(tracks_of(("dog", going(-20, 240, 700, w=60, after=1)), seconds=40))).rows:
        places = [mark.left for mark in row.marks]
        assert all(after - before > 3 for before, after in itertools.pairwise(places))


def test_what_is_meant_comes_first_and_more_things_than_have_a_row_are_counted() -> None:
    rows = timeline(found(asked=" one bicycle & leaves")).rows
    assert [row.meant for row in rows] == [True, False, False, False]
    page = assert_harmless(timeline_html(found(asked=" one bicycle & leaves")))
    assert "#4 bicycle, which is meant" in page.values("aria-label")
    # One bar is reached with Tab and each says what it is.
    page = assert_harmless(timeline_html(found()))
    tabs = page.values("tabindex")
    assert tabs.count("0") == 1 and set(tabs) == {"0", "-1"}
    assert "#2 person: seen from 0:00 to 0:08" in page.values("aria-label")
    places = [(70 * (n % 9) + 40, 70 * (n // 9) + 40) for n in range(MOST_ROWS + 7)]
    many = found(tracks_of(*(("person", still(*place)) for place in places), seconds=0.4))
    assert "and 7 things more" in assert_harmless(timeline_html(many)).text
    assert timeline_html(found(tracks_of())) == counts_html(tracks_of()) == ""


def test_counts_tell_how_many_in_all_at_once_and_when() -> None:
    page = assert_harmless(counts_html(PARK))
    assert re.search(r"person\s*2\s*2", page.text), "both stand there from the third second on"
    assert ("aria-label", "person second by second, at most 2 at once") in page.attributes
    one_after_the_other = tracks_of(("cat", still(50, 50, until=2)), ("cat", still(300, 50, after=5)))
    assert re.search(r"cat\s*2\s*1", assert_harmless(counts_html(one_after_the_other)).text)
    one = found(tracks_of(
        ("dog", still(200, 200, 100, 100)), ("dog", still(205, 205, 100, 100, after=2, until=4)),
        ("dog", still(500, 100, after=5, until=5.1)),
    ))  # fmt: skip
    assert headline(one) == "1 dog" and [row.name for row in timeline(one).rows] == ["#1 dog"]
    assert re.search(r"dog\s*1\s*1", shown(one).counts.striptags()), "what flickers up or doubles another counts not"


def test_the_stage_plays_the_video_from_an_address_without_a_name_of_a_machine() -> None:
    page = Page(stage_html(video=Path('/tmp/a folder/"x" & y.mp4')))
    assert page.tags == ["div", "video"]
    assert ("src", "gradio_api/file=/tmp/a%20folder/%22x%22%20%26%20y.mp4") in page.attributes
    assert "The video shows here" in Page(stage_html()).text
    assert ("alt", "now") in Page(stage_html(picture="data:image/jpeg;base64,AAAA", words="now")).attributes


def job(tmp_path: Path) -> VideoJob:
    return VideoJob(tmp_path, tmp_path / "x.mp4", "every dog", 0.4, Vision)


def test_the_state_of_the_work_is_told_in_every_state(tmp_path: Path) -> None:
    work = job(tmp_path)

    def told(**changes: object) -> Page:
        vars(work).update(changes)
        return assert_harmless(state_html(work))

    assert "Starting" in told(state="waiting").text
    progress = Progress("Looking", 12.4, 30.0, "data:image/jpeg;base64,AAAA", 3)
    page = told(state="running", progress=progress)
    assert "Looking · 12.4 of 30.0 s, 3 things so far" in page.text
    assert {("value", "12.4"), ("max", "30.0")} <= set(page.attributes)
    assert "12.4 s, 3 things" in told(progress=replace(progress, length=None)).text, "not every recording has a length"
    work.stop()
    assert "Stopping" in told().text
    assert "Stopped after 12.4 seconds of the video." in told(state="stopped").text
    assert "Stopped after the first frames of the video." in told(progress=replace(progress, seconds=0.04)).text
    assert "Done" in told(state="done").text
    assert SCRIPT in told(state="failed", error=SkylarkError(f"no video {SCRIPT}")).text
    line = WaitingLine(at_once=1, most_waiting=1)
    line.join(object())
    work = job(tmp_path)
    work.start(line)
    assert "Waiting: 1 video before yours" in Page(state_html(work)).text
    with pytest.raises(SkylarkError, match="try again in a few minutes"):
        job(tmp_path).start(line)
    work.stop()
    work.join(5)
    assert work.state == "stopped" and not isinstance(work.error, StoppedError)


def test_the_examples_are_there_and_show_what_they_ask_about() -> None:
    assert available() == VIDEO_EXAMPLES
    assert {example.clip for example in VIDEO_EXAMPLES} == set(CLIPS)
    for clip in CLIPS.values():
        assert clip.draw(0).shape == clip.draw(clip.frames - 1).shape == (HEIGHT, WIDTH, 3)
    assert all(example.icon["url"].startswith("data:image/jpeg;base64,") for example in VIDEO_EXAMPLES)
