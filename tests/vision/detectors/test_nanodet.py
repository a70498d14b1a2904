import hashlib
import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.classes.lexicon import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detections.boxes import iou_matrix
from vision.detectors.detector import Found, Request
from vision.detectors.embedded import LOWEST_SCORE, MODEL_FILE, NanoDet, letterboxed
from vision.detectors.sessions import open_session
from vision.errors import DetectorError
from vision.images import LoadedImage, load_image

EVERYTHING = Request(COCO_CLASSES, 0.0)


def photograph(name: str) -> LoadedImage:
    package = importlib.util.find_spec("skimage")
    assert package is not None and package.origin is not None
    return load_image(Path(package.origin).parent / "data" / name)


def blurred_noise(width: int, height: int, seed: int = 0) -> LoadedImage:
    """Blobs, in which the detector sees many things with little certainty."""
    noise = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), np.uint8)
    return load_image(np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8))


def assert_same(first: Found, second: Found) -> None:
    assert first.labels == second.labels
    assert np.array_equal(first.xyxy, second.xyxy)
    assert first.scores is not None and second.scores is not None and np.array_equal(first.scores, second.scores)


@pytest.fixture(scope="module")
def detector() -> NanoDet:
    return NanoDet()


@pytest.fixture(scope="module")
def everything(detector: NanoDet) -> Found:
    return detector.detect([blurred_noise(500, 375)], EVERYTHING)[0]


class TestWhatIsFound:
    def test_a_person_in_a_portrait(self, detector: NanoDet) -> None:
        (found,) = detector.detect([photograph("astronaut.png")], Request(COCO_CLASSES, 0.5))
        assert found.labels[0] == "person"
        by_eye = [18.0, 16.0, 362.0, 512.0]
        assert iou_matrix(found.xyxy[:1], [by_eye])[0, 0] > 0.9

    def test_boxes_of_one_class_overlap_little_and_the_background_is_left_out(self, everything: Found) -> None:
        assert everything.scores is not None and everything.scores.min() >= LOWEST_SCORE
        for name in set(everything.labels):
            boxes = everything.xyxy[[label == name for label in everything.labels]]
            assert np.triu(iou_matrix(boxes, boxes), 1).max(initial=0) <= 0.6 + 1e-6

    def test_the_outputs_are_read_as_the_authors_describe_them(self, detector: NanoDet) -> None:
        image = blurred_noise(300, 400, seed=3)
        (found,) = detector.detect([image], Request(COCO_CLASSES, 0.1))
        expected = plainly_detected(image, 0.1)
        assert [(label, pytest.approx(score, abs=1e-6)) for label, score, _ in expected] == list(
            zip(found.labels, found.scores.tolist() if found.scores is not None else (), strict=True)
        )
        assert np.allclose(found.xyxy, [box for _, _, box in expected], atol=1e-2)


def plainly_detected(image: LoadedImage, min_score: float) -> list[tuple[str, float, list[float]]]:
    """Boxes by the words of the paper and no array arithmetic, best first."""
    factor = 416 / max(image.size)
    width, height = round(image.width * factor), round(image.height * factor)
    square = np.zeros((416, 416, 3), np.uint8)
    square[:height, :width] = cv2.resize(image.pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    blue_green_red = square[:, :, ::-1].astype(np.float64)
    tensor = (blue_green_red - (103.53, 116.28, 123.675)) / (57.375, 57.12, 58.395)
    session = open_session(MODEL_FILE, 1)
    scores, distances = session.run(None, {"image": tensor.transpose(2, 0, 1)[None].astype(np.float32)})
    cells = [(x, y, stride) for stride in (8, 16, 32) for y in range(416 // stride) for x in range(416 // stride)]
    kept: list[tuple[str, float, list[float]]] = []
    for number, name in enumerate(COCO_CLASSES):
        boxes = []
        for place, (x, y, stride) in enumerate(cells):
            score = float(scores[0, number, place])
            if score < min_score:
                continue
            sides = []
            for side in range(4):
                powers = [math.exp(logit) for logit in distances[0, side * 11 : side * 11 + 11, place].tolist()]
                sides.append(sum(step * power for step, power in enumerate(powers)) / sum(powers) * stride)
            middle = (x + 0.5) * stride, (y + 0.5) * stride
            corners = middle[0] - sides[0], middle[1] - sides[1], middle[0] + sides[2], middle[1] + sides[3]
            scale = image.width / width, image.height / height
            boxes.append((score, [min(max(c * scale[i % 2], 0), image.size[i % 2]) for i, c in enumerate(corners)]))
        stay: list[tuple[float, list[float]]] = []
        for score, box in sorted(boxes, key=lambda pair: -pair[0]):
            if all(iou_matrix([box], [other])[0, 0] <= 0.6 for _, other in stay):
                stay.append((score, box))
        kept += [(name, score, box) for score, box in stay]
    return sorted(kept, key=lambda one: -one[1])


class TestRequests:
    @pytest.mark.slow
    @given(asked=st.lists(st.sampled_from(COCO_CLASSES), min_size=1, max_size=80, unique=True))
    def test_some_classes_give_their_part_of_all(self, detector: NanoDet, everything: Found, asked: list[str]) -> None:
        (found,) = detector.detect([blurred_noise(500, 375)], Request(tuple(asked), 0.0))
        places = [place for place, label in enumerate(everything.labels) if label in asked]
        assert everything.scores is not None
        part = Found(everything.xyxy[places], tuple(everything.labels[p] for p in places), everything.scores[places])
        assert_same(found, part)

    def test_its_classes_are_cocos_and_an_unknown_one_is_refused_with_the_nearest(self, detector: NanoDet) -> None:
        assert (detector.name, detector.vocabulary) == ("embedded", COCO_CLASSES)
        assert detector.supercategories == COCO_SUPERCATEGORIES
        with pytest.raises(DetectorError, match=r"no class 'motorcicle'.*motorcycle"):
            detector.detect([blurred_noise(50, 50)], Request(("car", "motorcicle")))


class TestSizes:
    def test_boxes_lie_inside_an_image_of_any_size(self, detector: NanoDet) -> None:
        for size in ((1, 1), (1, 4000), (3, 2), (417, 415), (3000, 2000)):
            (found,) = detector.detect([blurred_noise(*size)], EVERYTHING)
            assert len(found.labels) == len(found.xyxy)
            assert np.all(found.xyxy >= 0) and np.all(found.xyxy <= (*size, *size))
            assert np.all(found.xyxy[:, 2:] > found.xyxy[:, :2])

    @given(width=st.integers(1, 3000), height=st.integers(1, 3000))
    def test_the_letterbox_holds_the_whole_image_and_zeros_beside_it(self, width: int, height: int) -> None:
        placed = letterboxed(np.full((height, width, 3), 255, np.uint8))
        right, below = width / placed.scale[0], height / placed.scale[1]
        assert max(right, below) == pytest.approx(416)
        white = placed.tensor[0, 0] > 0
        assert white.sum() == round(right) * round(below)
        assert white[: round(below), : round(right)].all()
        zero = -np.array([[103.53 / 57.375], [116.28 / 57.12], [123.675 / 58.395]])
        assert np.allclose(placed.tensor[0][:, ~white], zero)


def test_many_images_and_any_number_of_threads_give_what_each_image_gives() -> None:
    images = [blurred_noise(200 + 40 * number, 300, seed=number) for number in range(3)]
    for image, found in zip(images, NanoDet(3).detect(images, EVERYTHING), strict=True):
        assert_same(NanoDet(1).detect([image], EVERYTHING)[0], found)
    for threads in (0, -2):
        with pytest.raises(DetectorError, match="threads"):
            NanoDet(threads)
    assert open_session(MODEL_FILE, 1) is open_session(MODEL_FILE, 1)


@pytest.mark.slow
def test_torch_is_not_imported() -> None:
    code = (
        "import sys, vision.detectors.transformers_models; "
        "from vision.detectors.opening import open_detector; open_detector('embedded'); "
        "sys.exit(bool({'torch', 'transformers', 'onnx'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestWeights:
    def test_the_file_is_the_one_whose_origin_is_told_beside_its_licences(self) -> None:
        digest = hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()
        licences = (("LICENSE-NanoDet.txt", "Apache License"), ("LICENSE-human-models.txt", "Vladimir"))
        for name, words in (("PROVENANCE.md", digest), *licences):
            assert words in MODEL_FILE.with_name(name).read_text(encoding="utf-8")
        assert MODEL_FILE.stat().st_size < 8_000_000
