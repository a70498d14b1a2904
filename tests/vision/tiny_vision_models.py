"""Vision models of a few thousand random weights with their processors: real folders, as the hub lays them out, made in
a moment."""

# Configurations of transformers take more, and more freely, than their hints say.
# mypy: disable-error-code="arg-type, call-arg"

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from vision.detectors.transformers_models import open_transformers
from vision.images import LoadedImage

CLASSES = ("cat", "dog", "bus", "traffic light")
SIDE = 64
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

    Args:
        kind: a model type by transformers' name; "detr-masks" and "rf_detr-masks" for the forms that give masks.
        folder: where to.
        change: what is done to the random weights by hand before they are saved.
        seed: of the random weights.
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


def _labels() -> dict[int, str]:
    return dict(enumerate(CLASSES))


def _detr_sizes() -> dict[str, Any]:
    sides: dict[str, Any] = dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 32)
    sides |= dict.fromkeys(("encoder_layers", "encoder_attention_heads", "decoder_attention_heads"), 2)
    return sides | {"d_model": 32, "decoder_layers": 2, "num_queries": 12, "id2label": _labels()}


def _resnet(*stages: str) -> Any:
    return transformers.ResNetConfig(**_RESNET, out_features=list(stages))


def _swin(*stages: str) -> Any:
    sizes = {"image_size": SIDE, "patch_size": 4, "embed_dim": 8, "depths": [1] * 4, "num_heads": [1, 1, 2, 2]}
    return transformers.SwinConfig(**sizes, window_size=4, out_features=list(stages))


_NO_TIMM = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
_RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1], "layer_type": "basic"}
_ALL_STAGES = ("stage1", "stage2", "stage3", "stage4")


def _detr() -> tuple[Any, Any]:
    config = transformers.DetrConfig(**_NO_TIMM, **_detr_sizes(), backbone_config=_resnet("stage4"))
    return transformers.DetrForObjectDetection(config), transformers.DetrImageProcessor(
        size={"shortest_edge": SIDE, "longest_edge": 96}
    )


def _detr_masks() -> tuple[Any, Any]:
    sizes = _detr_sizes() | {"d_model": 64, "encoder_attention_heads": 8, "decoder_attention_heads": 8}
    config = transformers.DetrConfig(**_NO_TIMM, **sizes, backbone_config=_resnet(*_ALL_STAGES))
    return transformers.DetrForSegmentation(config), transformers.DetrImageProcessor(
        size={"shortest_edge": SIDE, "longest_edge": 96}
    )


def _conditional_detr() -> tuple[Any, Any]:
    config = transformers.ConditionalDetrConfig(**_NO_TIMM, **_detr_sizes(), backbone_config=_resnet("stage4"))
    processor = transformers.ConditionalDetrImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 96})
    return transformers.ConditionalDetrForObjectDetection(config), processor


def _deformable_detr() -> tuple[Any, Any]:
    backbone = _resnet("stage2", "stage3", "stage4")
    sizes = _detr_sizes() | {"d_model": 64}  # its groups of 32 need more than one channel
    config = transformers.DeformableDetrConfig(**_NO_TIMM, **sizes, backbone_config=backbone)
    processor = transformers.DeformableDetrImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 96})
    return transformers.DeformableDetrForObjectDetection(config), processor


def _yolos() -> tuple[Any, Any]:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.YolosConfig(**sizes, image_size=[SIDE, 96], num_detection_tokens=12, id2label=_labels())
    return transformers.YolosForObjectDetection(config), transformers.YolosImageProcessor(
        size={"shortest_edge": SIDE, "longest_edge": 96}
    )


def _rt_detr_sizes() -> dict[str, Any]:
    channels = {"encoder_in_channels": [16, 16, 16], "decoder_in_channels": [32, 32, 32]}
    sizes = _detr_sizes() | {"encoder_hidden_dim": 32, "hidden_expansion": 1.0, "encoder_layers": 1}
    return sizes | channels


def _rt_detr(version: str = "RTDetr") -> tuple[Any, Any]:
    backbone = transformers.RTDetrResNetConfig(**_RESNET, out_features=["stage2", "stage3", "stage4"])
    config = getattr(transformers, f"{version}Config")(**_rt_detr_sizes(), backbone_config=backbone)
    model = getattr(transformers, f"{version}ForObjectDetection")(config)
    return model, transformers.RTDetrImageProcessor(size={"height": SIDE, "width": SIDE})


def _d_fine() -> tuple[Any, Any]:
    backbone = transformers.HGNetV2Config(
        embedding_size=8,
        stem_channels=[3, 8, 8],
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        stage_in_channels=[8, 8, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 16],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        stage_light_block=[False] * 4,
        stage_kernel_size=[3] * 4,
        out_features=["stage2", "stage3", "stage4"],
    )
    model = transformers.DFineForObjectDetection(transformers.DFineConfig(**_rt_detr_sizes(), backbone_config=backbone))
    return model, transformers.RTDetrImageProcessor(size={"height": SIDE, "width": SIDE})


def _rf_detr(task: str = "ObjectDetection") -> tuple[Any, Any]:
    backbone = transformers.RfDetrDinov2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        num_windows=2,
        mlp_ratio=1,
        out_features=["stage1", "stage2"],
        window_block_indexes=[0],
    )
    config = transformers.RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        intermediate_size=32,
        decoder_ffn_dim=32,
        decoder_layers=2,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        num_queries=12,
        group_detr=1,
        id2label=_labels(),
    )
    images = transformers.RfDetrImageProcessor(size={"height": 56, "width": 56})
    return getattr(transformers, f"RfDetrFor{task}")(config), images


def bert_tokenizer() -> Any:
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


def clip_tokenizer(length: int) -> Any:
    """CLIP's over single letters, which takes one token a letter."""
    tokens = ["!", *_LETTERS, *",.'", *(f"{letter}</w>" for letter in f"{_LETTERS},.'")]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length, pad_token="!")


def _clip_text(tokenizer: Any, length: int) -> dict[str, Any]:
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    return {**_SMALL, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": length, "projection_dim": 16}


def _grounding_dino(family: str = "GroundingDino") -> tuple[Any, Any]:
    tokenizer = bert_tokenizer()
    text = transformers.BertConfig(vocab_size=len(tokenizer), **_SMALL)
    shared = {name: value for name, value in _detr_sizes().items() if name != "id2label"}
    shared["d_model"] = 64  # its groups of 32 need more than one channel
    config = getattr(transformers, f"{family}Config")(
        **_NO_TIMM, **shared, backbone_config=_swin(*_ALL_STAGES[1:]), text_config=text, max_text_len=40
    )
    images = transformers.GroundingDinoImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 96})
    return (
        getattr(transformers, f"{family}ForObjectDetection")(config),
        transformers.GroundingDinoProcessor(images, tokenizer),
    )


def _owl(family: str) -> tuple[Any, Any]:
    tokenizer = clip_tokenizer(24)
    config = getattr(transformers, f"{family}Config")(
        text_config={name: value for name, value in _clip_text(tokenizer, 24).items() if name != "projection_dim"},
        vision_config={**_SMALL, "image_size": SIDE, "patch_size": 16},
        projection_dim=16,
    )
    square = {"height": SIDE, "width": SIDE}
    crop = {"crop_size": square} if family == "OwlViT" else {}
    images = getattr(transformers, f"{family}ImageProcessor")(size=square, **crop)
    return (
        getattr(transformers, f"{family}ForObjectDetection")(config),
        getattr(transformers, f"{family}Processor")(images, tokenizer),
    )


def _omdet_turbo() -> tuple[Any, Any]:
    tokenizer = clip_tokenizer(40)
    config = transformers.OmDetTurboConfig(
        **_NO_TIMM,
        backbone_config=_swin(*_ALL_STAGES[1:]),
        apply_layernorm_after_vision_backbone=False,
        text_config=transformers.CLIPTextConfig(**_clip_text(tokenizer, 40)),
        text_projection_in_dim=16,
        text_projection_out_dim=16,
        task_encoder_hidden_dim=16,
        class_embed_dim=16,
        num_queries=12,
        vision_features_channels=[32, 32, 32],
        encoder_hidden_dim=32,
        encoder_in_channels=[16, 32, 64],
        encoder_dim_feedforward=16,
        encoder_attention_heads=2,
        hidden_expansion=1,
        decoder_hidden_dim=32,
        decoder_num_heads=2,
        decoder_num_layers=1,
        decoder_dim_feedforward=16,
        decoder_num_points=2,
        image_size=SIDE,
    )
    images = transformers.DetrImageProcessor(size={"height": SIDE, "width": SIDE}, do_pad=False)
    return transformers.OmDetTurboForObjectDetection(config), transformers.OmDetTurboProcessor(images, tokenizer)


def _sam(family: str = "Sam") -> tuple[Any, Any]:
    sizes = {"hidden_size": 16, "output_channels": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16}
    vision = {**sizes, "image_size": SIDE, "patch_size": 16, "global_attn_indexes": [0], "num_pos_feats": 8}
    extra = {"vit_dim": 16} if family == "SamHQ" else {}
    config = getattr(transformers, f"{family}Config")(
        vision_config={**vision, "window_size": 2},
        prompt_encoder_config=_sam_prompts(SIDE, 16),
        mask_decoder_config={**_sam_decoder(), **extra},
    )
    square, small = {"height": SIDE, "width": SIDE}, {"height": 16, "width": 16}
    images = transformers.SamImageProcessor(
        size={"longest_edge": SIDE}, pad_size=square, mask_size={"longest_edge": 16}, mask_pad_size=small
    )
    return (getattr(transformers, f"{family}Model")(config), getattr(transformers, f"{family}Processor")(images))


def _sam_prompts(side: int, patch: int) -> dict[str, Any]:
    return {"hidden_size": 16, "image_size": side, "patch_size": patch, "mask_input_channels": 4}


def _sam_decoder() -> dict[str, Any]:
    sizes = {"hidden_size": 16, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return {**sizes, "iou_head_hidden_dim": 16}


def _sam2() -> tuple[Any, Any]:
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=8,
        num_attention_heads=1,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 4, 2],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=16,
    )
    config = transformers.Sam2Config(
        vision_config=vision, prompt_encoder_config=_sam_prompts(SIDE, 16), mask_decoder_config=_sam_decoder()
    )
    images = transformers.Sam2ImageProcessor(
        size={"height": SIDE, "width": SIDE}, mask_size={"height": 16, "width": 16}
    )
    return transformers.Sam2Model(config), transformers.Sam2Processor(images)


def _sam3_vision(width: int) -> dict[str, Any]:
    sides = {
        "image_size": 56,
        "pretrain_image_size": 56,
        "patch_size": 14,
        "window_size": 2,
        "global_attn_indexes": [0],
    }
    backbone = {"model_type": "sam3_vit_model", **_SMALL, **sides}
    return {"backbone_config": backbone, "fpn_hidden_size": width, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}


def _sam3_images() -> Any:
    return transformers.Sam3ImageProcessor(size={"height": 56, "width": 56}, mask_size={"height": 16, "width": 16})


def _sam3() -> tuple[Any, Any]:
    tokenizer = clip_tokenizer(32)
    sizes = {"hidden_size": 32, "intermediate_size": 16, "num_attention_heads": 2}
    layers = {**sizes, "num_layers": 1}
    config = transformers.Sam3Config(
        vision_config=_sam3_vision(32),
        text_config=_clip_text(tokenizer, 32),
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 6},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2, "num_upsampling_stages": 3},
    )
    return transformers.Sam3Model(config), transformers.Sam3Processor(_sam3_images(), tokenizer)


def _sam3_tracker() -> tuple[Any, Any]:
    config = transformers.Sam3TrackerConfig(
        vision_config=_sam3_vision(16), prompt_encoder_config=_sam_prompts(56, 14), mask_decoder_config=_sam_decoder()
    )
    return transformers.Sam3TrackerModel(config), transformers.Sam3TrackerProcessor(_sam3_images())


def _mask_former_images(family: str, **settings: Any) -> Any:
    sides = {"shortest_edge": SIDE, "longest_edge": 100}
    return getattr(transformers, f"{family}ImageProcessor")(size=sides, ignore_index=255, **settings)


def _maskformer() -> tuple[Any, Any]:
    decoder = transformers.DetrConfig(
        **_NO_TIMM,
        **{name: value for name, value in _detr_sizes().items() if name != "id2label"},
        backbone_config=_resnet("stage4"),
    )
    config = transformers.MaskFormerConfig(
        backbone_config=_swin(*_ALL_STAGES),
        decoder_config=decoder,
        fpn_feature_size=32,
        mask_feature_size=32,
        id2label=_labels(),
    )
    model = transformers.MaskFormerForInstanceSegmentation(config)
    return model, _mask_former_images("MaskFormer", size_divisor=32)


def _mask2former_sizes() -> dict[str, Any]:
    sizes = dict.fromkeys(("hidden_dim", "encoder_feedforward_dim", "dim_feedforward"), 32)
    layers = {"encoder_layers": 1, "decoder_layers": 2, "num_attention_heads": 2, "num_queries": 12}
    return {**sizes, **layers, "backbone_config": _swin(*_ALL_STAGES), "id2label": _labels()}


def _mask2former() -> tuple[Any, Any]:
    config = transformers.Mask2FormerConfig(**_mask2former_sizes(), feature_size=32, mask_feature_size=32)
    model = transformers.Mask2FormerForUniversalSegmentation(config)
    return model, _mask_former_images("Mask2Former", size_divisor=32)


def _oneformer() -> tuple[Any, Any]:
    import json
    import tempfile

    tokenizer = clip_tokenizer(77)
    config = transformers.OneFormerConfig(
        **_mask2former_sizes(),
        mask_dim=32,
        conv_dim=32,
        text_encoder_width=16,
        text_encoder_num_layers=1,
        text_encoder_vocab_size=len(tokenizer),
        text_encoder_proj_layers=1,
        text_encoder_n_ctx=2,
        query_dec_layers=1,
        is_training=False,
    )
    with tempfile.TemporaryDirectory() as place:
        names = {str(number): {"name": name, "isthing": 1} for number, name in _labels().items()}
        Path(place, "names.json").write_text(json.dumps(names), encoding="utf-8")
        images = _mask_former_images(
            "OneFormer", repo_path=place, class_info_file="names.json", num_text=4, num_labels=len(CLASSES)
        )
    processor = transformers.OneFormerProcessor(images, tokenizer, max_seq_length=77, task_seq_length=77)
    return transformers.OneFormerForUniversalSegmentation(config), processor


def _eomt() -> tuple[Any, Any]:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 1, "num_blocks": 1}
    config = transformers.EomtConfig(
        **sizes, image_size=SIDE, patch_size=16, num_queries=12, num_upscale_blocks=1, id2label=_labels()
    )
    images = transformers.EomtImageProcessor(size={"shortest_edge": SIDE, "longest_edge": SIDE}, do_pad=True)
    return transformers.EomtForUniversalSegmentation(config), images


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


def _florence2() -> tuple[Any, Any]:
    import transformers
    from transformers.models.florence2.configuration_florence2 import Florence2VisionConfig

    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_byte_level([]),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens={"image_token": "<image>"},
    )
    tokenizer.add_tokens([f"<loc_{number}>" for number in range(1000)])
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids |= {"pad_token_id": tokenizer.pad_token_id, "decoder_start_token_id": tokenizer.eos_token_id}
    text = {name: value for name, value in _detr_sizes().items() if name not in ("id2label", "num_queries")}
    vision = Florence2VisionConfig(
        depths=[1, 1, 1, 1],
        embed_dim=[8, 8, 16, 16],
        num_heads=[1, 1, 2, 2],
        num_groups=[1, 1, 2, 2],
        window_size=4,
        projection_dim=32,
        max_temporal_embeddings=4,
        max_position_embeddings=8,
    )
    config = transformers.Florence2Config(
        vision_config=vision,
        text_config={**text, **ids, "model_type": "bart", "vocab_size": len(tokenizer), "max_position_embeddings": 512},
        image_token_id=tokenizer.image_token_id,
    )
    model = transformers.Florence2ForConditionalGeneration(config)
    habits = {
        "num_beams": 3,
        "no_repeat_ngram_size": 3,
        "forced_bos_token_id": tokenizer.bos_token_id,
    }  # the original's
    model.generation_config = transformers.GenerationConfig(**ids, **habits, early_stopping=True)
    images = transformers.CLIPImageProcessor(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, image_seq_length=5
    )
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


def _qwen(family: str) -> tuple[Any, Any]:
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_byte_level(QWEN_SIGNS), eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    signs = ("image_pad", "video_pad", "vision_start", "vision_end")
    ids = {sign: tokenizer.convert_tokens_to_ids(f"<|{sign}|>") for sign in signs}
    tokens = {"image_token_id": ids["image_pad"], "video_token_id": ids["video_pad"]}
    tokens |= {"vision_start_token_id": ids["vision_start"], "vision_end_token_id": ids["vision_end"]}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
        "bos_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    patch, video = 14, "Qwen2VL"
    match family:
        case "Qwen2VL":
            vision: dict[str, Any] = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 1}
        case "Qwen2_5_VL":
            vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 16, "num_heads": 2}
            vision |= {"window_size": 56, "fullatt_block_indexes": [0]}
        case _:
            vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 16, "num_heads": 2}
            vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
            text["head_dim"] = 8
            patch, video = 16, "Qwen3VL"
    config = getattr(transformers, f"{family}Config")(text_config=text, vision_config=vision, **tokens)
    model = getattr(transformers, f"{family}ForConditionalGeneration")(config)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=[tokenizer.eos_token_id, tokenizer.pad_token_id],
        pad_token_id=tokenizer.pad_token_id,
        repetition_penalty=1.05,
        do_sample=True,
        temperature=0.01,
    )
    images = transformers.Qwen2VLImageProcessor(
        patch_size=patch, size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    )
    videos = getattr(transformers, f"{video}VideoProcessor")()
    return model, getattr(transformers, f"{family}Processor")(images, tokenizer, videos, chat_template=_CHAT)


def _paligemma() -> tuple[Any, Any]:
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += sorted({letter.replace(" ", "▁") for letter in "".join(_SAMPLE) + _LETTERS})
    merges = [("c", "a"), ("ca", "t"), ("▁", "cat"), ("d", "o"), ("do", "g"), ("▁", "dog"), ("▁", ";")]
    pieces += [first + second for first, second in merges]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = transformers.GemmaTokenizer(vocab=vocabulary, merges=merges)
    images = transformers.SiglipImageProcessor(size={"height": 28, "width": 28}, image_seq_length=4)
    processor = transformers.PaliGemmaProcessor(images, tokenizer)
    vision = {
        **_SMALL,
        "model_type": "siglip_vision_model",
        "image_size": 28,
        "patch_size": 14,
        "vision_use_head": False,
    }
    text = {**_SMALL, "model_type": "gemma", "vocab_size": len(tokenizer), "num_key_value_heads": 1, "head_dim": 8}
    config = transformers.PaliGemmaConfig(
        vision_config=vision,
        text_config={**text, "max_position_embeddings": 1024},
        projection_dim=16,
        hidden_size=16,
        vocab_size=len(tokenizer),
        image_token_index=processor.image_token_id,
    )
    model = transformers.PaliGemmaForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(bos_token_id=2, eos_token_id=1, pad_token_id=0)
    return model, processor


def _kosmos2() -> tuple[Any, Any]:
    letters = sorted({"▁", *"".join(_SAMPLE), *_LETTERS} - set(" \n\t"))
    words = ["▁cat", "▁dog", "▁An", "▁image", "▁of", "▁and", "▁traffic", "▁light"]
    pieces = [*((sign, 0.0) for sign in ("<s>", "<pad>", "</s>", "<unk>"))]
    pieces += [*((letter, -3.0) for letter in letters), *((word, -1.0) for word in words)]
    tokenizer = transformers.XLMRobertaTokenizer(vocab=pieces)
    images = transformers.CLIPImageProcessor(size={"height": 28, "width": 28}, do_center_crop=False)
    processor = transformers.Kosmos2Processor(images, tokenizer)
    sizes = {"embed_dim": 16, "layers": 1, "ffn_dim": 16, "attention_heads": 2, "max_position_embeddings": 512}
    vision = _SMALL
    config = transformers.Kosmos2Config(
        text_config={**sizes, "vocab_size": len(tokenizer)},
        vision_config={**vision, "image_size": 28},
        latent_query_num=64,
    )
    return transformers.Kosmos2ForConditionalGeneration(config), processor


_MAKERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "detr": _detr,
    "detr-masks": _detr_masks,
    "conditional_detr": _conditional_detr,
    "deformable_detr": _deformable_detr,
    "yolos": _yolos,
    "rt_detr": _rt_detr,
    "rt_detr_v2": lambda: _rt_detr("RTDetrV2"),
    "d_fine": _d_fine,
    "rf_detr": _rf_detr,
    "rf_detr-masks": lambda: _rf_detr("InstanceSegmentation"),
    "grounding-dino": _grounding_dino,
    "mm-grounding-dino": lambda: _grounding_dino("MMGroundingDino"),
    "owlvit": lambda: _owl("OwlViT"),
    "owlv2": lambda: _owl("Owlv2"),
    "omdet-turbo": _omdet_turbo,
    "sam": _sam,
    "sam_hq": lambda: _sam("SamHQ"),
    "sam2": _sam2,
    "sam3": _sam3,
    "sam3_tracker": _sam3_tracker,
    "maskformer": _maskformer,
    "mask2former": _mask2former,
    "oneformer": _oneformer,
    "eomt": _eomt,
    "florence2": _florence2,
    "qwen2_vl": lambda: _qwen("Qwen2VL"),
    "qwen2_5_vl": lambda: _qwen("Qwen2_5_VL"),
    "qwen3_vl": lambda: _qwen("Qwen3VL"),
    "paligemma": _paligemma,
    "kosmos-2": _kosmos2,
}
