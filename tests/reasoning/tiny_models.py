"""Language models of a few thousand random weights, with a tokenizer of bytes: real files, made in a moment."""

from pathlib import Path
from typing import Any

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
WINDOW = 1024
_SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def tiny_model(folder: Path, family: str = "llama", template: str | None = CHATML) -> Path:
    """A model's folder as the Hugging Face hub lays it out: configuration, safetensors, tokenizer, chat template.

    Args:
        folder: where to; made if it is absent.
        family: "llama", "qwen3", "gpt2" (another order of arguments) or "gemma3" (attention over a sliding window).
        template: the chat template, None for none.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE({letter: index for index, letter in enumerate(alphabet)}, []))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytewise, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    model = _model(family, len(tokenizer))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    return folder


def _model(family: str, vocabulary: int) -> Any:
    from transformers import (
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    shared: dict[str, Any] = {"vocab_size": vocabulary, "max_position_embeddings": WINDOW, "initializer_range": 0.5}
    grouped: dict[str, Any] = {**_SIZE, **shared, "num_key_value_heads": 2, "head_dim": 8}
    match family:
        case "llama":
            return LlamaForCausalLM(LlamaConfig(**grouped))
        case "qwen3":
            return Qwen3ForCausalLM(Qwen3Config(**grouped))
        case "gemma3":
            return Gemma3ForCausalLM(
                Gemma3TextConfig(**grouped, sliding_window=64, layer_types=["sliding_attention", "full_attention"])
            )
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_positions=WINDOW, n_embd=32, n_layer=2, n_head=4))
