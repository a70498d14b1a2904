"""How well spoken questions are heard: word errors, time, memory, and how many are answered as when they are typed.

    python -m benchmarks.speech [--questions N] [--workers N] [--work DIR]

Two parts. *Captions*: the 100 recordings of `speech/spoken_captions` in the data folder, one synthetic voice. Words are
compared by jiwer after Whisper's own normalisation of English (transformers' `EnglishTextNormalizer`, without its table
of British spellings): lower case, no punctuation, contractions and numbers in one form. *Questions*: the first 100 of
`lists/questions.spoken.unseen.jsonl` that are answered when they are typed, spoken by espeak-ng in three voices and
speeds; one counts as heard where the answer is the same. A third of them is also heard without the graph, whose words
and names are expected otherwise, and whose reader chooses among what may have been said.

It writes `results/speech.json` and `.md` beside this file. A run that was stopped goes on from DIR.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jiwer
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from benchmarks.machine import machine, machine_words
from benchmarks.question_lists import result_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing import understand
from reasoning.query.tree import Query
from reasoning.speech import (
    Audio,
    SpeechError,
    SpokenLanguageError,
    hear_question,
    load_audio,
    open_speech_model,
    spoken_topic,
)
from skylark.text import aligned

HERE = Path(__file__).resolve().parent
LIST = HERE / "lists" / "questions.spoken.unseen.jsonl"
VOICES = (("en-us", 140), ("en-gb+f2", 160), ("en-gb-x-rp+m3", 180))
"""espeak-ng's voices, and the words a minute of each."""
QUESTIONS = 100
WITHOUT_EVERY = 3
OUTCOMES = ("same", "refused or asked back", "answered otherwise")


def kept(
    path: Path, keys: Sequence[str], make: Callable[[str], dict[str, Any]], run: Callable[..., Iterator[Any]] = map
) -> list[dict[str, Any]]:
    """A line for each key: those that a stopped run has written, and the others made, by `run`, and written."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    done = {line["key"]: line for line in map(json.loads, lines)}
    missing = [key for key in dict.fromkeys(keys) if key not in done]
    for number, (key, made) in enumerate(zip(missing, run(make, missing), strict=True), start=1):
        done[key] = {"key": key, **made}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[key], ensure_ascii=False) + "\n")
        print(f"{path.stem}: {number} of {len(missing)}", end="\r", file=sys.stderr, flush=True)
    return [done[key] for key in keys]


def captions(work: Path) -> dict[str, Any]:
    """Word errors, seconds and memory of the captions; in a process of its own, for the memory."""
    folder = Path(os.environ["SKYLARK_DATA"]) / "speech" / "spoken_captions"
    with (folder / "transcripts.tsv").open(encoding="utf-8") as file:
        spoken = {row["file"]: row["spoken"] for row in csv.DictReader(file, delimiter="\t")}
    before = peak_mib()
    model = open_speech_model()

    def hear(key: str) -> dict[str, Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        audio = load_audio(folder / "audio" / key)
        heard = model.transcript(audio, ("en",))
        return {
            "spoken": spoken[key], "heard": heard.text, "language": heard.language, "audio_seconds": audio.seconds,
            "wall_seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - cpu,
        }  # fmt: skip

    lines = kept(work / "captions.jsonl", list(spoken), hear)
    return {**word_errors([(line["spoken"], line["heard"]) for line in lines]), **times(lines),
            "recordings": len(lines), "peak_mib": peak_mib(), "peak_before_model_mib": before}  # fmt: skip


def peak_mib() -> int:
    """The most memory that this process has held; `ru_maxrss` counts what its parent held when it was begun."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return round(int(status["VmHWM"].split()[0]) / 1024)


def word_errors(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The word error rate of pairs of what was said and what was heard."""
    normal: Callable[[str], str] = EnglishTextNormalizer({})
    found = jiwer.process_words([normal(said) for said, _ in pairs], [normal(heard) for _, heard in pairs])
    words = found.hits + found.substitutions + found.deletions
    return {"word_error_rate": round(found.wer, 4), "words": words}


def times(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Seconds of computing for each second of speech."""
    audio = sum(line["audio_seconds"] for line in lines)
    return {
        "audio_seconds": round(audio, 1),
        "wall_a_second": round(sum(line["wall_seconds"] for line in lines) / audio, 3),
        "processor_a_second": round(sum(line["processor_seconds"] for line in lines) / audio, 3),
    }


def questions(work: Path, count: int, run: Callable[..., Iterator[Any]]) -> dict[str, Any]:
    """How many spoken questions are answered as when they are typed."""
    kg = world()
    reader = Reader(kg, work / "read.jsonl", run)
    typed = typed_questions(reader, count)
    parts: dict[str, Any] = {"before": spoken_topic(kg).before}
    for name, chosen in (("with", typed), ("without", typed[::WITHOUT_EVERY])):
        keys = [f"{voice}: {question}" for question in chosen for voice, _ in VOICES]
        lines = kept(work / f"heard.{name}.jsonl", keys, partial(heard, expected=name == "with"), run)
        reader.read([line["heard"] for line in lines if line["heard"]])
        for line in lines:
            line["voice"], line["question"] = line["key"].split(": ", 1)
            line["outcome"] = reader.outcome(line)
        parts[name] = {"all": summed(lines)} | {
            voice: summed([line for line in lines if line["voice"] == voice]) for voice, _ in VOICES
        }
        shown = ("voice", "question", "heard", "error", "outcome")
        parts[f"{name}_lines"] = [{field: line[field] for field in shown} for line in lines]
    others = set(typed[::WITHOUT_EVERY])
    parts["with_of_the_same"] = share([line for line in parts["with_lines"] if line["question"] in others])
    return parts


class Reader:
    """Reads questions about one graph, each text once."""

    def __init__(self, kg: KnowledgeGraph, path: Path, run: Callable[..., Iterator[Any]]) -> None:
        self._kg, self._path, self._run = kg, path, run
        self._results: dict[str, Hashable] = {}
        self.queries: dict[str, str | None] = {}

    def read(self, texts: Sequence[str]) -> None:
        """Read what was not read before, and keep it."""
        for line in kept(
            self._path, [text for text in dict.fromkeys(texts) if text not in self.queries], read, self._run
        ):
            self.queries[line["key"]] = line["query"]

    def outcome(self, line: dict[str, Any]) -> str:
        """What became of a spoken question."""
        query = None if line["error"] else self.queries.get(line["heard"])
        if query is None:
            return "refused or asked back"
        return "same" if self._result(query) == self._result(self.queries[line["question"]]) else "answered otherwise"

    def _result(self, query: str | None) -> Hashable:
        assert query is not None
        if query not in self._results:
            self._results[query] = result_of(Query.parse(query), self._kg)
        return self._results[query]


@cache
def world() -> KnowledgeGraph:
    return KnowledgeGraph.load("world")


def read(text: str) -> dict[str, Any]:
    """The query that a text is read as."""
    query = understand(text, world()).query
    return {"query": None if query is None else str(query)}


def typed_questions(reader: Reader, count: int) -> list[str]:
    """The first questions of the list that are answered when they are typed, so many."""
    asked = [json.loads(line)["question"] for line in LIST.read_text(encoding="utf-8").splitlines()]
    reader.read(asked)
    return [question for question in asked if reader.queries[question] is not None][:count]


def recording(text: str, voice: str, speed: int) -> Audio:
    """A text as espeak-ng says it at so many words a minute."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", "--", text]
    return load_audio(subprocess.run(command, check=True, capture_output=True).stdout)


def heard(key: str, expected: bool) -> dict[str, Any]:
    """What is heard of a question, spoken by a voice, where the graph's words are expected or not."""
    graph, model = world() if expected else None, open_speech_model()
    voice, question = key.split(": ", 1)
    audio = recording(question, voice, dict(VOICES)[voice])
    wall, cpu = time.perf_counter(), time.process_time()
    error = ""
    try:
        text = hear_question(audio, graph, model).text
    except SpokenLanguageError as problem:
        text, error = problem.transcript.text, str(problem)
    except SpeechError as problem:
        text, error = "", str(problem)
    return {
        "heard": text, "error": error, "audio_seconds": audio.seconds,
        "wall_seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - cpu,
    }  # fmt: skip


def share(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    count = {
        kind: sum(line["outcome"] == kind for line in lines)
        for kind in ("same", "refused or asked back", "answered otherwise")
    }
    return {"spoken": len(lines), **count, "share_as_typed": round(count["same"] / len(lines), 3)}


def summed(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return share(lines) | word_errors([(line["question"], line["heard"]) for line in lines]) | times(lines)


def report(found: dict[str, Any]) -> str:
    """The tables of the results' page."""
    said, asked = found["captions"], found["questions"]
    rows = [
        [kind, voice, line["spoken"], line["same"], line["refused or asked back"], line["answered otherwise"],
         line["share_as_typed"], line["word_error_rate"], line["processor_a_second"]]
        for kind in ("with", "without") for voice, line in asked[kind].items()
    ]  # fmt: skip
    header = ["graph's words", "voice", "spoken", "as typed", "refused or asked back", "answered otherwise", "share",
              "word error rate", "processor seconds a second"]  # fmt: skip
    same = asked["with_of_the_same"]
    return "\n".join(
        [
            "# Spoken questions\n",
            f"`python -m benchmarks.speech`: {machine_words(found['machine'])}; {found['model']}.\n",
            f"**Captions** ({said['recordings']} recordings of one synthetic voice, {said['audio_seconds']:g} s, "
            f"{said['words']:,} words): word error rate {said['word_error_rate']:.3f}, "
            f"{said['processor_a_second']:.2f} seconds of the processor and {said['wall_a_second']:.2f} of the clock "
            f"for a second of speech (the machine did other work beside it), {said['peak_mib']} MiB at most "
            f"({said['peak_before_model_mib']} before the model is opened).\n",
            f"**Questions** of `{LIST.name}` that are answered when typed, spoken by espeak-ng (voices "
            f"{', '.join(f'{voice} at {speed} words a minute' for voice, speed in VOICES)}), heard by "
            f"{found['workers']} processes at once:\n",
            "```",
            aligned(header, [[str(cell) for cell in row] for row in rows]),
            "```",
            f"\nOf the {same['spoken']} that were also heard without the graph's words, {same['same']} are answered as "
            f"typed with them and {asked['without']['all']['same']} without.",
            "",
        ]
    )


def resumable(description: str) -> argparse.ArgumentParser:
    """The options of a run by several processes that goes on where it was stopped; of its description the first line
    is shown."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, help="where a stopped run goes on from; default: a folder for this run alone"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that hear at once; default: 1, for times alone"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    parser = resumable(__doc__)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"how many are spoken; default: {QUESTIONS}")
    parser.add_argument("--part", choices=("captions",), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as own:
        work = options.work or Path(own)
        work.mkdir(parents=True, exist_ok=True)
        if options.part:
            print(json.dumps(captions(work)))
            return
        with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
            asked = questions(work, options.questions, pool.map)
        command = [sys.executable, "-m", "benchmarks.speech", "--part", "captions", "--work", str(work)]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
    model = "Whisper-base, 8 bits, beams of 5; names are searched for in float32, by beams of 8"
    found = {"machine": machine(), "model": model, "workers": options.workers,
             "captions": said, "questions": asked}  # fmt: skip
    text = report(found)
    (HERE / "results" / "speech.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (HERE / "results" / "speech.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
