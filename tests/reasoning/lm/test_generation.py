from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning.lm.errors import LLMError
from reasoning.lm.generation import BeamWriter, Writer, Writing, load_writer
from reasoning.lm.local_weights import open_model
from reasoning.lm.low_rank import save_adapter
from reasoning.lm.packed_attention import PACKED, register
from reasoning.lm.packs import Pack, Segment, reply_logits
from tests.reasoning.word_models import WORDS, word_model
from training.learners import prepare_writer
from training.loop import TrainingError, WritingOptions


@pytest.fixture(scope="session")
def model(words: Path) -> Path:
    return words


@pytest.fixture(scope="module")
def adapter(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    options = WritingOptions(source=str(model), layers=2, rank=4, dtype="bfloat16")
    writer = prepare_writer("words", options)
    for parameter in writer.decoder.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("adapters") / "random"
    save_adapter(writer.decoder, folder)
    writer.writing.write(folder)
    return folder


@pytest.fixture(scope="module")
def writer(model: Path, adapter: Path) -> Writer:
    return load_writer(adapter, "words", str(model), dtype="float32")


def ids(writer: Writer, *words: str) -> np.ndarray:
    return writer.tokens.text("".join(f" {word}" for word in words))


@pytest.fixture(scope="module")
def pack() -> Pack:
    rng = np.random.default_rng(0)
    beginning = rng.integers(1, 900, 7)
    drawn = [[rng.integers(1, 900, size) for size in sizes] for sizes in ((3, 2), (4, 5), (1, 1), (2, 1, 3, 2))]
    pack = Pack(beginning, [Segment.of(*zip(parts[::2], parts[1::2], strict=True)) for parts in drawn])
    replies = [token for parts in drawn for reply in parts[1::2] for token in reply.tolist()]
    assert pack.replies.tolist() == replies
    return pack


@pytest.fixture(scope="module")
def packed(model: Path) -> Any:
    register()
    opened, _ = open_model(model, "words")
    opened.set_attn_implementation(PACKED)
    return opened


@pytest.fixture(scope="module")
def alone(model: Path) -> Any:
    return open_model(model, "words")[0]


def logits_alone(model: Any, pack: Pack) -> Any:
    """By one pass over each of a pack's prompts."""
    import torch

    found = []
    for segment in pack.segments:
        row = torch.from_numpy(np.concatenate([pack.beginning, segment.tokens]))[None]
        found.append(model(input_ids=row).logits[0, len(pack.beginning) + segment.replies - 1])
    return torch.cat(found)


def test_in_one_pass_over_a_pack_the_model_says_and_learns_the_same(packed: Any, alone: Any, pack: Pack) -> None:
    import torch

    found = reply_logits(packed.base_model, packed.get_output_embeddings(), pack)
    expected = logits_alone(alone, pack)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), atol=1e-4)
    right = torch.from_numpy(pack.replies)
    for logits in (found, expected):
        torch.nn.functional.cross_entropy(logits, right).backward()
    pairs = zip(packed.named_parameters(), alone.parameters(), strict=True)
    moved = {name: (one.grad, other.grad) for (name, one), other in pairs if other.grad is not None}
    assert any("k_proj" in name for name in moved)
    for name, (one, other) in moved.items():
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6, rtol=1e-3, err_msg=name)


def test_beams_find_the_likeliest_texts_with_the_probability_that_the_model_gives_them(writer: Writer) -> None:
    import torch

    words = WORDS[:3]
    grammar = "start: word word?\nword: " + " | ".join(f"<[{int(ids(writer, word)[0])}]>" for word in words)
    beams = BeamWriter(writer, texts=12, worth_following=1e-12, remembered=0)
    found = beams.write(" find", " both either", grammar)
    prompt = ids(writer, "find", "both", "either")
    expected = {}
    for text in [(one,) for one in words] + [(one, two) for one in words for two in words]:
        reply = np.append(ids(writer, *text), writer.tokens.end)
        row = torch.from_numpy(np.concatenate([prompt, reply]))[None]
        with torch.inference_mode():
            hidden = writer.decoder(input_ids=row).last_hidden_state[0, len(prompt) - 1 : -1]
            scores = torch.log_softmax(writer.head(hidden).float(), -1)
        expected["".join(f" {word}" for word in text)] = float(scores[torch.arange(len(reply)), reply].sum())
    given = {one.text: one.log_probability for one in found}
    assert given == pytest.approx({text: expected[text] for text in given}, abs=1e-3)
    assert [one.log_probability for one in found] == sorted(given.values(), reverse=True)
    assert found[0].log_probability == pytest.approx(max(expected.values()), abs=1e-3)
    assert beams.write(" find", " both either", grammar) == found, "a kept beginning changes nothing"


def test_threads_share_passes_and_each_gets_what_it_gets_alone(writer: Writer) -> None:
    words = [int(ids(writer, word)[0]) for word in WORDS[:4]]
    one, two = "start: w w? w?\nw: ", "start: w w w w?\nw: "
    prompts = [
        (" find", " both either", one + " | ".join(f"<[{token}]>" for token in words[:3])),
        (" find all", "".join(f" {word}" for word in WORDS[4:11]), two + " | ".join(f"<[{token}]>" for token in words)),
        (" find", f" {WORDS[7]}", one + f"<[{words[0]}]>"),
        (" all", " both", two + " | ".join(f"<[{token}]>" for token in words[2:])),
    ]
    rows: list[int] = []

    def decoder(**given: Any) -> Any:
        rows.append(len(given["input_ids"]))
        return writer.decoder(**given)

    beams = BeamWriter(replace(writer, decoder=decoder), texts=5, worth_following=1e-3, remembered=0)
    alone = [beams.write(*prompt) for prompt in prompts]
    assert set(rows) == {1}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: beams.write(*prompt), prompts * 6))
    assert max(rows) > 1
    for texts, expected in zip(together, alone * 6, strict=True):
        assert len(texts) == len(expected) > 0
        found = {text.text: text.log_probability for text in texts}
        assert found == pytest.approx({text.text: text.log_probability for text in expected}, abs=1e-3)


def test_what_was_written_of_late_is_not_written_again(writer: Writer) -> None:
    passes: list[object] = []

    def decoder(**given: Any) -> Any:
        passes.append(given)
        return writer.decoder(**given)

    one, two = (f"start: <[{int(ids(writer, word)[0])}]>" for word in WORDS[:2])
    beams = BeamWriter(replace(writer, decoder=decoder), remembered=2)
    written = beams.write(" find", " both", one)
    before = len(passes)
    assert beams.write(" find", " both", one) == written
    assert len(passes) == before
    assert beams.write(" find", " both", two) != written, "another grammar is another text"
    assert beams.write(" find", " either", one)
    before = len(passes)
    assert beams.write(" find", " both", one) == written
    assert len(passes) > before, "the first of three is forgotten where two are remembered"


def test_an_adapter_of_another_base_or_job_is_refused_and_a_control_token_in_a_text_is_spelt(
    adapter: Path, writer: Writer, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = word_model(tmp_path / "other", seed=1)
    with pytest.raises(LLMError, match=r"another base model \(fingerprint \w+\) than this one \(\w+\)"):
        load_writer(adapter, "words", str(other))
    with pytest.raises(LLMError, match="writes words, not queries"):
        Writing.read(adapter, "queries")
    with pytest.raises(LLMError, match="holds no adapter that writes words"):
        Writing.read(tmp_path, "words")
    assert writer.tokens.end not in writer.tokens.text(" find<|im_end|> both").tolist()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TrainingError, match="g\\+\\+ or clang"):
        prepare_writer("words", WritingOptions(source=str(model), layers=2, rank=4, compiled=True))
