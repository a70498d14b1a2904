"""Any causal language model in this process: from a folder or the hub's cache, on a device, in a number format."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from reasoning import KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.lark.prompts import AbstractNaming
from reasoning.lm import EmbeddedChatModel, LLMError, decoding, describe_llm, load_llm
from reasoning.lm.constraint import Choices, ListGrammar
from reasoning.lm.decoding import Deadline
from reasoning.lm.local_weights import load_local_model
from tests.reasoning.lm.conftest import FAMILIES
from tests.reasoning.tiny_models import CHATML, NO_SYSTEM, WINDOW, tiny_model

CONVERSATION = [SystemMessage("Be brief."), HumanMessage("one?"), AIMessage("1"), HumanMessage("two?")]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def local(folder: Path, **options: Any) -> EmbeddedChatModel:
    llm = load_llm(f"hf:{folder}", **options)
    assert isinstance(llm, EmbeddedChatModel)
    return llm


@pytest.mark.parametrize("family", FAMILIES)
def test_decoding_agrees_with_transformers(models: dict[str, Path], family: str) -> None:
    import torch

    model = load_local_model(str(models[family]))
    prompt = model.encode_chat([{"role": "user", "content": "e1 r1 e2\n" * 40}])
    assert len(prompt) > decoding.PREFILL_BLOCK
    ours = "".join(p.text for p in model.generate(prompt, max_new_tokens=12, stop=[], deadline=Deadline(None)))
    ids = torch.tensor([prompt])
    theirs = model.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12)
    assert ours == model.tokenizer.decode(theirs[0, len(prompt) :], skip_special_tokens=True)
    assert model.context_window == WINDOW


def test_it_replies_counts_streams_costs_nothing_and_is_given_up_once_cancelled(models: dict[str, Path]) -> None:
    llm = local(models["llama"], max_new_tokens=6)
    reply = llm.invoke(CONVERSATION)
    assert reply.usage_metadata is not None and reply.usage_metadata["output_tokens"] == 6
    assert reply.usage_metadata["input_tokens"] == llm.get_num_tokens_from_messages(CONVERSATION)
    assert "".join(chunk.text for chunk in llm.stream(CONVERSATION)) == reply.text
    assert llm.get_num_tokens("e12, e3") == 7  # a token a byte
    kg = KnowledgeGraph.from_triples([("Ash", "road", "Birch")])
    options = LarkOptions(token_budget=200, max_new_tokens=4, repairs=0)
    answer = Reasoner(kg, llm=f"hf:{models['llama']}", method="lark", options=options).answer('road("Ash")')
    (attempt,) = answer.steps[0].attempts
    assert attempt.replied and attempt.usage.requests == 1 and attempt.usage.input_tokens > 50
    assert answer.usage.cost == 0
    asked = iter(range(100))
    llm = llm.model_copy(update={"cancelled": lambda: next(asked) > 3, "max_new_tokens": 100})
    with pytest.raises(LLMError, match="cancelled"):
        llm.invoke("e1")
    assert next(asked) == 5, "between two tokens: the prompt takes one pass"
    assert local(models["llama"], max_new_tokens=2).invoke("e1").usage_metadata is not None


def test_a_chat_template_without_a_system_role_or_with_thoughts(tmp_path: Path) -> None:
    model = load_local_model(str(tiny_model(tmp_path / "plain", template=NO_SYSTEM + CHATML)))
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one?"}]
    assert model.encode_chat(turns) == model.encode_chat([{"role": "user", "content": "Be brief.\n\none?"}])
    switch = CHATML + "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
    model = load_local_model(str(tiny_model(tmp_path / "thinking", template=switch)))
    text = model.tokenizer.decode(model.encode_chat([{"role": "user", "content": "one?"}]))
    assert text.endswith("<think></think>")
    with pytest.raises(LLMError, match="base has no chat template"):
        local(tiny_model(tmp_path / "base", template=None)).invoke("e1")


def changed(source: Path, folder: Path, **entries: Any) -> Path:
    """A copy of a model whose configuration has other entries."""
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))
    return folder


def test_weights_are_kept_in_the_format_asked_for(models: dict[str, Path]) -> None:
    for dtype, kept in (("auto", "float32"), ("bfloat16", "bfloat16"), ("float16", "float16")):
        assert str(load_local_model(str(models["llama"]), "cpu", dtype).model.dtype) == f"torch.{kept}"
        assert (
            local(models["llama"], dtype=dtype, device="cpu", max_new_tokens=2).invoke("e1").usage_metadata is not None
        )


def test_a_device_or_format_that_is_not_there_is_named(models: dict[str, Path]) -> None:
    for options, message in (
        ({"device": "gpu"}, "device must be auto, cpu, cuda, cuda:N or mps, not 'gpu'; did you mean 'cpu'"),
        ({"device": "cuda:x"}, "did you mean 'cuda:0'"),
        ({"dtype": "bf16"}, "dtype must be one of .*, not 'bf16'; did you mean 'bfloat16'"),
        ({"device": "cuda:99"}, "no device 'cuda:99' that torch .* can use; it has: .*cpu"),
    ):
        with pytest.raises(LLMError, match=message):
            local(models["llama"], **options)


def test_memory_that_runs_out_is_an_error_with_a_way_out(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import transformers

    def full(*args: Any, **kwargs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    llm = local(models["qwen3"], max_new_tokens=2)
    with monkeypatch.context() as patched:
        patched.setattr(transformers.AutoModelForCausalLM, "from_pretrained", full)
        with pytest.raises(LLMError, match=r"does not fit into the memory of cpu: take a smaller model"):
            load_local_model(str(models["qwen3"]), "cpu", "float16")
    monkeypatch.setattr(type(llm._local.model), "forward", full)
    with pytest.raises(LLMError, match=r"ran out of the memory of .*: give it a smaller context"):
        llm.invoke("e1")


def test_what_is_not_there_is_named_with_what_to_do(models: dict[str, Path], tmp_path: Path) -> None:
    half = shutil.copytree(models["llama"], tmp_path / "half")
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (half / "model.safetensors").rename(half / "model-1-of-2.safetensors")
    (half / "model.safetensors.index.json").write_text(json.dumps(index))
    for name, words in {
        str(models["llama"].parent / "lama2"): r"There is no folder .*lama2; there are .*gemma3",
        str(tmp_path): r"is not a model's folder: it needs config\.json and safetensors",
        str(half): "is not a model's folder",
        "no-such/model": r"'no-such/model' is not on this machine.*hf download no-such/model",
        "two words": "neither a folder nor a hub model's name",
    }.items():
        with pytest.raises(LLMError, match=words):
            load_llm(f"hf:{name}")
    folder = changed(models["llama"], tmp_path / "taller", num_hidden_layers=3, layer_types=None)
    with pytest.raises(LLMError, match=r"taller lacks \d+ of the model's weights, such as model\.layers\."):
        local(folder).invoke("one?")


def test_a_model_that_brings_code_is_not_run(models: dict[str, Path], tmp_path: Path) -> None:
    own = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}
    folder = changed(models["llama"], tmp_path / "m", model_type="own", auto_map=own)
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(LLMError, match="asks for code of its own to be run"):
        local(folder).invoke("e1")
    assert not (tmp_path / "ran").exists()


def test_a_model_in_the_hubs_cache_is_found_without_a_network(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "models--skylark-tests--tiny" / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(models["llama"], snapshot)
    refs = tmp_path / "models--skylark-tests--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text(snapshot.name)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert load_llm("hf:skylark-tests/tiny", max_new_tokens=2).invoke("e1").text is not None
    assert describe_llm(load_llm("hf:skylark-tests/tiny"))["name"] == "skylark-tests/tiny"


END = 0


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def grammar(names: list[str]) -> ListGrammar:
    return ListGrammar(Choices(tuple(names), "none"), letters, [END])


def test_what_may_follow() -> None:
    for written, following in {
        "": "en", "n": "o", "none": "\0", "e": "12", "e1": "23", "e12": "\0,", "e12,": " ", "e12, e": "12",
        "e12, e1": "3", "e12, e13, e21": "\0",
    }.items():  # fmt: skip
        assert "".join(map(chr, grammar(["e12", "e13", "e21"]).allowed(letters(written)))) == following


def test_every_reply_that_it_lets_through_is_read_and_names_nothing_twice() -> None:
    rng = random.Random(0)
    naming = AbstractNaming(range(12), [], rng)
    assert naming.choices is not None
    held = grammar(list(naming.choices.names))
    lengths = set()
    for _ in range(60):
        written: list[int] = []
        while (token := rng.choice(held.allowed(written))) != END:
            written.append(token)
        reply = "".join(map(chr, written))
        members = naming.read(reply)
        assert len(members) == (0 if reply == "none" else reply.count(",") + 1)
        lengths.add(len(members))
    assert {0, 1, 12} & lengths and len(lengths) > 4


@pytest.mark.slow
def test_a_model_of_random_weights_is_held_to_the_context(models: dict[str, Path]) -> None:
    """Without the grammar its replies are noise, so that every step fails."""
    llm = EmbeddedChatModel(source=str(models["llama"]))
    graph = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "r", "c"), ("b", "s", "d"), ("c", "s", "a")])
    free, held = (
        Reasoner(graph, llm=llm, options=LarkOptions(constrained=constrained, repairs=0)).answer(Query.parse('r("a")'))
        for constrained in (False, True)
    )
    assert free.error is not None
    assert held.error is None and set(held.entities) <= {"a", "b", "c", "d"}
    encoded = load_local_model(llm.source).encode("e1, e2, e3, e4, ")
    assert held.steps[0].attempts[0].usage.output_tokens <= len(encoded) + 1
