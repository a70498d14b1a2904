"""Image tokens of DETR-like models against what the same models find as detectors, on tiny ones of random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.decoder.image_tokens import LOOSE_OVERLAP, DetrTokens, ImageTokens, open_tokens
from vision.detections.boxes import iou_matrix
from vision.detectors.detector import Request
from vision.detectors.transformers_models import open_transformers
from vision.errors import DetectorError

pytestmark = pytest.mark.slow

KINDS = ["detr", "deformable_detr", "rt_detr", "yolos"]
SEED = 2
"""Of weights with which the queries of each kind look at different places."""

IMAGE = picture(90, 60)


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, shelf: Shelf) -> str:
    return shelf(request.param, seed=SEED)


@pytest.fixture(scope="module")
def source(folder: str) -> DetrTokens:
    return DetrTokens(folder, "cpu")


@pytest.fixture(scope="module")
def tokens(source: DetrTokens) -> ImageTokens:
    return source.tokens([IMAGE])[0]


def test_boxes_and_scores_are_those_that_the_detector_gives(folder: str, tokens: ImageTokens) -> None:
    (found,) = open_transformers(folder, "cpu").detect([IMAGE], Request(CLASSES))
    assert found.scores is not None and len(found.labels)
    boxes = np.clip(tokens.boxes, 0, 1) * np.tile(IMAGE.size, 2)
    likely = 1 / (1 + np.exp(-tokens.logits))
    same = [
        (place, int(np.abs(boxes - box).max(1).argmin()))
        for place, box in enumerate(found.xyxy)
        if np.abs(boxes - box).max(1).min() < 0.01
    ]
    # A box on which a surer one lies is no token; what the detector is surest of is one.
    assert same[0] == (0, 0) and len({token for _, token in same}) > 3
    for place, token in same:
        column = CLASSES.index(found.labels[place])
        assert likely[token, column] == pytest.approx(float(found.scores[place]), abs=1e-4)
    assert np.all(np.diff(tokens.logits.max(1)) <= 0)
    assert np.triu(iou_matrix(tokens.boxes, tokens.boxes), 1).max() <= LOOSE_OVERLAP + 1e-4
    # The cell is the box's middle with a rough size.
    low, high = tokens.boxes[:, :2], tokens.boxes[:, 2:]
    np.testing.assert_allclose(tokens.cells[:, :2], (low + high) / 2, atol=1e-5)
    ratio = tokens.cells[:, 2:] / np.clip(high - low, 2.0**-9, 1)
    assert np.all((ratio >= 2**-0.501) & (ratio <= 2**0.501))
    assert np.all(np.log2(tokens.cells[:, 2:]) % 1 == 0), "powers of two"


def test_the_widths_are_the_models_and_images_do_not_hang_together(source: DetrTokens, tokens: ImageTokens) -> None:
    assert source.vocabulary == CLASSES and tokens.features.shape == (len(tokens), source.width)
    assert tokens.logits.shape == (len(tokens), len(CLASSES))
    other, again = source.tokens([picture(64, 64, 1), IMAGE])
    np.testing.assert_allclose(again.logits, tokens.logits, atol=1e-3)
    assert not np.allclose(other.logits[:1], tokens.logits[:1], atol=1e-3)
    assert source.tokens([]) == [] and len(source.tokens([IMAGE], 1)[0]) == 1


@pytest.mark.parametrize("kind", ["detr", "yolos"])
def test_features_are_what_the_model_names_a_class_from(shelf: Shelf, kind: str) -> None:
    import torch

    detector = shelf.opened(kind, SEED)
    (tokens,) = DetrTokens(shelf(kind, seed=SEED), "cpu").tokens([IMAGE])
    with torch.inference_mode():
        logits = detector.model.class_labels_classifier(torch.from_numpy(tokens.features))
    likely = torch.softmax(logits, -1)[:, :-1].numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-tokens.logits)), likely, atol=1e-4)


def without_a_name_for_two(model: Any) -> None:
    model.config.id2label = {0: "N/A", 1: "cat", 2: "dog", 3: "N/A"}


def test_numbers_of_no_class_are_left_out_and_the_fingerprint_names_the_weights(shelf: Shelf) -> None:
    (tokens,) = (source := DetrTokens(shelf("detr", without_a_name_for_two, SEED), "cpu")).tokens([IMAGE])
    assert source.vocabulary == ("cat", "dog")
    one, again, other = (DetrTokens(shelf("detr", seed=seed), "cpu") for seed in (SEED, SEED, 1))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    (all_named,) = one.tokens([IMAGE])
    same = np.abs(tokens.boxes[:, None] - all_named.boxes[None]).max(2) < 1e-5
    rows, columns = np.nonzero(same)
    assert len(rows)
    np.testing.assert_allclose(tokens.logits[rows], all_named.logits[columns][:, 1:3], atol=1e-4)


def test_what_is_no_detector_of_a_fixed_class_set_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    for kind in ("owlvit", "maskformer"):
        with pytest.raises(DetectorError, match=rf"{kind}-2 is no DETR-like detector of a fixed class set, such as"):
            open_tokens(shelf(kind, seed=SEED), "cpu")
    with pytest.raises(DetectorError, match="not a model's folder"):
        open_tokens(str(tmp_path))
