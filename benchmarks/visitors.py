"""What visitors of the demo get for what they type: forty questions and instructions, written without sight of it.

    python -m benchmarks.visitors [LIST] [--data DIR] [--pictures DIR]     asks all of them
    python -m benchmarks.visitors --judge                                  reads the verdicts anew, and asks nothing

Each entry of `lists/visitors.unseen.jsonl` (the form is in `lists/README.md`) is typed into the box of the page's first
tab as it is when the page is opened, beside its picture where it has one: `AskController.answer` with the graphs, the
embedded model and the embedded detector of the page. Kept are what the card shows, which side gave it, how the text
was read and how surely, and whether it is an answer, asks back or refuses; "I can't tell." refuses.

Numbers, truth values and names of the graph are compared with what the list expects. The list says in words which
things a picture's boxes are to hold, so whoever judges looks at the pictures, which `--pictures` draws. Verdicts so
given stand in `lists/visitors.verdicts.json` with their reasons, and come before those of the comparison, which knows
no other name for a thing; one holds for what was shown when it was given, and no longer where something else is shown.
Writes `results/visitors.json` and `.md` beside this file; takes minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

import kg_data
from app.ask.desk import AskController, AskSession, Reply
from app.graph.graphs import GraphRegistry
from app.image.looking import NO_SLICES, Looked, SharedDetector
from app.models import LanguageModel
from app.server.serving import clear, prepare
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from reasoning.graph.names import fold
from skylark.files import encoded, write_whole
from skylark.text import aligned
from vision import Task

LISTS = Path(__file__).with_name("lists")
LIST = LISTS / "visitors.unseen.jsonl"
VERDICTS = LISTS / "visitors.verdicts.json"
COMMAND = "python -m benchmarks.visitors"
CANNOT = "I can't tell."
UNDERSTOOD = "understood: "
"""What the chip that says how sure the reading is begins with."""
ASKS_BACK = "Did you mean"
"""What stands before other readings in the card of a question that may mean several things."""
RIGHT, DOUBTED, WRONG = "right", "doubted", "wrong"
"""Verdicts; what is doubted is wrong, and says itself that it may be."""
PARTS = {"sk-large": "said", "sk-alert": "said", "sk-why": "why", "sk-note": "why", "sk-proves": "proof",
         "sk-how": "how", "sk-try": "offers", "sk-ask": "offered"}  # fmt: skip
"""Classes of a card's elements to what they hold."""
LISTED = ("proof", "how")
"""Parts each of whose lines is a text."""
APART = ("svg", "details", "style", "script")
"""Elements that are not read: pictures, folds, and what nobody sees."""
VOID = ("img", "br", "hr", "input")
BLOCKS = {"p": "; ", "pre": "; ", "div": "; ", "li": " "}
"""Elements that begin a line within a text to what stands for that."""

OUTCOMES = ("answered", "asked back", "refused")
JUDGED = ("text", "image", "outcome", "said", "meant", "offered", "boxes")
"""What a verdict is on."""
ENOUGH, MOST_WRONG = 34, 2
"""Of forty: right or rightly asked back or refused, and wrong though sure, that the page is to reach."""


class Card(HTMLParser):
    """What a card says, without its pictures and folds: part to texts, in order.

    Args:
        html: the card.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self.feed(html)
        self.close()

    def texts(self, part: str) -> list[str]:
        """The texts of a part."""
        return [shown for text in self._texts[part] if (shown := " ".join(text.split()))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note which part begins."""
        if tag in VOID:
            return
        within = self._open[-1][1] if self._open else ""
        classes = (dict(attrs).get("class") or "").split()
        part = next((PARTS[name] for name in classes if name in PARTS), "")
        if tag in APART or within == "apart":
            part = "apart"
        elif part not in ("", *LISTED) or (tag == "li" and within in LISTED):
            part = part or within
            if part == "offered" and ASKS_BACK in self.texts("offers")[-1:]:
                part = "meant"
            self._texts[part].append("")
        elif tag in BLOCKS and self._texts[within] and self._texts[within][-1].strip():
            self._texts[within][-1] = self._texts[within][-1].rstrip() + BLOCKS[tag]
        self._open.append((tag, part or within))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing is inside."""

    def handle_endtag(self, tag: str) -> None:
        """Note which part goes on."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        part = self._open[-1][1] if self._open else ""
        if self._texts[part]:
            self._texts[part][-1] += data


class WatchedDetector(SharedDetector):
    """Keeps the last look, which is what a card of an answer draws."""

    looked: Looked | None = None

    def look(
        self,
        photo: Any,
        instruction: str | Task | None,
        min_score: float,
        rival: int | None = None,
        slices: str = NO_SLICES,
    ) -> Looked:
        """As the page looks."""
        self.looked = super().look(photo, instruction, min_score, rival, slices)
        return self.looked


def main() -> None:
    """Ask, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", nargs="?", type=Path, default=LIST)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds vision/")
    parser.add_argument("--pictures", type=Path, help="where pictures of what was found are drawn for whoever judges")
    parser.add_argument("--judge", action="store_true", help="take what the last run was shown, and ask nothing")
    options = parser.parse_args()
    place = RESULTS / "visitors.json"
    if options.judge:
        report = json.loads(place.read_text(encoding="utf-8"))
    else:
        entries = [json.loads(line) for line in options.list.read_text(encoding="utf-8").splitlines()]
        rows = asked_of_all(entries, options.data / "vision" / "coco128" / "images", options.pictures)
        report = {"command": COMMAND, "machine": machine(), "rows": rows}
    verdicts = json.loads(VERDICTS.read_text(encoding="utf-8")) if VERDICTS.exists() else []
    judged(report["rows"], verdicts)
    report["counts"] = counts(report["rows"])
    write_whole(place, encoded(json.dumps(report, indent=1, ensure_ascii=False, default=str)))
    write_whole(RESULTS / "visitors.md", encoded(text_of(report)))
    print(text_of(report))
    for row in report["rows"]:
        if row["verdict"] is None:
            print(f"nobody has judged: {row['text']}", file=sys.stderr)


def asked_of_all(
    entries: Sequence[Mapping[str, Any]], images: Path, pictures: Path | None = None
) -> list[dict[str, Any]]:
    """Each entry with what a visitor is shown for it who has just opened the page."""
    absent = sorted({entry["image"] for entry in entries if entry["image"] and not (images / entry["image"]).is_file()})
    if absent:
        raise SystemExit(f"{images} lacks {', '.join(absent)}: name the data folder with --data")
    uploads = prepare()
    try:
        detector = WatchedDetector()
        desk = AskController(GraphRegistry(), LanguageModel("embedded"), detector)
        desk.first()
        rows = []
        for number, entry in enumerate(tqdm(entries, unit="text")):
            in_hand = AskSession()
            if entry["image"]:
                given = uploads / str(number) / entry["image"]
                given.parent.mkdir()
                shutil.copyfile(images / entry["image"], given)
                in_hand = AskSession().given(path=str(given))
            rows.append(dict(entry) | shown(desk.answer(entry["text"], in_hand), detector))
            if pictures is not None and rows[-1]["side"] == "picture" and detector.looked is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                detector.looked.detections.save(pictures / f"{number + 1}.png", detector.looked.image)
        return rows
    finally:
        clear(uploads)


def shown(reply: Reply, detector: WatchedDetector) -> dict[str, Any]:
    """What a visitor sees of a reply, and the values behind it."""
    card = Card(str(reply.seen or reply.told))
    said, how = " ".join(card.texts("said")), card.texts("how")
    outcome = "answered" if how and said != CANNOT else "asked back" if ASKS_BACK in card.texts("offers") else "refused"
    row: dict[str, Any] = {
        "side": "picture" if reply.seen else "graph", "outcome": outcome, "said": said, "why": card.texts("why"),
        "proof": card.texts("proof"), "meant": card.texts("meant"), "offered": card.texts("offered"), "how": how,
        "sure": next((one.removeprefix(UNDERSTOOD) for one in how if one.startswith(UNDERSTOOD)), None),
        "query": None, "value": None, "entities": None, "boxes": None,
    }  # fmt: skip
    looked, answer = detector.looked, reply.in_hand.last
    if outcome == "answered" and reply.seen and looked is not None:
        grounding = looked.grounding
        row["query"] = looked.task.kind if grounding is None else str(grounding.query)
        row["value"] = looked.detections.value if grounding is None else grounding.value
        row["boxes"] = [
            [name, *(round(float(side)) for side in box)]
            for name, box in zip(looked.detections.class_names, looked.detections.xyxy, strict=True)
        ]
    elif outcome == "answered" and answer is not None:
        row["query"] = str(answer.query)
        if answer.value is None:
            row["entities"] = answer.entities
        else:
            row["value"] = answer.value if isinstance(answer.value, bool | int | float) else str(answer.value)
    return row


def compared(row: Mapping[str, Any]) -> str | None:
    """Whether what was shown is what the list expects, where values say so; None where somebody has to judge."""
    expected = row["expected"]
    if row["outcome"] != "answered":
        refused = row["outcome"] == "refused"
        return (RIGHT if expected.get("refuse") else WRONG) if refused else None
    answer, value = expected["answer"], row["value"]
    if expected.get("refuse") or "boxes_of" in expected:
        return None
    if isinstance(answer, list):
        if row["entities"] is None:
            return None
        return RIGHT if {*map(fold, row["entities"])} == {*map(fold, answer)} else WRONG
    if isinstance(answer, bool) is not isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return RIGHT if value == answer else WRONG


def is_judged(row: Mapping[str, Any], verdict: Mapping[str, Any]) -> bool:
    """Whether a verdict is on what a row shows."""
    return all(verdict[part] == row[part] for part in JUDGED)


def judged(rows: Sequence[dict[str, Any]], verdicts: Sequence[Mapping[str, Any]]) -> None:
    """Give each row its verdict: that of whoever judged it, else that of the comparison."""
    for row in rows:
        found = next((one for one in verdicts if is_judged(row, one)), None)
        row["verdict"] = compared(row) if found is None else found["verdict"]
        row["reason"] = None if found is None else found["reason"]


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The entries by what became of them."""
    of = Counter((row["outcome"] == "answered", row["verdict"]) for row in rows)
    return {
        "entries": len(rows),
        "right": of[True, RIGHT],
        "rightly asked back or refused": of[False, RIGHT],
        "wrong though sure": of[True, WRONG],
        "wrong, told with a doubt": of[True, DOUBTED],
        "asked back or refused though answerable": of[False, WRONG] + of[False, DOUBTED],
        "not judged": of[True, None] + of[False, None],
    }


def text_of(report: Mapping[str, Any]) -> str:
    """The page of results."""
    rows, found = report["rows"], report["counts"]
    fair = found["right"] + found["rightly asked back or refused"]
    table = []
    for words, kept in (
        ("beside a picture", [row for row in rows if row["image"]]),
        ("without one", [row for row in rows if not row["image"]]),
        ("all", rows),
    ):
        table.append([words, *map(str, counts(kept).values())])
    judges = sum(row["reason"] is not None for row in rows)
    lines = [
        "# What visitors type",
        "",
        f"`{report['command']}`, {machine_words(report['machine'])}.",
        "",
        f"{fair} of {found['entries']} are right, or rightly asked back or refused (the aim is {ENOUGH}); "
        f"{found['wrong though sure']} are wrong though sure (at most {MOST_WRONG}). The texts were written "
        "without sight of the code or of the page's examples, and were asked once.",
        "",
        "```",
        aligned(["", *found], table),
        "```",
        "",
        f"{judges} verdicts were given by reading the answers and looking at the pictures, with the reasons below "
        "(`benchmarks/lists/visitors.verdicts.json`); the others are those of a comparison of numbers, truth values "
        "and names with what the list expects.",
    ]
    for title, outcomes, verdict in (
        ("Wrong though sure", OUTCOMES[:1], WRONG),
        ("Wrong, told with a doubt", OUTCOMES[:1], DOUBTED),
        ("Wrong, told with a doubt", OUTCOMES[:1], DOUBTED),
        ("Asked back or refused though answerable", OUTCOMES[1:], WRONG),
        ("Asked back or refused with something of the answer", OUTCOMES[1:], DOUBTED),
        ("Rightly asked back or refused", OUTCOMES[1:], RIGHT),
        ("Right", OUTCOMES[:1], RIGHT),
        ("Not judged", OUTCOMES, None),
    ):
        chosen = [row for row in rows if row["outcome"] in outcomes and row["verdict"] == verdict]
        if chosen:
            lines += ["", f"## {title}", "", *(line for row in chosen for line in _lines(row))]
    return "\n".join(lines)


def _lines(row: Mapping[str, Any]) -> list[str]:
    beside = f" (beside {row['image']})" if row["image"] else ""
    sure = f", {UNDERSTOOD}{row['sure']}" if row["sure"] else ""
    why = " ".join(row["why"])
    return [
        f"- {row['text']}{beside}",
        f"  - by the {row['side']}, {row['outcome']}{sure}: {row['said']}{f' {why}' if why else ''}",
        *([f"  - `{row['query']}`"] if row["query"] else []),
        *([f"  - asked whether this was meant: {'; '.join(row['meant'])}"] if row["meant"] else []),
        *([f"  - offered: {'; '.join(row['offered'])}"] if row["offered"] else []),
        *([f"  - expected: {json.dumps(row['expected'], ensure_ascii=False)}"] if row["verdict"] != RIGHT else []),
        *([f"  - {row['reason']}"] if row["reason"] else []),
    ]


if __name__ == "__main__":
    main()
