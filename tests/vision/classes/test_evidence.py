"""What the matching of words rests on: the lexicon, WordNet's nouns, the sentence encoder and its stored vectors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from kg_data.sentence_vectors import model_folder, sentence_encoder
from skylark.errors import MissingPackageError
from vision.classes import COCO_CLASSES, matching
from vision.classes.lexicon import lexicon, visible_nouns
from vision.classes.matching import Anchors, lexicon_vectors, vote
from vision.classes.phrases import PhraseReader
from vision.classes.vocabulary import Evidence, Vocabulary, coco_senses, preferred_sense, singular
from vision.errors import DetectorError


def test_every_phrase_of_the_lexicon_is_read_as_the_lexicon_says() -> None:
    reader = PhraseReader(Vocabulary(COCO_CLASSES))
    for phrase in lexicon():
        entry, evidence = lexicon().entry(phrase), reader.read(phrase).evidence
        assert entry is not None and evidence is not None, phrase
        assert evidence.classes == entry.classes, phrase


def test_no_phrase_stands_in_two_places_of_the_lexicon_and_no_sense_in_two_of_cocos() -> None:
    synonyms, groups, others = set(lexicon().synonyms), set(lexicon().groups["name"]), set(lexicon().non_classes)
    assert not synonyms & groups and not (synonyms | groups | set(COCO_CLASSES)) & others
    senses = list(coco_senses())
    assert len({sense for _, sense in senses}) == len(senses)
    assert {name for name, _ in senses} <= {*COCO_CLASSES, "-"}


def test_a_kind_has_what_it_is_a_kind_of_above_it() -> None:
    nouns = visible_nouns()
    for kind, of in (("schnauzer", "dog"), ("flamingo", "bird"), ("sedan", "motor vehicle")):
        assert preferred_sense(of) in nouns.ancestors(preferred_sense(kind))
        assert preferred_sense(kind) not in nouns.ancestors(preferred_sense(of))
    person = nouns.sense("person", 0)
    assert person not in nouns.ancestors(preferred_sense("printer")), "a word for a tool and a person means the tool"
    assert person in nouns.ancestors(preferred_sense("plumber"))


def test_singulars() -> None:
    singulars = {
        "dogs": "dog", "benches": "bench", "buses": "bus", "bus": "bus", "glass": "glass", "knives": "knife",
        "gloves": "glove", "cookies": "cookie", "puppies": "puppy", "selfies": "selfie", "potatoes": "potato",
        "shoes": "shoe", "vases": "vase", "axes": "axe", "firemen": "fireman", "grandchildren": "grandchild",
        "geese": "goose", "scissors": "scissors", "octopus": "octopus", "zorgles": "zorgle",
        "two-wheelers": "two-wheeler",
    }  # fmt: skip
    assert {plural: singular(plural) for plural in singulars} == singulars


def test_the_encoder_computes_what_transformers_computes_from_the_same_weights() -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder())
    model = transformers.AutoModel.from_pretrained(model_folder()).eval()
    phrases = ["dog", "a hair straightener", "things you can sit on", "labradoodle", "dog"]
    found = sentence_encoder().encode(phrases)
    for phrase, vector in zip(phrases, found, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(phrase, return_tensors="pt")).last_hidden_state
        mean = states.mean(dim=1)[0].numpy()
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_stored_vectors_are_those_of_the_lexicon() -> None:
    phrases, vectors = lexicon_vectors()
    some = range(0, len(phrases), 400)
    computed = sentence_encoder().encode([phrases[i] for i in some])
    assert vectors.shape == (len(list(lexicon())), 384)
    assert np.abs(computed @ computed.T - computed @ vectors[some].T).max() < 0.006


def test_vectors_of_another_lexicon_and_a_missing_encoder_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "anchors.npz", vectors=np.zeros((1, 384), np.int8), digest=np.array("of another"))
    with pytest.raises(DetectorError, match="build_anchors"):
        lexicon_vectors(tmp_path / "anchors.npz")
    monkeypatch.setattr("kg_data.sentence_vectors.PACKAGE", "no_such_package_of_weights")
    with pytest.raises(MissingPackageError, match="needs the package no-such-package-of-weights"):
        model_folder()


def test_the_nearest_phrases_vote() -> None:
    meanings = [Evidence(("dog",)), *[Evidence(())] * 4, Evidence(("cat",))]
    for similarities, least, classes in (
        ([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], 0.5, ("dog",)),
        ([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], 0.95, ()),  # too far
        ([0.80, 0.79, 0.79, 0.79, 0.1, 0.1], 0.5, ()),  # outvoted by no classes
        ([0.1, 0.1, 0.1, 0.9, 0.1, 0.1], 0.5, ()),  # the nearest is no class
    ):
        assert vote(np.array(similarities, np.float32), meanings, least).classes == classes


def test_a_phrase_is_not_weighed_by_itself() -> None:
    anchors = Anchors(COCO_CLASSES, Vocabulary(COCO_CLASSES).known)
    place = list(lexicon()).index("hoodie")
    assert anchors.similarities(["hoodie"])[0, place] == -1
    assert anchors.similarities(["hoodies"])[0, place] > 0.7
    assert matching.MIN_SIMILARITY < matching.MIN_SIMILARITY_OF_PIECES


@pytest.mark.slow
def test_words_that_lists_know_need_neither_the_encoder_nor_torch() -> None:
    code = (
        "import sys; from vision.classes import COCO_CLASSES, ClassMatcher\nm = ClassMatcher(COCO_CLASSES)\n"
        "assert m.match('schnauzer').classes == ('dog',) and m.match('vehicles').is_group\n"
        "assert not m.__dict__.get('_anchors')\nm.match('flurbleton')\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
