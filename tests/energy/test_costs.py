import pytest

from neurosvt.config import UserError
from neurosvt.energy.costs import TABLES, Costs, joules, moved, read_costs, tables_named
from neurosvt.energy.operations import Operations
from neurosvt.energy.published import published_macs, published_sops

DONE = Operations(
    macs=1000, acs=200, updates=30, adds=4, multiplies=5, comparisons=6, specials=7, spikes=50,
    weights_once=300, weights_each=1200, states=60, values=80,
)  # fmt: skip


def test_energy_is_counts_times_prices():
    """By hand, from Horowitz's figure: an addition is 0.9 pJ in fp32, a multiplication 3.7."""
    expected = 1000 * 4.6 + 200 * 0.9 + 30 * 5.5 + 4 * 0.9 + 5 * 3.7 + 6 * 0.9 + 7 * 4.6
    assert joules(DONE, TABLES["horowitz-45nm", "fp32"]) == pytest.approx(1e-12 * expected)
    expected = 1000 * 0.23 + 200 * 0.1 + 30 * 0.4 + 4 * 0.1 + 5 * 0.2 + 6 * 0.1 + 7 * 0.23
    assert joules(DONE, TABLES["horowitz-45nm", "int8"]) == pytest.approx(1e-12 * expected)
    assert joules(DONE, TABLES["seed", "fp32"]) == pytest.approx(1e-12 * 4.6 * (1000 + 20))


def test_memory_is_priced_by_the_byte_at_both_extremes():
    for precision, size in (("fp32", 4), ("int8", 1)):
        plain = TABLES["horowitz-45nm", precision]
        for extreme, weights in (("once", 300), ("each", 1200)):
            table = TABLES[f"memory-{extreme}", precision]
            size_of_all = size * (weights + 60 + 80) + 2 * 50
            assert moved(DONE, table) == size_of_all
            more = joules(DONE, table) - joules(DONE, plain)
            assert more == pytest.approx(24.96e-12 * size_of_all)


def test_nothing_costs_nothing():
    for table in TABLES.values():
        assert joules(Operations(), table) == 0


def test_every_table_says_where_it_is_from():
    for (name, precision), table in TABLES.items():
        assert (table.name, table.precision) == (name, precision)
        assert len(table.source) > 40
        assert table.mac > 0
        assert table.ac > 0


def test_a_table_of_ones_own(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('name = "mine"\nprecision = "fp8"\nsource = "measured"\nmac = 1\nac = 0.5\n')
    assert read_costs(own) == Costs("mine", "fp8", "measured", mac=1.0, ac=0.5)
    assert tables_named(str(own)) == [read_costs(own)]
    assert [t.precision for t in tables_named("horowitz-45nm")] == ["fp32", "fp16", "int8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mac = ", "is no TOML file"),
        ('name = "a"\nprecision = "b"\nsource = "c"\nmac = -1\nac = 0', "must not be below 0 pJ"),
        ('name = "a"\nprecision = "b"\nsource = "c"\nmak = 1\nac = 0', "did you mean 'mac'"),
        ('name = "a"', "missing"),
    ],
)
def test_a_table_that_is_wrong_is_refused(tmp_path, text, message):
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(UserError, match=message):
        read_costs(own)


def test_a_table_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"'abacus' is unknown; choose from horowitz-45nm"):
        tables_named("abacus")
    with pytest.raises(FileNotFoundError):
        tables_named("nowhere.toml")


def test_the_original_meter_counts_one_token_for_all():
    """A layer of 3 x 5 weights, 4 tokens, 2 frames, a third of its inputs spiking."""
    layers = {"a": Operations(acs=8 * 1 * 5), "attention": Operations(acs=999)}
    assert published_sops(layers, frames=2, tokens={"a": 4}) == pytest.approx(1 / 3 * 3 * 5)
    # ViT of 65 tokens, width 256, depth 4, as in its own example.
    assert published_macs(65, 256, 4) == 4 * (
        4 * 65 * 256 * 256 + 2 * 65 * 65 * 256 + 2 * 65 * 256 * 4 * 256
    )
