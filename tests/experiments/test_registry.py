"""Named runs are files: each opens with what it is for, and describes a run that can be built."""

import pytest

from neurosvt.config import ConfigError, UserError, as_plain
from neurosvt.experiments.family import member
from neurosvt.experiments.registry import load_run, run_files, run_settings, run_summary
from neurosvt.experiments.runs import build_run
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.short_memories import NoMemoryConfig, TokenMemoryConfig

RUNS = list(run_files())
TRACKS = ("permanence_base_none", "permanence_base_gru")
BRIEF = [
    *(("permanence_base", name) for name in TRACKS),
    *(
        ("permanence_stage1", name)
        for name in RUNS
        if name.startswith("permanence_") and not any(word in name for word in ("stage", "base"))
    ),
]


@pytest.mark.parametrize("name", RUNS)
def test_a_file_opens_with_what_it_is_for_its_command_time_and_outcome(name):
    summary, command, time, outcome = run_files()[name].read_text().splitlines()[:4]
    assert summary.removeprefix("# ").rstrip(".`").strip()
    assert command == f"# Command: neurosvt train {name}"
    assert time.startswith("# Time: ")
    assert outcome.startswith("# Outcome: ")
    assert run_summary(name) == summary.removeprefix("# ")


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_plain_data_and_comes_back_from_it(name):
    run = load_run(name)
    plain = as_plain(run)
    assert set(plain) == {"model", "data", "train"}
    assert build_run(plain) == run


@pytest.mark.parametrize(("ours", "name"), BRIEF)
def test_what_stands_beside_another_is_trained_alike_and_known_again(ours, name):
    own, run = load_run(ours), load_run(name)
    family = ours.removesuffix("_stage1")
    assert member(run) == name.removeprefix(f"{family}_")
    assert member(own) == "leaky"
    assert run.data == own.data
    assert (run.train.steps, run.train.batch, run.train.seed) == (1200, 36, 0)
    assert run.train.rate == (1e-3 if run.model.kind == "vit" else 3e-3)


def test_members_of_a_family_differ_in_their_memory_alone():
    for family in ("nmnist", "hidden_objects", "pendulum"):
        own, none = load_run(family), load_run(f"{family}_none")
        assert isinstance(own.model.memory, LeakyMemoryConfig)
        assert isinstance(none.model.memory, NoMemoryConfig)
        assert {**as_plain(own)["model"], "memory": 0} == {**as_plain(none)["model"], "memory": 0}
        assert (own.data, own.train) == (none.data, none.train)
    assert load_run("permanence_lif").model.memory == TokenMemoryConfig(tau=2.0)


def test_a_file_of_ones_own_extends_a_run_or_another_file(tmp_path):
    (tmp_path / "base.toml").write_text('extends = "permanence"\n[train]\nsteps = 7\n')
    (tmp_path / "mine.toml").write_text(
        'extends = "base.toml"\n[model.memory]\nkind = "none"\n[data]\nseen = [5, 9]\n'
    )
    run = load_run(str(tmp_path / "mine.toml"))
    assert (run.train.steps, run.data.seen) == (7, (5, 9))
    assert run.model.memory == NoMemoryConfig()
    assert run.model.readout == load_run("permanence").model.readout


def test_a_file_that_extends_itself_is_told(tmp_path):
    (tmp_path / "one.toml").write_text('extends = "two.toml"\n')
    (tmp_path / "two.toml").write_text('extends = "one.toml"\n')
    with pytest.raises(ConfigError, match="extends itself"):
        load_run(str(tmp_path / "one.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model]\nwidht = 3\n", "unknown setting 'model.widht'; did you mean 'width'"),
        ("[train]\nsteps = 0\n", "train: steps must be at least 1"),
        ("[model\n", "is not valid TOML"),
        ("[model]\nclasses = 5\n", "model.classes is 5"),
        ("[modle]\n", "unknown setting 'modle'; did you mean 'model'"),
        ('[model]\nkind = "neurosvd"\n', "model.kind: model 'neurosvd' is unknown; did you mean"),
        ('[model.memory]\nkind = "leeky"\n', "model.memory.kind: memory 'leeky' is unknown; did"),
        ('[model.memory]\nkind = "none"\nchanels = 3\n', "'model.memory.chanels'; did you mean"),
        ("[model.memory]\ntau_range = [0.5, 3.0]\n", "model.memory: tau_range must be two"),
        ('extends = "permanense"\n', "run 'permanense' is unknown; did you mean 'permanence'"),
        ("extends = 3\n", "extends must be the name of a run or a file; got 3"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path, text, message):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        load_run(str(file))
    assert "\n" not in str(error.value)


def test_a_name_that_is_none_is_told():
    with pytest.raises(UserError, match="run 'permanense' is unknown; did you mean 'permanence'"):
        run_settings("permanense")
    with pytest.raises(FileNotFoundError):
        load_run("none.toml")
