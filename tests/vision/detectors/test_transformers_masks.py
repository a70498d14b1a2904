"""Masks of SAM's kin behind a detector, of segmenters and of SAM 3, and their way into the image's pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.detections.polygons import mask_from_rings
from vision.detectors.detector import Found, Request
from vision.detectors.transformers_models import batches as sam_masks
from vision.detectors.transformers_models import open_transformers, with_masks
from vision.detectors.transformers_models.batches import box_of, full_mask, outline
from vision.images import LoadedImage

pytestmark = pytest.mark.slow

SAMS = ["sam", "sam_hq", "sam2", "sam3_tracker"]
SEGMENTERS = ["maskformer", "mask2former", "oneformer", "eomt", "detr-masks", "rf_detr-masks"]
OUTLINED = Request(CLASSES, polygons=True)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("masks"))


def pil(image: LoadedImage) -> Any:
    return Image.fromarray(image.pixels)


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def same(one: Found, other: Found) -> None:
    assert one.labels == other.labels
    np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1.0)  # a pixel at the edge of a mask may fall either way
    np.testing.assert_allclose(one.scores, other.scores, atol=5e-4)  # type: ignore[arg-type]


# --- SAM and its kin --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SAMS)
def test_boxes_stay_the_detectors_and_get_the_models_own_outlines(shelf: Shelf, kind: str) -> None:
    """Against the library's way from the model's masks to the image's pixels."""
    import torch

    detector: Any = open_transformers(f"{shelf('detr')}+{shelf(kind)}")
    image = picture(90, 60)
    (plain,) = detector.detector.detect([image], Request(CLASSES))
    (found,) = detector.detect([image], OUTLINED)
    assert detector.gives_polygons
    assert detector.vocabulary == CLASSES
    np.testing.assert_array_equal(found.xyxy, plain.xyxy)
    assert found.labels == plain.labels
    assert found.polygons is not None
    model, processor = detector.mask_model.model, detector.mask_model.processor
    inputs = processor(images=[pil(image)], input_boxes=[plain.xyxy.astype(float).tolist()], return_tensors="pt")
    with torch.inference_mode():
        prompts = {"pixel_values": inputs["pixel_values"], "input_boxes": inputs["input_boxes"].float()}
        coarse = model(**prompts, multimask_output=False).pred_masks
    sizes = [inputs[key] for key in ("original_sizes", "reshaped_input_sizes") if key in inputs]
    theirs = processor.post_process_masks(coarse, *sizes)[0][:, 0].numpy()
    assert len(theirs) == len(found.polygons)
    for rings, mask in zip(found.polygons, theirs, strict=True):
        if mask.any():
            assert overlap(mask_from_rings(rings, image.size), mask) > 0.9
        else:
            assert len(rings) == 1
            assert len(rings[0]) == 4


@pytest.mark.parametrize("kind", SAMS)
def test_boxes_in_portions_get_the_outlines_that_they_get_at_once(
    shelf: Shelf, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector: Any = with_masks(open_transformers(shelf("conditional_detr")), shelf(kind))
    image = picture(50, 70)
    boxes = np.array([[0, 0, 50, 70], [5, 5, 30, 40], [20, 30, 50, 70]], np.float32)
    at_once = list(detector.mask_model.masks(image, boxes))
    monkeypatch.setattr(sam_masks, "BOXES", 1)
    for one, other in zip(at_once, detector.mask_model.masks(image, boxes), strict=True):
        assert one.shape == (70, 50)
        assert (one != other).sum() <= 2


def test_without_a_wish_for_outlines_the_mask_model_is_not_asked(shelf: Shelf) -> None:
    detector: Any = with_masks(open_transformers(shelf("detr")), shelf("sam"))
    detector.mask_model = None
    (found,) = detector.detect([picture(90, 60)], Request(CLASSES))
    assert found.polygons is None
    assert found.labels


def test_an_object_without_a_mask_keeps_its_box_and_that_is_said(shelf: Shelf) -> None:
    detector = with_masks(open_transformers(shelf("detr")), shelf("sam", _never_a_mask))
    (found,) = detector.detect([picture(90, 60)], OUTLINED)
    assert found.polygons is not None
    for rings, box in zip(found.polygons, found.xyxy, strict=True):
        np.testing.assert_array_equal(np.concatenate([rings[0].min(0), rings[0].max(0)]), box)
    assert any(f"no outline of {len(found.labels)} of the objects" in note for note in found.notes)


def _never_a_mask(model: Any) -> None:
    """Masks are products of what the decoder upsamples and what its networks make of the tokens: here always -1."""
    decoder = model.mask_decoder
    decoder.upscale_conv2.weight.zero_()
    decoder.upscale_conv2.bias.fill_(1.0)
    for network in decoder.output_hypernetworks_mlps:
        network.proj_out.weight.zero_()
        network.proj_out.bias.fill_(-1.0)


# --- segmenters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_boxes_are_those_around_the_outlines(shelf: Shelf, kind: str) -> None:
    detector = open_transformers(shelf(kind))
    assert detector.vocabulary == CLASSES
    assert detector.gives_polygons
    image = picture(90, 60)
    (found,) = detector.detect([image], OUTLINED)
    assert found.labels
    assert set(found.labels) <= set(CLASSES)
    assert found.polygons is not None
    for rings, box in zip(found.polygons, found.xyxy, strict=True):
        points = np.concatenate(rings)
        np.testing.assert_allclose(np.concatenate([points.min(0), points.max(0)]), box)
    (plain,) = detector.detect([image], Request(CLASSES))
    assert plain.polygons is None
    np.testing.assert_array_equal(plain.xyxy, found.xyxy)


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_some_classes_give_exactly_the_full_runs_objects_of_them(shelf: Shelf, kind: str) -> None:
    detector = open_transformers(shelf(kind))
    image = picture(60, 90)
    (full,) = detector.detect([image], Request(CLASSES))
    for label in CLASSES:
        (part,) = detector.detect([image], Request((label,)))
        kept = [place for place, name in enumerate(full.labels) if name == label]
        np.testing.assert_array_equal(part.xyxy, full.xyxy[kept])


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_a_batch_of_all_sizes_gives_what_single_images_give(shelf: Shelf, kind: str) -> None:
    detector = open_transformers(shelf(kind))
    images = [picture(90, 60, 1), picture(60, 70, 2), picture(90, 60, 3), picture(1, 1, 4)]
    for image, found in zip(images, detector.detect(images, Request(CLASSES)), strict=True):
        same(detector.detect([image], Request(CLASSES))[0], found)


def test_masks_and_scores_agree_with_the_library_where_it_pads_nothing(shelf: Shelf) -> None:
    import torch

    detector: Any = open_transformers(shelf("mask2former"))
    image = picture(96, 64)
    with torch.inference_mode():
        outputs = detector.model(**detector.processor(images=[pil(image)], return_tensors="pt"))
    theirs = detector.processor.post_process_instance_segmentation(
        outputs, threshold=0.0, target_sizes=[(64, 96)], return_binary_maps=True
    )[0]
    (found,) = detector.detect([image], OUTLINED)
    assert found.scores is not None
    assert found.polygons is not None
    best = max(theirs["segments_info"], key=lambda segment: segment["score"])
    assert detector.config.id2label[best["label_id"]] == found.labels[0]
    assert abs(best["score"] - found.scores[0]) < 0.02  # theirs is measured on a mask that was blown up first
    mask = theirs["segmentation"][best["id"]].numpy() > 0
    assert overlap(mask_from_rings(found.polygons[0], image.size), mask) > 0.9


@pytest.mark.parametrize(
    ("kind", "width", "height", "pad", "part"),
    [
        ("mask2former", 60, 70, None, (1.0, 1.0)),  # stretched until 32 divides both sides
        ("eomt", 90, 60, None, (1.0, 42 / 64)),  # 64 x 42 pixels in a square of 64
        ("eomt", 60, 90, None, (42 / 64, 1.0)),
        ("detr-masks", 90, 60, {"height": 128, "width": 120}, (96 / 120, 64 / 128)),
        ("rf_detr-masks", 90, 60, None, (1.0, 1.0)),
    ],
)
def test_padding_is_known(
    shelf: Shelf, kind: str, width: int, height: int, pad: dict[str, int] | None, part: tuple[float, float]
) -> None:
    detector: Any = open_transformers(shelf(kind))
    if pad:
        detector.processor.pad_size = pad
    (batch,) = detector.batches([picture(width, height)])
    assert detector._part(batch, 0) == pytest.approx(part, abs=0.02)


# --- SAM 3 ------------------------------------------------------------------------------------------------------------


def test_sam3_finds_the_concepts_that_phrases_name(shelf: Shelf) -> None:
    detector = open_transformers(shelf("sam3"))
    image = picture(90, 60)
    classes = (*CLASSES, "a cat", "the bus")  # more than go through at a time
    (found,) = detector.detect([image], Request(classes, polygons=True))
    assert detector.vocabulary is None
    assert found.labels
    assert set(found.labels) <= set(classes)
    assert found.polygons is not None
    assert len(found.polygons) == len(found.labels)
    (other,) = detector.detect([image], Request(classes[::-1]))
    assert other.polygons is None
    assert other.labels == found.labels
    np.testing.assert_array_equal(other.xyxy, found.xyxy)
    images = [picture(40, 80, 1), image]
    same(detector.detect(images, Request(classes))[1], found)


def test_sam3_agrees_with_the_librarys_post_processing_of_one_phrase(shelf: Shelf) -> None:
    import torch

    detector: Any = open_transformers(shelf("sam3"))
    image = picture(90, 60)
    inputs = detector.processor(images=[pil(image)], text=["dog"], return_tensors="pt")
    with torch.inference_mode():
        outputs = detector.model(**{key: inputs[key] for key in ("pixel_values", "input_ids", "attention_mask")})
    theirs = detector.processor.post_process_instance_segmentation(outputs, threshold=0.0, target_sizes=[(60, 90)])[0]
    (found,) = detector.detect([image], Request(("dog",), polygons=True))
    assert found.scores is not None
    assert found.polygons is not None
    assert len(found.labels) > 1
    boxes = np.clip(theirs["boxes"].numpy(), 0, [90, 60, 90, 60])
    for xyxy, score, rings in zip(found.xyxy, found.scores, found.polygons, strict=True):
        query = int(np.abs(boxes - xyxy).max(axis=1).argmin())
        np.testing.assert_allclose(xyxy, boxes[query], atol=1e-2)
        assert abs(theirs["scores"][query] - score) < 1e-5
        mask = theirs["masks"][query].numpy() > 0
        if mask.sum() > 50:  # theirs is made finer as probabilities, which moves the edges of random masks
            assert overlap(mask_from_rings(rings, image.size), mask) > 0.7


# --- from a coarse mask to pixels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(80, 40), (30, 90)])
@pytest.mark.parametrize("part", [(1.0, 1.0), (1.0, 0.5), (0.75, 1.0)])
def test_a_coarse_mask_lies_on_the_image_where_the_padding_is_left_out(
    width: int, height: int, part: tuple[float, float]
) -> None:
    """The object fills the middle half of the image in both directions, on a grid that the image fills in part."""
    import torch

    rows, columns = np.mgrid[0:64, 0:64] + 0.5
    x, y = columns / 64 / part[0], rows / 64 / part[1]
    inside = (x > 0.25) & (x < 0.75) & (y > 0.25) & (y < 0.75)
    mask = full_mask(torch.from_numpy(np.where(inside, 5.0, -5.0)), (width, height), part)
    assert mask.shape == (height, width)
    expected = np.zeros((height, width), bool)
    expected[round(height / 4) : round(height * 3 / 4), round(width / 4) : round(width * 3 / 4)] = True
    assert overlap(mask, expected) > 0.85
    np.testing.assert_allclose(box_of(mask), np.array([width, height, 3 * width, 3 * height]) / 4, atol=2)


def test_the_box_of_no_pixel_has_no_area_and_its_outline_is_the_box_given() -> None:
    nothing = np.zeros((4, 6), np.bool_)
    assert box_of(nothing).tolist() == [0, 0, 0, 0]
    rings, seen = outline(nothing, np.array([1, 1, 3, 2], np.float32))
    assert not seen
    assert rings[0].tolist() == [[1, 1], [3, 1], [3, 2], [1, 2]]
