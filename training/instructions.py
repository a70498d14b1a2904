"""Training of the model that reads instructions and expressions about images and videos.

A few thousand written ones name each thing so often that a student would learn what is looked for instead of reading
it: words that are copied are exchanged in text and reply alike. `lessons/image_lists/README.md` has the lists' form.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reasoning import Query
from reasoning.errors import QueryError
from reasoning.lm.generation import WriterTokens
from reasoning.lm.packs import Pack, Segment
from reasoning.query.tree import Count, Entity, Exists, Intersect, Project
from training.learners import PackExample, WriteLearner, prepare_writer
from training.loop import Progress, Report, TrainingError, WritingOptions, claimed, last_checkpoint, train
from vision.classes.vocabulary import singular
from vision.detections.colours import BASIC_COLOURS
from vision.errors import InstructionError
from vision.parsing import expression_codec, instruction_codec
from vision.parsing.expression_codec import PAIRED, kind_of_event
from vision.parsing.expression_reader import PEOPLE, beginning
from vision.parsing.instruction_codec import TaskReply
from vision.parsing.instruction_reader import BEGINNING as ABOUT_INSTRUCTIONS
from vision.parsing.prompt import NUMBERED, PICTURE, VIDEO, Pieces, Question, Sentence, TextPrompt
from vision.parsing.reader import JOB
from vision.scene.graph import KIND
from vision.video.motions import ACTION, MOTIONS, SIDE, SIDES

FOLDER = Path(__file__).parent / "lessons" / "image_lists"


@dataclass(frozen=True)
class InstructionExample:
    """An instruction and the reply that is right."""

    text: str
    reply: TaskReply


def reply_of(entry: Mapping[str, Any]) -> TaskReply:
    """The reply that an entry of a list calls right."""
    task = entry["task"]
    if task.get("contradiction"):
        return TaskReply(contradiction="its parts exclude each other")
    values: dict[str, Any] = {
        "kind": task.get("do", "detect"),
        "classes": entry.get("said", ()),
        "excluded": entry.get("said_not", ()),
        "asks_whether": entry.get("whether", False),
        "unread": entry.get("unread_words", ()),
        "output": _output(task),
    }
    values |= {name: task[name] for name in ("expression", "limit", "min_score", "size") if task.get(name)}
    if task.get("region"):
        values["region"] = dict(zip(("left", "top", "right", "bottom"), task["region"], strict=True))
    return TaskReply.model_validate(values)


def _output(task: Mapping[str, Any]) -> dict[str, Any]:
    output = dict(task.get("output", {}))
    if output.get("format") == "tokens":
        output = {"scale": "range", **output}
    if "range" in output:
        output.setdefault("scale", "range")
    if "keys" in output:
        output["label_key"], output["box_key"] = output.pop("keys")
    if output.get("geometry") == ("polygon" if task.get("do") == "segment" or "points" in output else "box"):
        del output["geometry"]
    return output


def read_lists(paths: Sequence[Path]) -> list[InstructionExample]:
    """The entries of some lists that say by which words classes are named.

    Raises:
        TrainingError: a file is no such list.
    """
    found = []
    for path in paths:
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            found += [InstructionExample(entry["instruction"], reply_of(entry)) for entry in entries if _is_told(entry)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path} is no list of instructions ({type(error).__name__}: {error})") from error
    return found


def _is_told(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says which words name what it asks for, and which are not obeyed."""
    task = entry["task"]
    names = task.get("classes") is not None or task.get("undetectable")
    told = bool(entry.get("said") or entry.get("said_not")) or not names or task.get("contradiction")
    return bool(told and (entry.get("unread_words") or not task.get("unread")))


OTHER_CLASSES, OTHER_NUMBERS, LOWER, SLIPS = 0.6, 0.4, 0.08, 0.06
"""How often the classes are exchanged, the numbers are, capitals are lost, and a letter is doubled or lost."""


class Variations:
    """Samples variations of instructions.

    Args:
        instructions: whose class names are exchanged with each other.
    """

    def __init__(self, instructions: Sequence[InstructionExample]) -> None:
        names = {name.lower() for one in instructions for name in (*one.reply.classes, *one.reply.excluded)}
        plain = sorted(name for name in names if re.fullmatch(r"[a-z]+(?: [a-z]+)?", name))
        self._many = [name for name in plain if name.endswith("s") and not name.endswith("ss")]
        self._one = [name for name in plain if name not in set(self._many)]

    def sample(self, one: InstructionExample, rng: random.Random) -> InstructionExample:
        """A variation, or the instruction itself."""
        if rng.random() < OTHER_CLASSES:
            one = self._other_classes(one, rng)
        if rng.random() < OTHER_NUMBERS:
            one = _other_numbers(one, rng)
        if one.reply.output.label_key != "label":
            return one
        if rng.random() < LOWER:
            one = InstructionExample(one.text.lower(), one.reply)
        return _slip(one, rng) if rng.random() < SLIPS else one

    def _other_classes(self, one: InstructionExample, rng: random.Random) -> InstructionExample:
        """Each class that is named in one place only, and by none of the words of another, by another name."""
        reply, text = one.reply, one.text
        if reply.expression is not None:
            return one
        names = [*reply.classes, *reply.excluded]
        words = [word for name in (*names, *reply.unread) for word in name.lower().split()]
        put: dict[str, str] = {}
        for name in names:
            places = list(re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE))
            shared = any(words.count(word) > 1 for word in name.lower().split())
            if len(places) != 1 or shared or not re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)?", name):
                continue
            if re.search(r"(?:thing|things|stuff|that|is|are)\s+$", text[: places[0].start()], re.IGNORECASE):
                continue  # "anything edible"
            pool = self._many if name.lower() in self._many or name.endswith("s") else self._one
            other = rng.choice(pool)
            if re.search(rf"(?<!\w){re.escape(other)}(?!\w)", text, re.IGNORECASE) or other in put.values():
                continue
            start, end = places[0].span()
            shown = other.capitalize() if text[start].isupper() and not text[start:end].istitle() else other
            text = text[:start] + shown + text[end:]
            put[name] = other
        classes, excluded = ([put.get(name, name) for name in part] for part in (reply.classes, reply.excluded))
        return InstructionExample(text, reply.model_copy(update={"classes": classes, "excluded": excluded}))


def _other_numbers(one: InstructionExample, rng: random.Random) -> InstructionExample:
    """A number of objects, points or a range that stands there once in digits, another in its place."""
    reply, text = one.reply, one.text
    output = reply.output
    for value, least, most in (
        (None if reply.limit is None else reply.limit.count, 2, 20),
        (output.points, 4, 64),
        (output.range if output.scale == "range" else None, 100, 2000),
    ):
        if value is None or value < 2 or not _stands_once(value, text):
            continue
        other = rng.randint(least, most)
        text = re.sub(rf"(?<!\d){value}(?!\d)", str(other), text)
        if value == (reply.limit.count if reply.limit else None):
            reply = reply.model_copy(update={"limit": reply.limit.model_copy(update={"count": other})})  # type: ignore[union-attr]
        elif value == output.points:
            output = output.model_copy(update={"points": other})
        else:
            output = output.model_copy(update={"range": other})
    return InstructionExample(text, reply.model_copy(update={"output": output}))


def _stands_once(number: int, text: str) -> bool:
    """Whether a number is said in one place, in digits and as no part of another or of a name such as "x16"."""
    places = re.findall(rf"(?<![\d.]){number}(?!\.?\d)", text)
    return len(places) == 1 and not re.search(rf"[A-Za-z_]{number}", text)


def _slip(one: InstructionExample, rng: random.Random) -> InstructionExample:
    """One letter lost or doubled in a word that the reply does not copy."""
    reply = one.reply
    copied = " ".join([*reply.classes, *reply.excluded, reply.expression or "", *reply.unread]).lower()
    words = [
        word
        for word in TextPrompt(one.text).copied_words.words
        if len(word.text) > 3 and word.text.isalpha() and word.text.lower() not in copied
    ]
    if not words:
        return one
    word = rng.choice(words)
    at = rng.randrange(word.start + 1, word.end - 1)
    put = one.text[at] * 2 if rng.random() < 0.5 else ""
    return InstructionExample(one.text[:at] + put + one.text[at + 1 :], reply)


VIDEO_LIST = ".video.jsonl"
"""How the names of lists about videos end."""

OTHER_WORDS, LOWER_EXPRESSION = 0.6, 0.15
"""How often the words that name things are exchanged, and capitals and the last mark are lost."""


@dataclass(frozen=True)
class ExpressionExample:
    """An expression, what it asks, and by class or colour the words that say it."""

    text: str
    sentence: Sentence
    words: Mapping[str, Sequence[str]]


_ASKED_OF = {"colour": "colour", "way": SIDE}
"""Questions to the relation to what answers them, with which a query may begin."""


def sentence_of(entry: Mapping[str, Any]) -> Sentence:
    """What an entry of a list asks.

    Raises:
        QueryError: its query cannot be parsed.
    """
    query = Query.parse(entry["query"])
    question: Question = "exists" if entry["question"] == "check" else entry["question"]
    bound = _bound(*entry["bound"]) if entry.get("bound") else None
    if isinstance(query, Count | Exists):
        query = query.part
    elif isinstance(query, Project) and not query.inverse and query.relation == _ASKED_OF.get(question):
        query = query.source
    wanted = entry["wanted"] if question in NUMBERED else "all"
    number = {"one": 1, "all": None}[wanted] if wanted in ("one", "all") else int(wanted)
    return Sentence(question, number, query, bool(entry.get("denied")), bound)


def _bound(operator: str, number: int) -> tuple[str, int]:
    """A bound on a number of things, as sentences have it: "more than 4" is at least 5."""
    if operator in (">", "<"):
        return f"{operator}=", number + (1 if operator == ">" else -1)
    return operator, number


def read_expressions(paths: Sequence[Path]) -> list[ExpressionExample]:
    """The entries of some lists that say by which words things are named.

    Raises:
        TrainingError: a file is no such list.
    """
    found = []
    for path in paths:
        try:
            entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            found += [
                ExpressionExample(entry["expression"], sentence_of(entry), _phrases(entry["words"]))
                for entry in entries
                if "words" in entry
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, QueryError) as error:
            raise TrainingError(f"{path} is no list of expressions ({type(error).__name__}: {error})") from error
    return found


def _phrases(words: Mapping[str, Any]) -> dict[str, list[str]]:
    return {value: said if isinstance(said, list) else [said] for value, said in words.items()}


class ExpressionVariations:
    """Samples variations of expressions.

    Args:
        expressions: whose names of things are exchanged with each other.
    """

    def __init__(self, expressions: Sequence[ExpressionExample]) -> None:
        labels = {label for one in expressions for label in actions_of(one.sentence.things)}
        said = {
            phrase.lower()
            for one in expressions
            for value, phrases in one.words.items()
            for phrase in phrases
            if value not in labels and _is_thing(value) and re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)?", phrase)
        }
        said -= PEOPLE
        done = {phrase for one in expressions for label in labels for phrase in one.words.get(label, ())}
        self._labels = labels
        self._actions: dict[str, list[str]] = {_form(phrase): [] for phrase in done}
        for phrase in sorted(done):
            self._actions[_form(phrase)].append(phrase)
        self._many = sorted(phrase for phrase in said if singular(last := phrase.split()[-1]) != last)
        self._one = sorted(said - set(self._many))

    def sample(self, one: ExpressionExample, rng: random.Random) -> ExpressionExample:
        """A variation, or the expression itself."""
        if rng.random() < OTHER_WORDS:
            one = self._other_words(one, rng)
        return replace(one, text=one.text.lower().rstrip("?.!")) if rng.random() < LOWER_EXPRESSION else one

    def _other_words(self, one: ExpressionExample, rng: random.Random) -> ExpressionExample:
        text = one.text
        others: dict[str, str] = {}
        for value, phrases in one.words.items():
            for phrase in phrases:
                places = list(re.finditer(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", text, re.IGNORECASE))
                pool = self._pool(value, phrase)
                other = rng.choice(pool) if pool else phrase
                taken = phrase in others or re.search(rf"\b{re.escape(other)}\b", text, re.IGNORECASE)
                if len(places) != 1 or taken:
                    continue
                start, end = places[0].span()
                text = text[:start] + (other.capitalize() if text[start].isupper() else other) + text[end:]
                others[phrase] = other
        put = {value: [others.get(phrase, phrase) for phrase in phrases] for value, phrases in one.words.items()}
        return ExpressionExample(text, one.sentence, put)

    def _pool(self, value: str, phrase: str) -> Sequence[str]:
        if value in self._labels:
            return self._actions[_form(phrase)]
        if value in BASIC_COLOURS:
            return BASIC_COLOURS
        if not _is_thing(value) or phrase.lower() not in {*self._many, *self._one}:
            return ()
        return self._many if phrase.lower() in self._many else self._one


def actions_of(query: Query) -> set[str]:
    """The labels of the actions that a query names."""
    found = {label for part in query.children for label in actions_of(part)}
    if isinstance(query, Intersect) and kind_of_event(ACTION) in query.parts:
        kinds = [part.source for part in query.parts if isinstance(part, Project) and part.relation == KIND]
        found |= {kind.name for kind in kinds if isinstance(kind, Entity) and kind.name != ACTION}
    return found


def _form(phrase: str) -> str:
    """The ending of a verb at the beginning of a phrase: "peels the cucumber" is said where "pours milk" is."""
    verb = phrase.lower().split()[0]
    return next((ending for ending in ("ing", "ed", "s") if verb.endswith(ending)), "")


def _is_thing(value: str) -> bool:
    """Whether a value is a class or a kind of classes, and no colour, size, place, side or happening."""
    if value in (*BASIC_COLOURS, *SIDES, *PAIRED, *MOTIONS):
        return False
    return not re.search(r"half$|third$|^(?:centre|small|medium|large)$", value)


KEPT_BACK = 10
"""One of so many texts, chosen by its letters, is examined with and not taught."""

TOGETHER = 12
"""Texts of a pack that is examined with."""


def is_kept_back(text: str) -> bool:
    """Whether an instruction or expression is not taught."""
    return zlib.crc32(text.encode()) % KEPT_BACK == 0


@dataclass(frozen=True, kw_only=True)
class InstructionOptions(WritingOptions):
    """How a student is taught to read instructions and expressions.

    Attributes:
        expressions: share of the packs that are of expressions.
        videos: share of these that are of expressions about videos.
    """

    expressions: float = 0.3
    videos: float = 0.0


@dataclass(frozen=True)
class Texts:
    """What is taught: written instructions, expressions about pictures, and expressions about videos."""

    instructions: Sequence[InstructionExample] = ()
    expressions: Sequence[ExpressionExample] = ()
    videos: Sequence[ExpressionExample] = ()


def train_instructions(
    options: InstructionOptions,
    out: Path,
    say: Callable[[str], None],
    texts: Texts,
    *,
    start: Path | None = None,
    device: str = "cpu",
) -> Report:
    """Teach a student to read until `options.tokens` are seen; a run that stopped goes on.

    Args:
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        texts: taught, but a tenth of them, which is examined with.
        start: an adapter to begin with, None for a new one.
        device: by torch's name; a run may go on upon another.

    Returns:
        The last examination.

    Raises:
        TrainingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    with claimed(out, options):
        writer = prepare_writer(JOB, options, last_checkpoint(out) or start, device)
        return train(ReadingCurriculum(texts, options, writer.tokens), options, out, WriteLearner(writer), say)


class ReadingCurriculum:
    """The packs of a run; a `training.loop.Curriculum`.

    Args:
        texts: taught and held out.
        options: how much is sampled.
        tokens: the student's.
    """

    unique_tokens = 0

    def __init__(self, texts: Texts, options: InstructionOptions, tokens: WriterTokens) -> None:
        self._options, self._tokens = options, tokens
        self._instructions = [one for one in texts.instructions if not is_kept_back(one.text)]
        self._expressions = [one for one in texts.expressions if not is_kept_back(one.text)]
        self._videos = [one for one in texts.videos if not is_kept_back(one.text)] if options.videos else []
        self._instruction_variations = Variations(self._instructions)
        self._expression_variations = ExpressionVariations(self._expressions)
        self._video_variations = ExpressionVariations([*self._expressions, *self._videos])
        tasks = list(self._tasks([one for one in texts.instructions if is_kept_back(one.text)]))
        sentences = list(self._sentences([one for one in texts.expressions if is_kept_back(one.text)], PICTURE))
        kept_back = [one for one in texts.videos if is_kept_back(one.text)] if options.videos else []
        of_videos = list(self._sentences(kept_back, VIDEO))
        self.exam, self._calibrating = (
            [
                *self._packs(tasks[half::2], ABOUT_INSTRUCTIONS),
                *self._packs(sentences[half::2], beginning(PICTURE)),
                *self._packs(of_videos[half::2], beginning(VIDEO)),
            ]
            for half in (0, 1)
        )

    def next_pass(self, progress: Progress) -> list[PackExample]:
        """One pack, sampled by the update's number, so that a run that goes on meets the same."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        of_expressions = bool(self._expressions) and (
            not self._instructions or rng.random() < self._options.expressions
        )
        # Without videos no number is sampled for them, so that such runs meet what they met before there were any.
        of_videos = bool(self._videos) and of_expressions and rng.random() < self._options.videos
        about = beginning(VIDEO if of_videos else PICTURE) if of_expressions else ABOUT_INSTRUCTIONS
        segments: list[tuple[str, Segment]] = []
        while sum(len(segment.tokens) for _, segment in segments) < 0.85 * self._options.tokens_of_a_pass:
            if of_videos:
                segments += self._sentences([self._video_variations.sample(rng.choice(self._videos), rng)], VIDEO)
            elif of_expressions:
                expression = self._expression_variations.sample(rng.choice(self._expressions), rng)
                segments += self._sentences([expression], PICTURE)
            else:
                segments += self._tasks([self._instruction_variations.sample(rng.choice(self._instructions), rng)])
        return [self._pack(segments, about)]

    def calibration(self) -> list[PackExample]:
        """Texts that were not taught, others than those of the exam."""
        return self._calibrating

    def _packs(self, segments: Sequence[tuple[str, Segment]], about: str) -> list[PackExample]:
        return [self._pack(segments[at : at + TOGETHER], about) for at in range(0, len(segments), TOGETHER)]

    def _pack(self, segments: Sequence[tuple[str, Segment]], about: str) -> PackExample:
        kinds = [kind for kind, _ in segments]
        return PackExample(Pack(self._tokens.text(about), [segment for _, segment in segments]), kinds)

    def _tasks(self, instructions: Sequence[InstructionExample]) -> Iterator[tuple[str, Segment]]:
        """Instructions with their replies as tokens, but for those that cannot be written or are far too long."""
        for one in instructions:
            prompt = TextPrompt(one.text)
            try:
                pieces = instruction_codec.written(one.reply, prompt)
                yield from self._segment(one.reply.kind, prompt, pieces)
            except InstructionError:
                continue

    def _sentences(self, expressions: Sequence[ExpressionExample], about: Pieces) -> Iterator[tuple[str, Segment]]:
        for one in expressions:
            prompt = TextPrompt(one.text)
            try:
                pieces = expression_codec.written(one.sentence, one.words, prompt, about)
                kind = "video" if about is VIDEO else "expression"
                yield from self._segment(f"{kind}: {one.sentence.question}", prompt, pieces)
            except InstructionError:
                continue

    def _segment(self, kind: str, prompt: TextPrompt, pieces: Sequence[str]) -> Iterator[tuple[str, Segment]]:
        segment = Segment.of((self._tokens.text(prompt.text), self._tokens.reply(pieces)))
        if len(segment.tokens) <= self._options.tokens_of_a_pass:
            yield kind, segment
