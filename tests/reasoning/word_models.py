"""A tiny language model whose vocabulary holds words as single tokens, as a model that marks needs them."""

import itertools
from pathlib import Path
from typing import Any

from tests.reasoning.tiny_models import CHATML

SPOKEN = ("find", "both", "either", "without", ":", "yes", "no")
LETTERS = "bdfgklmnprstvz"
WORDS = ["".join(letters) for letters in itertools.islice(itertools.product(LETTERS, "aeiou", LETTERS), 900)]


def word_model(folder: Path, layers: int = 2, seed: int = 0) -> Path:
    """A Llama of random weights in the hub's layout; every word with a space before it is one token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    entries = ["<unk>", *(f"Ġ{word}" for word in (*SPOKEN, *WORDS))]
    wordwise = Tokenizer(models.WordLevel({entry: index for index, entry in enumerate(entries)}, unk_token="<unk>"))
    wordwise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    wordwise.decoder = decoders.ByteLevel()
    wordwise.add_special_tokens(["<|im_end|>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=wordwise, eos_token="<|im_end|>", unk_token="<unk>")
    tokenizer.chat_template = CHATML
    return save_llama(folder, tokenizer, layers, seed)


def save_llama(folder: Path, tokenizer: Any, layers: int = 2, seed: int = 0) -> Path:
    """A tokenizer and a Llama of random weights, wide enough that no two words are alike."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.1,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
