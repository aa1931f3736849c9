"""The card of a model: what it tells, and what it does not make up."""

import re

import pytest
from huggingface_hub import ModelCard

from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.model_card import CARD_TEXTS, MARK, CardFacts, CardText, model_card

RUN = {"run": {"data": {"dataset": "cifar10"}}, "step": 400, "steps_before": 1000}


def card_of(model_type="dysvit", class_names=None, **metadata):
    facts = CardFacts(
        model_type, "neurosvt.models.dysvit.DySViT", "mine", 1234, 10, class_names, metadata
    )
    return model_card(facts)


def head_of(card):
    """The YAML at the top, as the hub reads it."""
    return ModelCard(card).data.to_dict()


def numbers_of(card):
    """Every number in the text, that of the head and of the citation left out."""
    text = card.split("---\n", 2)[2].split("## Citation")[0]
    return set(re.findall(r"\d[\d.,]*\d|\d", text))


def test_the_head_is_what_the_hub_reads():
    card = card_of(**RUN, score=0.5)
    assert card.startswith("---\n")
    assert MARK in card
    assert head_of(card) == {
        "license": "apache-2.0",
        "library_name": "neurosvt",
        "tags": ["neurosvt", "spiking-neural-network", "image-classification"],
        "datasets": ["cifar10"],
        "metrics": ["accuracy"],
        "pipeline_tag": "image-classification",
    }


def test_no_number_is_made_up():
    bare, told = numbers_of(card_of("mine")), numbers_of(card_of("mine", **RUN, score=0.1875))
    assert bare == {"1,234", "10"}  # parameters, classes
    # Its score, its step, CIFAR-10 with its year, and the licence.
    assert told == bare | {"0.1875", "1,400", "2009", "2.0"}
    card = card_of()
    assert "No figures are stored with these weights." in card
    assert "What these weights were trained on is not stored" in card
    assert {"license", "datasets", "metrics"}.isdisjoint(head_of(card))
    assert "licence of these weights is not stated" in card


def test_rows_of_results_are_a_table():
    rows = [
        {"task": "CIFAR-10 | test", "accuracy": 0.80254, "images": 10000},
        {"task": "other", "accuracy": None, "seed": 3},
    ]
    card = card_of(results=rows)
    assert "| task | accuracy | images | seed |\n| --- | --- | --- | --- |\n" in card
    assert "| CIFAR-10 \\| test | 0.8025 | 10000 |  |\n| other |  |  | 3 |" in card
    assert head_of(card)["metrics"] == ["accuracy"]


@pytest.mark.parametrize(
    ("dataset", "stated", "license"),
    [
        ("scenes", None, "apache-2.0"),
        ("nmnist", None, "cc-by-sa-4.0"),
        ("nmnist", "mit", "mit"),
        ("dvs128", None, None),
        ("own recordings", None, None),
    ],
)
def test_the_licence_is_that_of_the_weights(dataset, stated, license):
    metadata = {"run": {"data": {"dataset": dataset}}} | ({"license": stated} if stated else {})
    card = card_of(**metadata)
    assert head_of(card).get("license") == license
    assert head_of(card)["datasets"] == [dataset]
    assert ("CC BY-SA 4.0), made from MNIST" in card) == (dataset == "nmnist")


def test_the_three_lines_load_it(tmp_path, monkeypatch):
    import torch

    model = DySViT(config=DySViTConfig(image_size=8, width=16, depth=1))
    names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    model.save_pretrained(tmp_path / "mine", class_names=names)
    card = (tmp_path / "mine" / "README.md").read_text()
    assert f"{model.parameter_count():,} learnt numbers. 10 classes: a, b, c" in card
    code = card.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) == 3
    monkeypatch.chdir(tmp_path)
    given = {"images": torch.randn(2, 3, 8, 8)}
    exec(code, given)
    assert given["scores"].shape == (2, 10)


@pytest.mark.parametrize("model_type", sorted(CARD_TEXTS))
def test_every_card_has_all_its_parts(model_type):
    card = card_of(model_type)
    for part in ("Load it", "Results", "Training data", "Limits", "Licence", "Citation"):
        assert f"\n## {part}\n" in card
    assert "@software{neurosvt," in card


def test_a_type_of_ones_own_has_a_card(monkeypatch):
    assert "A DySViT of neurosvt." in card_of("mine")
    monkeypatch.setattr("neurosvt.models.model_card.CARD_TEXTS", type(CARD_TEXTS)("card text"))
    from neurosvt.models import model_card as module

    module.CARD_TEXTS["mine"] = CardText("My own.", "y = model(x)", ("It is small.",), ("own",))
    card = card_of("mine")
    assert "My own." in card
    assert "- It is small." in card
    assert head_of(card)["tags"] == ["neurosvt", "own"]
