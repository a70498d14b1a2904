import json
import random
from pathlib import Path

import numpy as np
import pytest

from reasoning.lm.errors import LLMError
from reasoning.lm.generation import WriterTokens, Writing
from reasoning.lm.local_weights import find_weights
from tests.reasoning.word_models import word_model
from training.instructions import (
    FOLDER,
    VIDEO_LIST,
    InstructionExample,
    InstructionOptions,
    ReadingCurriculum,
    Texts,
    Variations,
    is_kept_back,
    read_expressions,
    read_lists,
    train_instructions,
)
from training.learners import PackExample
from training.loop import LOG_FILE, Progress, TrainingError
from vision.classes import COCO_CLASSES, ClassMatcher
from vision.parsing.instruction_codec import TaskReply, read_back, written
from vision.parsing.prompt import TextPrompt
from vision.parsing.reader import readers


@pytest.fixture(scope="module")
def written_ones() -> list[InstructionExample]:
    return read_lists(sorted(FOLDER.glob("*.json")))


def test_variations_read_back_as_what_they_were_made_to_mean(written_ones: list[InstructionExample]) -> None:
    variations, rng = Variations(written_ones), random.Random(0)
    changed = 0
    for one in rng.sample(written_ones, 150):
        other = variations.sample(one, rng)
        prompt = TextPrompt(other.text)
        back = read_back("".join(written(other.reply, prompt)), prompt)
        assert [name.lower() for name in back.classes] == [name.lower() for name in other.reply.classes], other.text
        assert (back.limit, back.size, back.output.points) == (
            other.reply.limit, other.reply.size, other.reply.output.points,
        ), other.text  # fmt: skip
        changed += other.text != one.text
    assert changed > 50


def test_a_tenth_is_kept_back_whatever_else_is_in_the_lists(written_ones: list[InstructionExample]) -> None:
    share = sum(is_kept_back(one.text) for one in written_ones) / len(written_ones)
    assert 0.06 < share < 0.14


def test_videos_take_their_share_and_change_nothing_where_they_have_none() -> None:
    from transformers import AutoTokenizer

    tokens = WriterTokens(AutoTokenizer.from_pretrained(find_weights(None)))
    lists = {path.name: path for path in FOLDER.glob("*.jsonl")}
    expressions = read_expressions([lists["everyday.jsonl"]])
    videos = read_expressions([path for name, path in lists.items() if name.endswith(VIDEO_LIST)])

    def packs(share: float, texts: Texts) -> list[PackExample]:
        curriculum = ReadingCurriculum(texts, InstructionOptions(videos=share, tokens_of_a_pass=256), tokens)
        passes = [curriculum.next_pass(Progress(updates=number))[0] for number in range(16)]
        return [*passes, *curriculum.exam, *curriculum.calibration()]

    before, without = packs(0.0, Texts((), expressions)), packs(0.0, Texts((), expressions, videos))
    assert [pack.kinds for pack in before] == [pack.kinds for pack in without]
    for one, other in zip(before, without, strict=True):
        np.testing.assert_array_equal(one.pack.tokens, other.pack.tokens)
    taught = packs(0.75, Texts((), expressions, videos))
    of_videos = [pack for pack in taught[:16] if all(kind.startswith("video: ") for kind in pack.kinds)]
    assert 5 <= len(of_videos) <= 16
    for pack in of_videos:
        assert tokens.decode(pack.pack.beginning) == "Expressions about a video, and the things that they mean.\n"
    assert {"video: when", "video: long", "expression: find"} <= {kind for pack in taught[16:] for kind in pack.kinds}


def test_a_list_of_another_form_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('[{"instruction": "dogs", "task": {"limit": {"count": 0}}}]')
    with pytest.raises(TrainingError, match=r"list\.json is no list of instructions"):
        read_lists([path])


@pytest.mark.slow
def test_what_a_run_leaves_is_an_adapter_that_reads(tmp_path: Path) -> None:
    model = word_model(tmp_path / "model")
    words = ("dogs", "cats", "cars", "buses")
    taught = [InstructionExample(f"find {word}", TaskReply(classes=[word])) for word in words] + [
        InstructionExample(f"show {number} {word}", TaskReply(classes=[word])) for word in words for number in range(12)
    ]
    small = InstructionOptions(source=str(model), layers=2, rank=2, tokens=600, tokens_of_a_pass=256, report_every=1000)
    report = train_instructions(small, tmp_path / "run", lambda said: None, Texts(taught))
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["tokens"] >= 600
    assert lines[-1]["held_out_exact"] == {kind: round(value, 4) for kind, value in report.exact.items()}
    reader = readers(tmp_path / "run" / "checkpoint", str(model)).instructions
    readings = reader.read(TextPrompt("find dogs"), ClassMatcher(COCO_CLASSES))
    assert sum(reading.probability for reading in readings) <= 1.0001
    with pytest.raises(LLMError, match="writes tasks, not queries"):
        Writing.read(tmp_path / "run" / "checkpoint", "queries")
