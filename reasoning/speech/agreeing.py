"""Several windows of one recording write one text: what is likely at every tempo.

A small model mishears one word at one tempo and another at another. Searched one after another, the windows have lists
of texts which the right one may be in none of, or in one; searched at once, a beam is kept that no window would have
kept by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    DynamicCache,
    EncoderDecoderCache,
    WhisperForConditionalGeneration,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput


def attend_by_window(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention in which all beams of a window share its keys and values, which are held once.

    Args:
        module: the attention's.
        query: shape (windows * beams, heads, tokens, width), the beams of a window together.
        key, value: shape (windows, heads, frames, width), or as many rows as `query`.
        attention_mask: transformers'.
        **options: of transformers' attention by PyTorch's own.
    """
    beams, tokens = len(query) // len(key), query.shape[2]
    _, heads, _, width = query.shape
    of_window = query.view(-1, beams, heads, tokens, width).transpose(1, 2).flatten(2, 3)
    attended, _ = sdpa_attention_forward(module, of_window, key, value, attention_mask, **options)
    return attended.reshape(len(query), tokens, heads, width), None


BY_WINDOW = "by_window"
AttentionInterface.register(BY_WINDOW, attend_by_window)
AttentionMaskInterface.register(BY_WINDOW, sdpa_mask)


class WrittenOfWindows(DynamicCache):
    """Keys and values of what the beams say, as each window has them.

    Args:
        windows, beams: how many there are.
    """

    def __init__(self, windows: int, beams: int) -> None:
        super().__init__()
        self._starts = beams * torch.arange(windows)[:, None]

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Have the beams that go on, shape (beams,), in all windows."""
        rows = (self._starts.to(beam_idx.device) + beam_idx).flatten()
        super().reorder_cache(cast(torch.LongTensor, rows))


class Attended(DynamicCache):
    """Keys and values of the windows, which are the same whichever beams go on."""

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Leave them as they are."""


class AgreeingDecoder(WhisperForConditionalGeneration):  # type: ignore[no-untyped-call]
    """Writes what several windows say, which are one recording at several tempos.

    A token's log-probability is the mean over the windows, normalised anew (the product of experts of Hinton 1999), so
    that words are found which are likely at every tempo: what is misheard differs from one to another.

    Args:
        model: its decoder writes; the weights are shared.
    """

    def __init__(self, model: WhisperForConditionalGeneration) -> None:
        super(WhisperForConditionalGeneration, self).__init__(model.config)  # which builds no other weights
        self.model, self.proj_out = model.model, model.proj_out
        self.generation_config = model.generation_config
        self.set_attn_implementation(BY_WINDOW)

    def cache(self, encoded: torch.Tensor, before: Sequence[int], beams: int) -> EncoderDecoderCache:
        """What beams go on from: keys and values of the windows, and of tokens that stand before, for each beam.

        Args:
            encoded: what the encoder gives for the windows, shape (windows, frames, width).
            before: the tokens.
            beams: how many.
        """
        attended, written = Attended(), WrittenOfWindows(len(encoded), beams)
        for number, layer in enumerate(self.model.decoder.layers):
            attention = layer.encoder_attn
            keys, values = (
                of(encoded).unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(1, 2)
                for of in (attention.k_proj, attention.v_proj)
            )
            attended.update(keys, values, number)
        both = EncoderDecoderCache(written, attended)
        tokens = torch.tensor([before], device=encoded.device).expand(len(encoded), -1)
        self.model.decoder(input_ids=tokens, encoder_hidden_states=encoded, cache=both, use_cache=True)
        written.batch_repeat_interleave(beams)
        return both

    def forward(
        self,
        decoder_input_ids: torch.LongTensor,
        encoder_outputs: BaseModelOutput,
        cache: EncoderDecoderCache,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """The logits of the next token, shape (beams, 1, tokens), after what was said, shape (beams, said); all of that
        but the last token is in the cache."""
        attended: Any = cache.cross_attention_cache.layers[0]
        windows = len(attended.keys)
        hidden = self.model.decoder(
            input_ids=decoder_input_ids[:, -1:].repeat(windows, 1),
            encoder_hidden_states=encoder_outputs.last_hidden_state,
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        # The output is linear: of the mean state it gives the mean logits, which differ from the mean log-probabilities
        # by what is the same for all tokens.
        agreed = self.proj_out(hidden.unflatten(0, (windows, -1)).mean(0)).float()
        return Seq2SeqLMOutput(logits=cast(torch.FloatTensor, agreed), cache=cache)
