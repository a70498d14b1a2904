"""How many questions about videos are answered right: sixty that people wrote who had watched the frames, and no more.

    python -m benchmarks.video_questions [LIST] [--data DIR]

`Vision.watch` with the embedded detector and reader is asked each question of `lists/video_questions.unseen.jsonl`
(the form is in `lists/README.md`). A question is right where

- tracks: each track of the answer is at one of the things that are meant, at the moment at which that is marked, with
  an IoU of at least 0.5, and each of these things has one;
- count, truth: the value is that;
- time: the first interval begins within the seconds that are right;
- duration: the seconds are within the bounds;
- word: the value, or each of the words that it lists, is among those that are right.

What cannot be read or names what the detector has no class for is a refusal and counts as not right. Writes
`results/video_questions.json` and `.md` beside this file; takes some minutes.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from tqdm import tqdm  # type: ignore[import-untyped]

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from skylark.errors import SkylarkError
from skylark.files import encoded, write_whole
from skylark.text import aligned
from vision import Vision
from vision.video.answer import VideoAnswer
from vision.video.tracks import Track

LIST = Path(__file__).with_name("lists") / "video_questions.unseen.jsonl"
OVERLAP = 0.5
KINDS = ("tracks", "count", "truth", "time", "duration", "word")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("list", nargs="?", type=Path, default=LIST)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds vision/")
    options = parser.parse_args()
    questions = [json.loads(line) for line in options.list.read_text(encoding="utf-8").splitlines()]
    vision = Vision()
    rows = [asked(vision, options.data / "vision", question) for question in tqdm(questions, unit="question")]
    right = sum(row["verdict"] == "right" for row in rows)
    report: dict[str, Any] = {
        "command": "python -m benchmarks.video_questions",
        "date": str(datetime.date.today()),
        "machine": machine(),
        "right": right,
        "count": len(rows),
        "rows": rows,
    }
    write_whole(RESULTS / "video_questions.json", encoded(json.dumps(report, indent=1, ensure_ascii=False)))
    write_whole(RESULTS / "video_questions.md", encoded(text_of(report)))
    print(text_of(report))


def asked(vision: Vision, data: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """The question with what was answered and whether that is right."""
    place = data / question["video"]
    try:
        answer = vision.watch(place / "img1" if place.is_dir() else place, question["question"])
    except SkylarkError as error:
        return {**question, "verdict": "refused", "found": str(error), "query": ""}
    verdict = "right" if is_right(answer, question) else "wrong"
    return {**question, "verdict": verdict, "found": answer.text, "query": str(answer.query)}


def is_right(answer: VideoAnswer, question: Mapping[str, Any]) -> bool:
    """Whether an answer is the one that the list calls right."""
    expected, value = question["answer"], answer.value
    match question["kind"]:
        case "tracks":
            return value is None and _are(answer, expected)
        case "count" | "truth":
            return value is not None and type(value) is type(expected) and value == expected
        case "time":
            return isinstance(value, tuple) and bool(value) and expected[0] <= value[0][0] <= expected[1]
        case "duration":
            return isinstance(value, float) and expected[0] <= value <= expected[1]
    accepted = {word.lower() for word in expected}
    return isinstance(value, str) and (value in accepted or accepted.issuperset(value.split(", ")))


def _are(answer: VideoAnswer, expected: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the tracks of an answer are the things that are meant, each one of them."""
    tracks = [answer.scene.tracks.by_id[track_id] for track_id in answer.tracks]
    fits = [{place for place, thing in enumerate(expected) if _at(track, thing)} for track in tracks]
    return len(tracks) == len(expected) == len(set().union(*fits)) and all(fits)


def _at(track: Track, thing: Mapping[str, Any]) -> bool:
    nearest = int(np.abs(track.times - thing["time"]).argmin())
    if abs(track.times[nearest] - thing["time"]) > 0.5:
        return False
    return bool(sv.box_iou_batch(track.xyxy[nearest][None], np.array([thing["xyxy"]], np.float32))[0, 0] >= OVERLAP)


def text_of(report: Mapping[str, Any]) -> str:
    rows = report["rows"]
    verdicts = Counter((row["kind"], row["verdict"]) for row in rows)
    table = [[kind, *(str(verdicts[kind, verdict]) for verdict in ("right", "wrong", "refused"))] for kind in KINDS]
    of_all = Counter(row["verdict"] for row in rows)
    table.append(["all", *(str(of_all[verdict]) for verdict in ("right", "wrong", "refused"))])
    lines = [
        "# Questions about videos",
        "",
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}.",
        "",
        f"{report['right']} of {report['count']} are answered right. They were written by watching the frames, by "
        "a person who had seen no other list and nothing of the code, and were asked once.",
        "",
        "```",
        aligned(["kind", "right", "wrong", "refused"], table),
        "```",
        "",
        "## Misses",
        "",
    ]
    for row in rows:
        if row["verdict"] != "right":
            lines += [
                f"- {row['video']}: {row['question']} ({row['kind']})",
                f"  - expected {json.dumps(row['answer'])}; {row['verdict']}: {row['found']}",
                *([f"  - `{row['query']}`"] if row["query"] else []),
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
