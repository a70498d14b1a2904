"""Which spoken languages are told from English, the only one in which questions are read.

    python -m benchmarks.spoken_languages [--workers N] [--work DIR]

Each text of `lists/spoken.languages.jsonl` is spoken by espeak-ng in two voices and speeds. It is counted how many are
taken for another language than English, which is refused, and how many of those that pass for English without being it
become a question that can be asked of the packaged graph (right or not: `benchmarks.speech` counts that).

It writes `results/spoken_languages.json` and `.md` beside this file. A run that was stopped goes on from DIR.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, machine_words
from benchmarks.speech import HERE, kept, recording, resumable, world
from reasoning.parsing import understand
from reasoning.speech import SpeechError, SpokenLanguageError, hear_question, open_speech_model
from reasoning.speech.model import language_name
from skylark.text import aligned

LIST = HERE / "lists" / "spoken.languages.jsonl"
WAYS = (("", 140), ("+f2", 170))
"""Variants of an espeak-ng voice, and the words a minute of each."""
REFUSED, NO_WORDS, TAKEN = OUTCOMES = ("refused as another language", "no words", "taken for English")
"""What becomes of a recording; some of those that are taken become a question."""


def outcome(key: str) -> dict[str, Any]:
    """What becomes of a recording: its `outcome`, the text that is `heard`, and the `query` that it is read as, if any.

    Args:
        key: its voice, words a minute, language and text, as a JSON list.
    """
    voice, speed, _, text = json.loads(key)
    try:
        heard = hear_question(recording(text, voice, speed), world(), open_speech_model()).text
    except SpokenLanguageError as error:
        return {"outcome": REFUSED, "heard": error.transcript.text}
    except SpeechError as error:
        return {"outcome": NO_WORDS, "heard": "", "error": str(error)}
    query = understand(heard, world()).query
    return {"outcome": TAKEN, "heard": heard, "query": None if query is None else str(query)}


def row(name: str, lines: Sequence[dict[str, Any]]) -> list[str]:
    """A language's line of the table: what became of its recordings."""
    counts = [sum(line["outcome"] == kind for line in lines) for kind in OUTCOMES]
    asked = sum(line.get("query") is not None for line in lines)
    return [name, *map(str, (len(lines), *counts, asked))]


def report(found: dict[str, Any]) -> str:
    """The results' page."""
    lines = found["lines"]
    codes = sorted({line["language"] for line in lines} - {"en"}, key=language_name)
    others = [line for line in lines if line["language"] != "en"]
    rows = [
        row("English", [line for line in lines if line["language"] == "en"]),
        row("all others", others),
        *(row(language_name(code), [line for line in others if line["language"] == code]) for code in codes),
    ]
    asked = [line for line in others if line.get("query") is not None]
    return "\n".join(
        [
            "# Spoken languages\n",
            f"`python -m benchmarks.spoken_languages`: {machine_words(found['machine'])}; Whisper-base in 8 bits. The "
            f"texts of `{LIST.name}`, written without sight of the code, are spoken by espeak-ng at "
            f"{' and '.join(str(speed) for _, speed in WAYS)} words a minute by two voices each.\n",
            "```",
            aligned(["language", "recordings", *OUTCOMES, "become a question"], rows),
            "```",
            "\n## In another language, and asked as a question\n",
            *(f"- {language_name(line['language'])}: “{line['text']}” as “{line['heard']}”" for line in asked),
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    options = resumable(__doc__).parse_args(arguments)
    entries = [json.loads(line) for line in LIST.read_text(encoding="utf-8").splitlines()]
    keys = [
        json.dumps([entry["voice"] + variant, speed, entry["language"], entry["text"]], ensure_ascii=False)
        for entry in entries
        for variant, speed in WAYS
    ]
    with tempfile.TemporaryDirectory() as own:
        work = options.work or Path(own)
        work.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
            lines = kept(work / "languages.jsonl", keys, outcome, pool.map)
    for line in lines:
        line["voice"], line["words_a_minute"], line["language"], line["text"] = json.loads(line.pop("key"))
    found = {"machine": machine(), "lines": lines}
    text = report(found)
    (HERE / "results" / "spoken_languages.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (HERE / "results" / "spoken_languages.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
