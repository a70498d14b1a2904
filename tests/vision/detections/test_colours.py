"""Colours as people name them: the names of a survey, plain things on plain grounds, and what disturbs them."""

import itertools
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import XKCD_COLORS, to_rgb

from vision.detections.colours import BASIC_COLOURS, colouring, named

PLAIN = {
    "black": (15, 15, 15), "white": (245, 245, 245), "grey": (128, 128, 128), "red": (200, 20, 30),
    "orange": (240, 130, 20), "yellow": (240, 220, 40), "green": (40, 150, 50), "blue": (30, 70, 200),
    "purple": (120, 40, 150), "pink": (245, 150, 180), "brown": (110, 70, 40),
}  # fmt: skip


def test_most_colours_of_a_survey_are_named_as_most_people_named_them() -> None:
    """The XKCD colour survey (2010, 200,000 people, CC0): names that end in a basic term, such as "dusty blue"."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for name, code in XKCD_COLORS.items():
        term = name.split(":")[1].split()[-1].replace("gray", "grey")
        if term in BASIC_COLOURS:
            lab = cv2.cvtColor(np.array([[to_rgb(code)]], np.float32), cv2.COLOR_RGB2Lab).reshape(1, 3)
            total[term] += 1
            right[term] += BASIC_COLOURS[int(named(lab.astype(np.float64)).argmax())] == term
    assert sum(total.values()) > 500
    assert sum(right.values()) / sum(total.values()) > 0.8
    for term in BASIC_COLOURS:
        assert right[term] / total[term] > 0.3, term  # half the greys of the survey are "bluish grey" and the like


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-120, 120), st.floats(-120, 120)), min_size=1, max_size=20))
def test_votes_are_shares(lab: list[tuple[float, float, float]]) -> None:
    votes = named(np.array(lab))
    assert (votes >= 0).all()
    np.testing.assert_allclose(votes.sum(axis=1), 1)


def test_a_plain_thing_has_its_colour_on_any_ground() -> None:
    for colour, ground in itertools.product(BASIC_COLOURS, BASIC_COLOURS):
        pixels = np.full((200, 300, 3), PLAIN[ground], np.uint8)
        cv2.ellipse(pixels, (150, 100), (90, 60), 0, 0, 360, PLAIN[colour], -1)
        told = colouring(pixels, np.array([60, 40, 240, 160], np.float32))
        assert told.plausible[0] == colour, (colour, ground)
        # Grey is what most things look like in bad light.
        assert told.sure == colour or (told.sure is None and told.doubt and colour in ("grey", ground))


def test_the_ground_beside_a_narrow_thing_is_not_its_colour_nor_what_an_outline_leaves_out() -> None:
    pixels = np.full((200, 300, 3), PLAIN["green"], np.uint8)
    pixels[40:160, 120:180] = PLAIN["red"]
    assert colouring(pixels, np.array([100, 40, 200, 160], np.float32)).plausible == ("red",)
    pixels = np.full((200, 300, 3), PLAIN["green"], np.uint8)
    pixels[100:110, 50:250] = PLAIN["red"]
    box = np.array([50, 40, 250, 170], np.float32)
    outline = (np.array([[50, 100], [250, 100], [250, 109], [50, 109]], np.float32),)
    assert colouring(pixels, box, outline).plausible[0] == "red"
    assert "red" not in colouring(pixels, box).plausible


def test_two_colours_are_both_plausible_and_a_little_of_a_third_is_only_a_share() -> None:
    pixels = np.full((200, 300, 3), PLAIN["grey"], np.uint8)
    pixels[40:160, 60:240] = PLAIN["white"]
    pixels[40:160, 60:140] = PLAIN["black"]
    pixels[90:110, 140:170] = PLAIN["red"]
    box = np.array([60, 40, 240, 160], np.float32)
    assert set(colouring(pixels, box).plausible) == {"black", "white"}
    shares = colouring(pixels, box).shares
    assert 0 < shares["red"] < 0.1
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_a_box_is_cut_to_the_image_and_without_pixels_has_no_colour() -> None:
    pixels = np.full((50, 50, 3), PLAIN["blue"], np.uint8)
    for box in ((-10, -10, 20, 20), (0, 0, 50, 50), (5, 5, 6, 6)):
        for outline in (None, (np.zeros((0, 2), np.float32),)):  # without pixels it is left aside
            assert colouring(pixels, np.array(box, np.float32), outline).plausible == ("blue",)
    for box in ((60, 60, 80, 80), (-20, 0, -5, 10), (5, 5, 5, 20)):
        assert colouring(pixels, np.array(box, np.float32)).plausible == ()
