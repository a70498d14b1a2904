"""Detectors and segmenters of a fixed class set, SAM 3, masks of SAM's kin: tiny models of random or set weights."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.detections.polygons import mask_from_rings
from vision.detectors.detector import Request
from vision.detectors.transformers_models import batches as sam_masks
from vision.detectors.transformers_models import open_transformers, with_masks
from vision.detectors.transformers_models.batches import box_of, full_mask, outline
from vision.detectors.transformers_models.segmenters import class_names
from vision.errors import DetectorError

pytestmark = pytest.mark.slow

DETECTORS = ["detr", "conditional_detr", "deformable_detr", "yolos", "rt_detr", "rt_detr_v2", "d_fine", "rf_detr"]
SAMS = ["sam", "sam_hq", "sam2", "sam3_tracker"]
SEGMENTERS = ["maskformer", "mask2former", "eomt", "detr-masks", "rf_detr-masks"]
ALL, OUTLINED = Request(CLASSES), Request(CLASSES, polygons=True)


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


@pytest.mark.parametrize("kind", DETECTORS)
def test_some_classes_give_exactly_the_full_runs_boxes_of_them_above_the_bound(shelf: Shelf, kind: str) -> None:
    detector, image = shelf.opened(kind), picture(90, 60)
    assert detector.vocabulary == CLASSES and detector.describe([image]) is None
    assert detector.supercategories == {"cat": "animal", "dog": "animal", "bus": "vehicle", "traffic light": "outdoor"}
    (full,) = detector.detect([image], ALL)
    middle = float(np.median(full.scores))
    for classes, bound in ((CLASSES[-2:], 0.0), (CLASSES, middle)):
        (part,) = detector.detect([image], Request(classes, min_score=bound))
        kept = [i for i, label in enumerate(full.labels) if label in classes and full.scores[i] >= bound]
        assert part.labels == tuple(full.labels[place] for place in kept)
        np.testing.assert_array_equal(part.xyxy, full.xyxy[kept])
        np.testing.assert_array_equal(part.scores, full.scores[kept])


def test_a_box_that_the_head_is_set_to_comes_back_in_the_pixels_of_any_image(shelf: Shelf) -> None:
    detector = open_transformers(shelf("detr", _always_one_bus))
    for width, height in ((90, 60), (50, 200), (333, 120)):
        (found,) = detector.detect([picture(width, height)], ALL)
        assert set(found.labels) == {"bus"}
        # Centre (0.25, 0.5), size (0.2, 0.4) of the image.
        expected = np.array([0.15 * width, 0.3 * height, 0.35 * width, 0.7 * height])
        np.testing.assert_allclose(found.xyxy, np.tile(expected, (len(found.labels), 1)), atol=1e-2)
        np.testing.assert_allclose(found.scores, math.exp(3) / (math.exp(3) + 4), atol=1e-5)  # type: ignore[arg-type]


def _always_one_bus(model: Any) -> None:
    import torch

    last = model.bbox_predictor.layers[-1]
    last.weight.zero_()
    last.bias.copy_(torch.logit(torch.tensor([0.25, 0.5, 0.2, 0.4])))
    model.class_labels_classifier.weight.zero_()
    model.class_labels_classifier.bias.copy_(torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0]))


def test_a_class_that_the_model_lacks_is_refused_and_numbers_that_stand_for_none_are_none(shelf: Shelf) -> None:
    with pytest.raises(DetectorError, match=r"no class 'traffic lights'.*traffic light"):
        shelf.opened("detr").detect([picture(8, 8)], Request(("traffic lights",)))
    assert class_names({2: "car", 0: "N/A", 1: "person", 3: "N/A", 4: "car"}) == ("person", "car")


@pytest.mark.parametrize("kind", SAMS)
def test_boxes_get_the_models_own_outlines_a_few_at_a_time(shelf: Shelf, kind: str, monkeypatch: Any) -> None:
    """Against the library's way from the model's masks to the image's pixels."""
    import torch

    detector: Any = with_masks(shelf.opened("detr"), shelf(kind))
    image = picture(90, 60)
    (plain,) = detector.detector.detect([image], ALL)
    (found,) = detector.detect([image], OUTLINED)
    assert detector.gives_polygons and detector.vocabulary == CLASSES
    np.testing.assert_array_equal(found.xyxy, plain.xyxy)
    assert found.labels == plain.labels and found.polygons is not None
    model, processor = detector.mask_model.model, detector.mask_model.processor
    inputs = processor(images=[image.pixels], input_boxes=[plain.xyxy.astype(float).tolist()], return_tensors="pt")
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
            assert len(rings) == 1 and len(rings[0]) == 4
    image = picture(50, 70)
    boxes = np.array([[0, 0, 50, 70], [5, 5, 30, 40], [20, 30, 50, 70]], np.float32)
    at_once = list(detector.mask_model.masks(image, boxes))
    monkeypatch.setattr(sam_masks, "BOXES", 1)
    for one, other in zip(at_once, detector.mask_model.masks(image, boxes), strict=True):
        assert one.shape == (70, 50) and (one != other).sum() <= 2


def test_an_object_without_a_mask_keeps_its_box_and_no_mask_is_made_where_none_is_wanted(shelf: Shelf) -> None:
    detector: Any = with_masks(shelf.opened("detr"), shelf("sam", _never_a_mask))
    (found,) = detector.detect([picture(90, 60)], OUTLINED)
    assert found.polygons is not None
    for rings, box in zip(found.polygons, found.xyxy, strict=True):
        np.testing.assert_array_equal(np.concatenate([rings[0].min(0), rings[0].max(0)]), box)
    assert any(f"no outline of {len(found.labels)} of the objects" in note for note in found.notes)
    detector.mask_model = None
    (found,) = detector.detect([picture(90, 60)], ALL)
    assert found.polygons is None and found.labels


def _never_a_mask(model: Any) -> None:
    """Masks are products of what the decoder upsamples and what its networks make of the tokens: here always -1."""
    decoder = model.mask_decoder
    decoder.upscale_conv2.weight.zero_()
    decoder.upscale_conv2.bias.fill_(1.0)
    for network in decoder.output_hypernetworks_mlps:
        network.proj_out.weight.zero_()
        network.proj_out.bias.fill_(-1.0)


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_boxes_are_those_around_the_outlines_and_some_classes_give_the_full_runs(shelf: Shelf, kind: str) -> None:
    detector, image = shelf.opened(kind), picture(90, 60)
    assert detector.vocabulary == CLASSES and detector.gives_polygons
    (found,) = detector.detect([image], OUTLINED)
    assert found.labels and found.polygons is not None
    for rings, box in zip(found.polygons, found.xyxy, strict=True):
        points = np.concatenate(rings)
        np.testing.assert_allclose(np.concatenate([points.min(0), points.max(0)]), box)
    for classes in (CLASSES[1:2], CLASSES[2:]):
        (part,) = detector.detect([image], Request(classes))
        kept = [place for place, name in enumerate(found.labels) if name in classes]
        np.testing.assert_array_equal(part.xyxy, found.xyxy[kept])


def test_masks_and_scores_agree_with_the_library_where_it_pads_nothing(shelf: Shelf) -> None:
    import torch

    detector: Any = shelf.opened("mask2former")
    image = picture(96, 64)
    with torch.inference_mode():
        outputs = detector.model(**detector.processor(images=[image.pixels], return_tensors="pt"))
    theirs = detector.processor.post_process_instance_segmentation(
        outputs, threshold=0.0, target_sizes=[(64, 96)], return_binary_maps=True
    )[0]
    (found,) = detector.detect([image], OUTLINED)
    assert found.scores is not None and found.polygons is not None
    best = max(theirs["segments_info"], key=lambda segment: segment["score"])
    assert detector.config.id2label[best["label_id"]] == found.labels[0]
    assert abs(best["score"] - found.scores[0]) < 0.02  # theirs is measured on a mask that was blown up first
    mask = theirs["segmentation"][best["id"]].numpy() > 0
    assert overlap(mask_from_rings(found.polygons[0], image.size), mask) > 0.9


def test_padding_is_known(shelf: Shelf) -> None:
    for kind, size, part in (
        ("mask2former", (60, 70), (1.0, 1.0)),  # stretched until 32 divides both sides
        ("eomt", (90, 60), (1.0, 42 / 64)),  # 64 x 42 pixels in a square of 64
        ("eomt", (60, 90), (42 / 64, 1.0)),
        ("detr-masks", (90, 60), (96 / 120, 64 / 128)),
        ("rf_detr-masks", (90, 60), (1.0, 1.0)),
    ):
        detector: Any = open_transformers(shelf(kind))
        if kind == "detr-masks":
            detector.processor.pad_size = {"height": 128, "width": 120}
        (batch,) = detector.batches([picture(*size)])
        assert detector._part(batch, 0) == pytest.approx(part, abs=0.02)


def test_sam3_finds_the_concepts_that_phrases_name(shelf: Shelf) -> None:
    classes = (*CLASSES, "a cat", "the bus")  # more than go through at a time
    (found,) = shelf.opened("sam3").detect([picture(90, 60)], Request(classes, polygons=True))
    (other,) = shelf.opened("sam3").detect([picture(90, 60)], Request(classes[::-1]))
    assert shelf.opened("sam3").vocabulary is None and other.labels == found.labels and other.polygons is None
    assert found.polygons is not None and len(found.polygons) == len(found.labels) > 0
    np.testing.assert_array_equal(other.xyxy, found.xyxy)


def test_sam3_agrees_with_the_librarys_post_processing_of_one_phrase(shelf: Shelf) -> None:
    import torch

    detector: Any = shelf.opened("sam3")
    image = picture(90, 60)
    inputs = detector.processor(images=[image.pixels], text=["dog"], return_tensors="pt")
    with torch.inference_mode():
        outputs = detector.model(**{key: inputs[key] for key in ("pixel_values", "input_ids", "attention_mask")})
    theirs = detector.processor.post_process_instance_segmentation(outputs, threshold=0.0, target_sizes=[(60, 90)])[0]
    (found,) = detector.detect([image], Request(("dog",), polygons=True))
    assert found.scores is not None and found.polygons is not None and len(found.labels) > 1
    boxes = np.clip(theirs["boxes"].numpy(), 0, [90, 60, 90, 60])
    for xyxy, score, rings in zip(found.xyxy, found.scores, found.polygons, strict=True):
        query = int(np.abs(boxes - xyxy).max(axis=1).argmin())
        np.testing.assert_allclose(xyxy, boxes[query], atol=1e-2)
        assert abs(theirs["scores"][query] - score) < 1e-5
        mask = theirs["masks"][query].numpy() > 0
        if mask.sum() > 50:  # theirs is made finer as probabilities, which moves the edges of random masks
            assert overlap(mask_from_rings(rings, image.size), mask) > 0.7


@pytest.mark.parametrize(("size", "part"), [((80, 40), (1.0, 1.0)), ((80, 40), (0.75, 1.0)), ((30, 90), (1.0, 0.5))])
def test_a_coarse_mask_lies_on_the_image_without_its_padding(size: tuple[int, int], part: tuple[float, float]) -> None:
    """The object fills the middle half of the image in both directions, on a grid that the image fills in part."""
    import torch

    rows, columns = np.mgrid[0:64, 0:64] + 0.5
    x, y = columns / 64 / part[0], rows / 64 / part[1]
    inside = (x > 0.25) & (x < 0.75) & (y > 0.25) & (y < 0.75)
    mask = full_mask(torch.from_numpy(np.where(inside, 5.0, -5.0)), size, part)
    width, height = size
    assert mask.shape == (height, width)
    expected = np.zeros((height, width), bool)
    expected[round(height / 4) : round(height * 3 / 4), round(width / 4) : round(width * 3 / 4)] = True
    assert overlap(mask, expected) > 0.85
    np.testing.assert_allclose(box_of(mask), np.array([width, height, 3 * width, 3 * height]) / 4, atol=2)
    # The box of no pixel has no area, and its outline is the box that is given.
    nothing = np.zeros((4, 6), np.bool_)
    assert box_of(nothing).tolist() == [0, 0, 0, 0]
    rings, seen = outline(nothing, np.array([1, 1, 3, 2], np.float32))
    assert not seen and rings[0].tolist() == [[1, 1], [3, 1], [3, 2], [1, 2]]
