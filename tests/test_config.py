import dataclasses
import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.config import ConfigError, UserError, as_plain, build, override


@dataclasses.dataclass(frozen=True)
class Model:
    width: int = 48
    tau: tuple[float, float] = (4.0, 1000.0)
    memory: Literal["leaky", "lif", "none"] = "leaky"

    def __post_init__(self):
        if self.width % 4:
            raise ValueError(f"width {self.width} is not a multiple of 4")


@dataclasses.dataclass(frozen=True)
class Run:
    name: str
    model: Model = dataclasses.field(default_factory=Model)
    rate: float = 3e-3
    clip: float | None = None
    teacher: Model | None = None
    tiers: tuple[str, ...] = ("blackout",)
    amp: bool = True


models = st.builds(
    Model,
    width=st.integers(1, 50).map(lambda n: 4 * n),
    tau=st.tuples(st.floats(1, 10), st.floats(10, 1e4)),
    memory=st.sampled_from(["leaky", "lif", "none"]),
)
runs = st.builds(
    Run,
    name=st.text(),
    model=models,
    rate=st.floats(0, 1),
    clip=st.none() | st.floats(0, 10),
    teacher=st.none() | models,
    tiers=st.lists(st.text()).map(tuple),
    amp=st.booleans(),
)


@given(run=runs)
def test_a_run_stored_as_json_is_built_again(run):
    assert build(Run, json.loads(json.dumps(as_plain(run)))) == run


def test_what_is_left_out_keeps_its_default():
    assert build(Run, {"name": "a", "model": {"width": 8}}) == Run("a", Model(8))


def test_a_whole_number_will_do_for_a_float_and_becomes_one():
    rate = build(Run, {"name": "a", "rate": 1}).rate
    assert rate == 1.0
    assert isinstance(rate, float)


def test_the_word_none_is_null_where_it_can_mean_nothing_else():
    run = build(Run, {"name": "none", "clip": "none", "model": {"memory": "none"}})
    assert (run.name, run.clip, run.model.memory) == ("none", None, "none")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"widht": 8}}, "unknown setting 'model.widht'; did you mean 'width'?"),
        ({"zzz": 1}, "unknown setting 'zzz'"),
        ({"model": {"width": 8.0}}, "model.width must be a whole number; got 8.0"),
        ({"model": {"width": True}}, "model.width must be a whole number; got True"),
        ({"model": {"width": 7}}, "model: width 7 is not a multiple of 4"),
        ({"model": 3}, "model must be a table of settings, got 3"),
        ({"model": {"tau": [1.0]}}, "model.tau must be a list of 2: a number, a number; got [1.0]"),
        ({"model": {"tau": [1.0, "x"]}}, "model.tau[1] must be a number; got 'x'"),
        (
            {"model": {"memory": "leeky"}},
            "model.memory must be one of 'leaky', 'lif', 'none'; got 'leeky'; "
            "did you mean 'leaky'?",
        ),
        ({"rate": "fast"}, "rate must be a number; got 'fast'"),
        ({"clip": "x"}, "clip must be a number or none; got 'x'"),
        ({"teacher": {"width": 7}}, "teacher: width 7 is not a multiple of 4"),
        ({"teacher": 1}, "teacher must be a table of settings or none; got 1"),
        ({"tiers": "blackout"}, "tiers must be a list, each a string; got 'blackout'"),
        ({"amp": 1}, "amp must be true or false; got 1"),
    ],
)
def test_a_mistake_is_named_with_its_full_path(values, message):
    with pytest.raises(ConfigError) as error:
        build(Run, {"name": "a", **values})
    assert str(error.value) == message


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match=r"setting 'outer\.name' is missing"):
        build(Run, {}, path="outer")


def test_a_config_error_is_something_the_user_can_mend():
    assert issubclass(ConfigError, UserError)


def test_a_setting_of_a_type_we_do_not_support_is_our_mistake_not_the_users():
    @dataclasses.dataclass(frozen=True)
    class Odd:
        x: complex = 1j

    with pytest.raises(TypeError, match="not supported"):
        build(Odd, {"x": 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100", 100),
        ("1e-3", 1e-3),
        ("true", True),
        ("[1, 2.5]", [1, 2.5]),
        ("lif", "lif"),
        ('"7"', "7"),
        ("a=b", "a=b"),
        ("", ""),
        ("runs/x y", "runs/x y"),
        ("2026-11-22", "2026-11-22"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_override_reads_toml_literals_and_bare_words(text, value):
    assert override({}, [f"a.b={text}"]) == {"a": {"b": value}}


def test_override_leaves_its_input_alone():
    values = {"train": {"steps": 10, "rate": 0.1}}
    changed = override(values, ["train.steps=100", "train.steps=7"])
    assert changed == {"train": {"steps": 7, "rate": 0.1}}
    assert values == {"train": {"steps": 10, "rate": 0.1}}


@pytest.mark.parametrize("assignment", ["steps", "=3", "train.=3", ".steps=3", "a..b=3", ""])
def test_override_says_what_it_wants(assignment):
    with pytest.raises(ConfigError, match="expected key=value"):
        override({}, [assignment])


def test_override_does_not_reach_into_a_value():
    with pytest.raises(ConfigError, match=r"'train\.steps' is a value, not a table"):
        override({"train": {"steps": 10}}, ["train.steps.x=1"])
