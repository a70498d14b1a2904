"""Vision models of a few thousand random weights with their processors: real folders, as the hub lays them out, made in
a moment."""

# Configurations of transformers take more, and more freely, than their hints say.
# mypy: disable-error-code="arg-type, call-arg"

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from vision.detectors.transformers_models import open_transformers
from vision.images import LoadedImage

Pair = tuple[Any, Any]
"""A model and its processor."""

CLASSES = ("cat", "dog", "bus", "traffic light")
SIDE = 64
_LABELS = dict(enumerate(CLASSES))
_BETWEEN = {"shortest_edge": SIDE, "longest_edge": 96}
_SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SAMPLE = [
    "A photo of cat, dog and traffic light. An image of a cat, and a dog.",
    '```json\n[\n\t{"bbox_2d": [123, 456, 789, 10], "label": "cat"},\n\t',
    '{"bbox_2d": [1, 2, 3, 4], "label": "dog"}\n]\n```',
    "(12,34),(56,78)(90,11),(22,33)",
    "detect cat ; dog ; traffic light",
    "Locate every instance that belongs to the following categories.",
] * 3


def picture(width: int, height: int, seed: int = 0) -> LoadedImage:
    """A picture of coloured noise in blocks, so that it doesn't vanish when it is made smaller."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
    return LoadedImage(np.ascontiguousarray(blocks[rows][:, columns]), f"picture {seed}")


class Shelf:
    """Tiny models of all kinds, each made when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: dict[tuple[str, int], Any] = {}

    def __call__(self, kind: str, change: Callable[[Any], None] | None = None, seed: int = 0) -> str:
        """A model's folder; see `tiny_vision_model`."""
        folder = self.root / f"{kind}-{seed}{f'-{id(change)}' if change else ''}"
        if not folder.is_dir():
            tiny_vision_model(kind, folder, change, seed)
        return str(folder)

    def opened(self, kind: str, seed: int = 0) -> Any:
        """A model as a detector, which all who ask share: it is not to be changed."""
        if (kind, seed) not in self._opened:
            self._opened[kind, seed] = open_transformers(self(kind, seed=seed))
        return self._opened[kind, seed]


def tiny_vision_model(kind: str, folder: Path, change: Callable[[Any], None] | None = None, seed: int = 0) -> Path:
    """A model's folder: configuration, safetensors, image processor, tokenizer.

    The kind is a model type by transformers' name; "detr-masks" and "rf_detr-masks" are the forms that give masks.
    `change` is done to the random weights before they are saved.
    """
    import torch

    model, processor = _MAKERS[kind]()
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0, 2.0 / max(1, weight[0].numel()) ** 0.5)
            elif "bias" in name:
                weight.normal_(0, 0.1)
        for part in model.modules():
            if isinstance(part, torch.nn.Embedding):
                part.weight.normal_(0, 1.0)  # queries and words that differ
            elif isinstance(part, torch.nn.BatchNorm2d):
                part.weight.fill_(1.0)  # some begin near nought, and all places of an image would look alike
        if change is not None:
            change(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _named(name: str, *arguments: Any, **settings: Any) -> Any:
    """An object of a class of transformers."""
    return getattr(transformers, name)(*arguments, **settings)


def _square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


_NO_TIMM = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
_RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 16], "depths": [1] * 4, "layer_type": "basic"}
_STAGES = ("stage1", "stage2", "stage3", "stage4")
_FFN = dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 32)
_TWO = dict.fromkeys(("encoder_layers", "encoder_attention_heads", "decoder_attention_heads", "decoder_layers"), 2)
_DETR: dict[str, Any] = {**_FFN, **_TWO, "d_model": 32, "num_queries": 12}
_WIDE = {"d_model": 64}  # its groups of 32 need more than one channel


def _resnet(*stages: str) -> Any:
    return transformers.ResNetConfig(**_RESNET, out_features=list(stages))


def _swin(*stages: str) -> Any:
    sizes = {"image_size": SIDE, "patch_size": 4, "embed_dim": 8, "depths": [1] * 4, "num_heads": [1, 1, 2, 2]}
    return transformers.SwinConfig(**sizes, window_size=4, out_features=list(stages))


def _detr(family: str, *stages: str, task: str = "ObjectDetection", **more: Any) -> Pair:
    sizes = {**_NO_TIMM, **_DETR, "id2label": _LABELS, **more}
    config = _named(f"{family}Config", **sizes, backbone_config=_resnet(*stages))
    return _named(f"{family}For{task}", config), _named(f"{family}ImageProcessor", size=_BETWEEN)


def _yolos() -> Pair:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.YolosConfig(**sizes, image_size=[SIDE, 96], num_detection_tokens=12, id2label=_LABELS)
    return transformers.YolosForObjectDetection(config), transformers.YolosImageProcessor(size=_BETWEEN)


def _rt_detr(family: str, backbone: Any) -> Pair:
    channels = {"encoder_in_channels": [16, 16, 16], "decoder_in_channels": [32, 32, 32]}
    sizes = {**_DETR, **channels, "id2label": _LABELS, "encoder_hidden_dim": 32, "hidden_expansion": 1.0}
    config = _named(f"{family}Config", **sizes | {"encoder_layers": 1}, backbone_config=backbone)
    return _named(f"{family}ForObjectDetection", config), transformers.RTDetrImageProcessor(size=_square(SIDE))


def _rt_resnet() -> Any:
    return transformers.RTDetrResNetConfig(**_RESNET, out_features=list(_STAGES[1:]))


def _hgnet() -> Any:
    sizes = {"embedding_size": 8, "stem_channels": [3, 8, 8], "hidden_sizes": [8, 16, 16, 16], "depths": [1] * 4}
    channels = {"in_channels": [8, 8, 16, 16], "mid_channels": [8] * 4, "out_channels": [8, 16, 16, 16]}
    blocks = {"num_blocks": [1] * 4, "numb_of_layers": [1] * 4, "light_block": [False] * 4, "kernel_size": [3] * 4}
    stages = {f"stage_{name}": value for name, value in (channels | blocks).items()}
    return transformers.HGNetV2Config(**sizes, **stages, out_features=list(_STAGES[1:]))


def _rf_detr(task: str) -> Pair:
    sides = {"image_size": 56, "patch_size": 14, "num_windows": 2, "mlp_ratio": 1, "window_block_indexes": [0]}
    layers = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "out_features": list(_STAGES[:2])}
    heads = {"decoder_self_attention_heads": 2, "decoder_cross_attention_heads": 2, "group_detr": 1}
    sizes = {"d_model": 32, "intermediate_size": 32, "decoder_ffn_dim": 32, "decoder_layers": 2, "num_queries": 12}
    backbone = transformers.RfDetrDinov2Config(**sides, **layers)
    config = transformers.RfDetrConfig(backbone_config=backbone, **sizes, **heads, id2label=_LABELS)
    return _named(f"RfDetrFor{task}", config), transformers.RfDetrImageProcessor(size=_square(56))


def _bert_tokenizer() -> Any:
    """BERT's, with the ids of [CLS], [SEP], "." and "?" that Grounding DINO parts phrases at."""
    vocabulary = [f"[unused{number}]" for number in range(1100)]
    marks = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    words = ["cat", "dog", "bus", "traffic", "light", "##light", "hot", "st"]
    letters = [*_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    for number, token in {**marks, **dict(enumerate(words, 1040)), **dict(enumerate(letters, 200))}.items():
        vocabulary[number] = token
    return transformers.BertTokenizer(
        vocab={token: number for number, token in enumerate(vocabulary)}, do_lower_case=True
    )


def _clip_tokenizer(length: int) -> Any:
    """CLIP's over single letters, which takes one token a letter."""
    tokens = ["!", *_LETTERS, *",.'", *(f"{letter}</w>" for letter in f"{_LETTERS},.'")]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length, pad_token="!")


def _clip_text(tokenizer: Any, length: int) -> dict[str, Any]:
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    return {**_SMALL, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": length}


def _grounding_dino(family: str) -> Pair:
    tokenizer = _bert_tokenizer()
    text = transformers.BertConfig(vocab_size=len(tokenizer), **_SMALL)
    parts = {"backbone_config": _swin(*_STAGES[1:]), "text_config": text}
    config = _named(f"{family}Config", **_NO_TIMM, **_DETR | _WIDE, **parts, max_text_len=40)
    images = transformers.GroundingDinoImageProcessor(size=_BETWEEN)
    return _named(f"{family}ForObjectDetection", config), transformers.GroundingDinoProcessor(images, tokenizer)


def _owl(family: str) -> Pair:
    tokenizer = _clip_tokenizer(24)
    vision = {**_SMALL, "image_size": SIDE, "patch_size": 16}
    parts = {"text_config": _clip_text(tokenizer, 24), "vision_config": vision}
    config = _named(f"{family}Config", **parts, projection_dim=16)
    crop = {"crop_size": _square(SIDE)} if family == "OwlViT" else {}
    images = _named(f"{family}ImageProcessor", size=_square(SIDE), **crop)
    return _named(f"{family}ForObjectDetection", config), _named(f"{family}Processor", images, tokenizer)


def _sam_parts(side: int, patch: int) -> dict[str, Any]:
    prompts = {"hidden_size": 16, "image_size": side, "patch_size": patch, "mask_input_channels": 4}
    decoder = {"hidden_size": 16, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return {"prompt_encoder_config": prompts, "mask_decoder_config": {**decoder, "iou_head_hidden_dim": 16}}


def _sam(family: str) -> Pair:
    sizes = {"hidden_size": 16, "output_channels": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16}
    vision = {**sizes, "image_size": SIDE, "patch_size": 16, "global_attn_indexes": [0], "num_pos_feats": 8}
    parts = _sam_parts(SIDE, 16)
    if family == "SamHQ":
        parts["mask_decoder_config"]["vit_dim"] = 16
    config = _named(f"{family}Config", vision_config={**vision, "window_size": 2}, **parts)
    masks = {"mask_size": {"longest_edge": 16}, "mask_pad_size": _square(16)}
    images = transformers.SamImageProcessor(size={"longest_edge": SIDE}, pad_size=_square(SIDE), **masks)
    return _named(f"{family}Model", config), _named(f"{family}Processor", images)


_FEATURES = {"backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}


def _sam2() -> Pair:
    stages = {"blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64], "global_attention_blocks": [3]}
    stages |= {"num_attention_heads_per_stage": [1, 1, 2, 2], "window_size_per_stage": [4, 4, 4, 2]}
    sizes = {"hidden_size": 8, "num_attention_heads": 1, "image_size": [SIDE, SIDE]}
    backbone = transformers.Sam2HieraDetConfig(**sizes, **stages, window_positional_embedding_background_size=[4, 4])
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=16, **_FEATURES
    )
    config = transformers.Sam2Config(vision_config=vision, **_sam_parts(SIDE, 16))
    images = transformers.Sam2ImageProcessor(size=_square(SIDE), mask_size=_square(16))
    return transformers.Sam2Model(config), transformers.Sam2Processor(images)


def _sam3_vision(width: int) -> dict[str, Any]:
    sides = {"image_size": 56, "pretrain_image_size": 56, "patch_size": 14, "window_size": 2}
    backbone = {"model_type": "sam3_vit_model", **_SMALL, **sides, "global_attn_indexes": [0]}
    return {"backbone_config": backbone, "fpn_hidden_size": width, **_FEATURES}


def _sam3_images() -> Any:
    return transformers.Sam3ImageProcessor(size=_square(56), mask_size=_square(16))


def _sam3() -> Pair:
    tokenizer = _clip_tokenizer(32)
    layers = {"hidden_size": 32, "intermediate_size": 16, "num_attention_heads": 2, "num_layers": 1}
    config = transformers.Sam3Config(
        vision_config=_sam3_vision(32),
        text_config={**_clip_text(tokenizer, 32), "projection_dim": 16},
        **dict.fromkeys(("geometry_encoder_config", "detr_encoder_config"), layers),
        detr_decoder_config={**layers, "num_queries": 6},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2, "num_upsampling_stages": 3},
    )
    return transformers.Sam3Model(config), transformers.Sam3Processor(_sam3_images(), tokenizer)


def _sam3_tracker() -> Pair:
    config = transformers.Sam3TrackerConfig(vision_config=_sam3_vision(16), **_sam_parts(56, 14))
    return transformers.Sam3TrackerModel(config), transformers.Sam3TrackerProcessor(_sam3_images())


_MASKED = {"size": {"shortest_edge": SIDE, "longest_edge": 100}, "ignore_index": 255}


def _maskformer() -> Pair:
    decoder = transformers.DetrConfig(**_NO_TIMM, **_DETR, backbone_config=_resnet("stage4"))
    parts = {"backbone_config": _swin(*_STAGES), "decoder_config": decoder, "id2label": _LABELS}
    config = transformers.MaskFormerConfig(**parts, fpn_feature_size=32, mask_feature_size=32)
    images = transformers.MaskFormerImageProcessor(**_MASKED, size_divisor=32)
    return transformers.MaskFormerForInstanceSegmentation(config), images


def _mask2former_sizes() -> dict[str, Any]:
    sizes = dict.fromkeys(("hidden_dim", "encoder_feedforward_dim", "dim_feedforward"), 32)
    layers = {"encoder_layers": 1, "decoder_layers": 2, "num_attention_heads": 2, "num_queries": 12}
    return {**sizes, **layers, "backbone_config": _swin(*_STAGES), "id2label": _LABELS}


def _mask2former() -> Pair:
    config = transformers.Mask2FormerConfig(**_mask2former_sizes(), feature_size=32, mask_feature_size=32)
    images = transformers.Mask2FormerImageProcessor(**_MASKED, size_divisor=32)
    return transformers.Mask2FormerForUniversalSegmentation(config), images


def _eomt() -> Pair:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 1, "num_blocks": 1}
    sizes |= {"image_size": SIDE, "patch_size": 16, "num_queries": 12, "num_upscale_blocks": 1}
    images = transformers.EomtImageProcessor(size={"shortest_edge": SIDE, "longest_edge": SIDE}, do_pad=True)
    return transformers.EomtForUniversalSegmentation(transformers.EomtConfig(**sizes, id2label=_LABELS)), images


def _byte_level(special: list[str]) -> Any:
    """A byte-level tokenizer as GPT-2's, trained on the sample, whose tokens run over the seams of words and signs."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_SAMPLE, trainer)
    tokenizer.add_special_tokens(special)
    return tokenizer


def _florence2() -> Pair:
    from transformers.models.florence2.configuration_florence2 import Florence2VisionConfig

    signs = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_byte_level([]), **signs, extra_special_tokens={"image_token": "<image>"}
    )
    tokenizer.add_tokens([f"<loc_{number}>" for number in range(1000)])
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids |= {"pad_token_id": tokenizer.pad_token_id, "decoder_start_token_id": tokenizer.eos_token_id}
    text = {**_FFN, **_TWO, "d_model": 32, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": 512}
    stages = {"depths": [1] * 4, "embed_dim": [8, 8, 16, 16], "num_heads": [1, 1, 2, 2], "num_groups": [1, 1, 2, 2]}
    places = {"max_temporal_embeddings": 4, "max_position_embeddings": 8}
    vision = Florence2VisionConfig(**stages, **places, window_size=4, projection_dim=32)
    config = transformers.Florence2Config(
        vision_config=vision, text_config={**text, "model_type": "bart"}, image_token_id=tokenizer.image_token_id
    )
    model = transformers.Florence2ForConditionalGeneration(config)
    originals = {"num_beams": 3, "no_repeat_ngram_size": 3, "forced_bos_token_id": tokenizer.bos_token_id}
    model.generation_config = transformers.GenerationConfig(**ids, **originals, early_stopping=True)
    images = transformers.CLIPImageProcessor(size=_square(SIDE), do_center_crop=False, image_seq_length=5)
    return model, transformers.Florence2Processor(images, tokenizer)


QWEN_SIGNS = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
]
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_WIDTHS = {"hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 16}
_QWEN_VISION: dict[str, dict[str, Any]] = {
    "Qwen2_5_VL": {**_WIDTHS, "window_size": 56, "fullatt_block_indexes": [0]},
    "Qwen3VL": {**_WIDTHS, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
}


def _qwen(family: str) -> Pair:
    newest = family == "Qwen3VL"
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_byte_level(QWEN_SIGNS), eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    signs = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    tokens = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{sign}|>") for name, sign in signs.items()}
    ids = {"bos_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids |= {"pad_token_id": tokenizer.pad_token_id, "vocab_size": len(tokenizer), "max_position_embeddings": 1024}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text = {**_SMALL, **ids, "num_hidden_layers": 2, "num_key_value_heads": 2, "rope_parameters": rope}
    if newest:
        text["head_dim"] = 8
    vision = {"depth": 1, "num_heads": 2, **_QWEN_VISION[family]}
    config = _named(f"{family}Config", text_config=text, vision_config=vision, **tokens)
    model = _named(f"{family}ForConditionalGeneration", config)
    ends = {"eos_token_id": [tokenizer.eos_token_id, tokenizer.pad_token_id], "pad_token_id": tokenizer.pad_token_id}
    model.generation_config = transformers.GenerationConfig(
        **ends, repetition_penalty=1.05, do_sample=True, temperature=0.01
    )
    images = transformers.Qwen2VLImageProcessor(
        patch_size=16 if newest else 14, size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    )
    videos = _named("Qwen3VLVideoProcessor" if newest else "Qwen2VLVideoProcessor")
    return model, _named(f"{family}Processor", images, tokenizer, videos, chat_template=_CHAT)


_HEADS = dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 8)
_MAKERS: dict[str, Callable[[], Pair]] = {
    **{"yolos": _yolos, "sam2": _sam2, "sam3": _sam3, "sam3_tracker": _sam3_tracker},
    **{"maskformer": _maskformer, "mask2former": _mask2former, "eomt": _eomt},
    "florence2": _florence2,
    "detr": lambda: _detr("Detr", "stage4"),
    "detr-masks": lambda: _detr("Detr", *_STAGES, task="Segmentation", **_WIDE, **_HEADS),
    "conditional_detr": lambda: _detr("ConditionalDetr", "stage4"),
    "deformable_detr": lambda: _detr("DeformableDetr", *_STAGES[1:], **_WIDE),
    "rt_detr": lambda: _rt_detr("RTDetr", _rt_resnet()),
    "rt_detr_v2": lambda: _rt_detr("RTDetrV2", _rt_resnet()),
    "d_fine": lambda: _rt_detr("DFine", _hgnet()),
    "rf_detr": lambda: _rf_detr("ObjectDetection"),
    "rf_detr-masks": lambda: _rf_detr("InstanceSegmentation"),
    "grounding-dino": lambda: _grounding_dino("GroundingDino"),
    "mm-grounding-dino": lambda: _grounding_dino("MMGroundingDino"),
    "owlvit": lambda: _owl("OwlViT"),
    "owlv2": lambda: _owl("Owlv2"),
    "sam": lambda: _sam("Sam"),
    "sam_hq": lambda: _sam("SamHQ"),
    "qwen2_5_vl": lambda: _qwen("Qwen2_5_VL"),
    "qwen3_vl": lambda: _qwen("Qwen3VL"),
}
