import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as reference  # type: ignore[import-untyped]

from skylark.errors import DataError, SkylarkError
from tests.vision.coloured_pictures import PICTURES, instances, make_set
from vision.errors import EvaluationError
from vision.evaluation.annotations import RunLengths, check_run_lengths, decompressed, from_rings, read_annotations


def error_of(folder: Path, change: Any) -> str:
    """The message for annotations that were changed."""
    images, file = make_set(folder)
    content = instances(PICTURES)
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(SkylarkError) as caught:
        read_annotations([(images, file)])
    return str(caught.value)


class TestASet:
    def test_it_has_the_images_and_objects_of_the_file(self, tmp_path: Path) -> None:
        found = read_annotations([make_set(tmp_path)])
        assert [image.path for image in found.images] == [tmp_path / "images" / name for name in PICTURES]
        assert [(image.id, image.size) for image in found.images] == [(n, (96, 64)) for n in (10, 20, 30, 40)]
        named = [(row.category, row.xywh) for row in found.annotations]
        assert named == [(name, box) for objects in PICTURES.values() for name, box in objects]
        assert [row.image for row in found.annotations] == [0, 0, 0, 1, 1, 3, 3]
        assert found.annotations[0].xyxy == (4, 4, 34, 44)
        assert found.category_ids == ({"car": 3, "cat": 17, "dog": 18},)
        assert found.supercategories["dog"] == "animal"
        assert [row.image for row in found.first(2).annotations] == [0, 0, 0, 1, 1]
        assert len(found.first(2).images) == 2 and found.first(99) == found.first(None) == found

    def test_several_files_make_one_set_though_their_ids_are_the_same(self, tmp_path: Path) -> None:
        other = {"categories": [{"id": 17, "name": "dog"}, {"id": 18, "name": "cat"}, {"id": 3, "name": "bird"}]}
        pairs = [make_set(tmp_path / "one"), make_set(tmp_path / "two", changed=other)]
        found = read_annotations(pairs)
        assert len(found.images) == 8 and len({image.path for image in found.images}) == 8
        assert [row.category for row in found.annotations[7:]] == ["dog", "cat", "bird", "dog", "dog", "bird", "cat"]
        assert {row.image for row in found.annotations[7:]} == {4, 5, 7}
        assert found.categories == ("car", "cat", "dog", "bird")
        assert found.supercategories["cat"] == "animal"

    def test_real_annotations_are_read_with_their_crowds(self, data_root: Path) -> None:
        folders = [data_root / "vision" / name for name in ("coco128", "coco_mini_train")]
        found = read_annotations([(folder / "images", folder / "instances.json") for folder in folders])
        assert (len(found.images), len(found.annotations), len(found.categories)) == (208, 1678, 80)
        crowds = [row for row in found.annotations if row.crowd]
        assert len(crowds) == 18 and all(isinstance(row.segmentation, RunLengths) for row in crowds)


def first(rows: str, **values: Any) -> Any:
    """Change the first image, annotation or category."""
    return lambda content: content[rows][0].update(values)


def crowd_in_an_image_without_size(content: Any) -> None:
    content["annotations"][0].update(segmentation={"size": [64, 96], "counts": [64 * 96]})
    del content["images"][0]["width"]


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda c: c.pop("images"), "images: Field required"),
            (lambda c: c["annotations"][2].pop("bbox"), "annotations.2.bbox: Field required"),
            (first("annotations", bbox=[1, 2, -3, 4]), "annotations.0.bbox.2: Input should be greater than or equal"),
            (first("annotations", image_id=11), "annotation 1000 has an unknown image_id, found '11'"),
            (first("annotations", category_id=5), "annotation 1000 has an unknown category_id, found '5'"),
            (first("annotations", id=1001), "each annotation id once, found '1001'"),
            (first("images", id=20), "each image id once, found '20'"),
            (first("categories", id=18), "each category id once, found '18'"),
            (first("categories", name="dog"), "each category name once, found 'dog'"),
            (first("annotations", iscrowd=2), "annotations.0.iscrowd"),
            (first("annotations", segmentation=[[1, 2, 3, 4]]), "polygons of annotation 1000 of at least three points"),
            (first("annotations", segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "x and y of each"),
            (first("annotations", segmentation=[1, 2, 3, 4, 5, 6]), "annotations.0.segmentation: "),
            (first("annotations", segmentation={"size": [64, 90], "counts": [64 * 90]}), "height and width, (64, 96)"),
            (first("annotations", segmentation={"size": [64, 96], "counts": [5]}), "fill its image, found '5 pixels'"),
            (first("annotations", segmentation={"size": [64, 96], "counts": "0"}), "found '0 pixels'"),
            (first("annotations", segmentation={"size": [64, 96], "counts": "\n"}), "the character"),
            (first("images", width=0), "images.0.width"),
            (crowd_in_an_image_without_size, "width and height of image 10"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_place(self, tmp_path: Path, change: Any, said: str) -> None:
        message = error_of(tmp_path, change)
        assert said in message and "instances.json" in message

    def test_what_is_no_json_or_no_object_or_has_nothing_to_measure_is_refused(self, tmp_path: Path) -> None:
        images, file = make_set(tmp_path, {"c.png": [], "a.png": PICTURES["a.png"]})
        with pytest.raises(EvaluationError, match="the first 1 images have no annotation"):
            read_annotations([(images, file)]).first(1)
        for text, said in (("{", "a JSON file"), ("[{}]", "an object with images, annotations and categories")):
            file.write_text(text)
            with pytest.raises(DataError, match=said):
                read_annotations([(images, file)])
        assert "nothing to measure" in error_of(tmp_path / "two", lambda content: content.update(annotations=[]))

    def test_missing_images_are_counted_and_the_nearest_name_is_given(self, tmp_path: Path) -> None:
        images, file = make_set(tmp_path, {"street1.png": PICTURES["a.png"], "b.png": []})
        for pairs, said in (
            ([(images, file)] * 2, "is there 2 times"),
            ([(tmp_path / "imagess", file)], "no folder of images .*imagess; the nearest name there is images"),
            ([(images, tmp_path / "instance.json")], r"no annotation file .*nearest name there is instances\.json"),
        ):
            with pytest.raises(EvaluationError, match=said):
                read_annotations(pairs)
        (images / "street1.png").rename(images / "street1.jpg")
        with pytest.raises(EvaluationError, match=r"1 of the 2 images .* the nearest name there is street1\.jpg"):
            read_annotations([(images, file)])


masks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda size: st.lists(st.booleans(), min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
        lambda bits: np.asfortranarray(np.array(bits, np.uint8).reshape(size))
    )
)


class TestRunLengths:
    @given(masks)
    def test_the_compressed_form_is_read_as_its_mask(self, mask: np.ndarray) -> None:
        counts = reference.encode(mask)["counts"].decode()
        lengths = decompressed(counts)
        pixels = np.repeat(np.arange(len(lengths)) % 2, lengths).reshape(mask.shape, order="F")
        assert (pixels == mask).all()
        size = (int(mask.shape[0]), int(mask.shape[1]))
        assert check_run_lengths(counts, size) is None and check_run_lengths(counts, (size[0] + 1, size[1]))

    def test_an_outline_becomes_the_mask_of_all_its_rings(self) -> None:
        square = np.array([[1, 1], [5, 1], [5, 4], [1, 4]], np.float32)
        found = from_rings((square, square + 6), (20, 10))
        assert found is not None and found["size"] == [10, 20] and isinstance(found["counts"], str)
        expected = reference.merge(reference.frPyObjects([r.ravel().tolist() for r in (square, square + 6)], 10, 20))
        assert found["counts"] == expected["counts"].decode()
        assert from_rings((np.zeros((2, 2), np.float32),), (20, 10)) is None

    def test_lengths_have_sixty_bits_at_most(self) -> None:
        mask = np.zeros((3000, 2000), np.uint8, order="F")
        mask[1, 7] = mask[2999, 1999] = 1
        lengths = [7 * 3000 + 1, 1, 1992 * 3000 + 2997, 1]
        assert decompressed(reference.encode(mask)["counts"].decode()) == lengths
        assert check_run_lengths("P" * 12 + "0", (3, 4)) != check_run_lengths("P" * 13, (3, 4))
        assert check_run_lengths([13, -1], (3, 4)) == "a negative length"
