import pytest

from neurosvt.config import UserError
from neurosvt.energy.costs import (
    COST_TABLES,
    Costs,
    add_costs,
    all_costs,
    costs_named,
    joules,
    moved,
    read_costs,
)
from neurosvt.energy.operations import Operations
from neurosvt.energy.published import published_macs, published_sops

DONE = Operations(
    macs=1000, acs=200, updates=30, adds=4, multiplies=5, comparisons=6, specials=7, spikes=50,
    weights_once=300, weights_each=1200, states=60, values=80,
)  # fmt: skip


def test_energy_is_counts_times_prices():
    """By hand, from Horowitz's figure: an addition is 0.9 pJ in fp32, a multiplication 3.7."""
    expected = 1000 * 4.6 + 200 * 0.9 + 30 * 5.5 + 4 * 0.9 + 5 * 3.7 + 6 * 0.9 + 7 * 4.6
    assert joules(DONE, COST_TABLES["horowitz-45nm"]["fp32"]) == pytest.approx(1e-12 * expected)
    expected = 1000 * 0.23 + 200 * 0.1 + 30 * 0.4 + 4 * 0.1 + 5 * 0.2 + 6 * 0.1 + 7 * 0.23
    assert joules(DONE, COST_TABLES["horowitz-45nm"]["int8"]) == pytest.approx(1e-12 * expected)
    assert joules(DONE, COST_TABLES["seed"]["fp32"]) == pytest.approx(1e-12 * 4.6 * (1000 + 20))


def test_memory_is_priced_by_the_byte_at_both_extremes():
    for precision, size in (("fp32", 4), ("int8", 1)):
        plain = COST_TABLES["horowitz-45nm"][precision]
        for extreme, weights in (("once", 300), ("each", 1200)):
            table = COST_TABLES[f"memory-{extreme}"][precision]
            size_of_all = size * (weights + 60 + 80) + 2 * 50
            assert moved(DONE, table) == size_of_all
            more = joules(DONE, table) - joules(DONE, plain)
            assert more == pytest.approx(24.96e-12 * size_of_all)


def test_nothing_costs_nothing():
    for table in all_costs():
        assert joules(Operations(), table) == 0


@pytest.mark.parametrize(
    ("name", "precision", "prices"),
    [
        ("horowitz-45nm", "fp32", (4.6, 0.9, 5.5, 0.9, 3.7, 0.9, 4.6, 4)),
        ("horowitz-45nm", "fp16", (1.5, 0.4, 1.9, 0.4, 1.1, 0.4, 1.5, 2)),
        ("horowitz-45nm", "int8", (0.23, 0.1, 0.4, 0.1, 0.2, 0.1, 0.23, 1)),
        ("seed", "fp32", (4.6, 0.46, 0, 0, 0, 0, 0, 4)),
        ("loihi", "fp32", (4.6, 23.6, 81, 0.9, 3.7, 0.9, 4.6, 4)),
        ("truenorth", "fp32", (4.6, 26, 0, 0.9, 3.7, 0.9, 4.6, 4)),
        ("odin", "int8", (0.23, 12.7, 0, 0.1, 0.2, 0.1, 0.23, 1)),
    ],
)
def test_prices_are_those_of_their_sources(name, precision, prices):
    """In pJ, read off the papers once more: multiply-add, accumulate, update, and so on."""
    table = COST_TABLES[name][precision]
    assert prices == (
        table.mac, table.ac, table.update, table.add, table.multiply, table.comparison,
        table.special, table.number_bytes,
    )  # fmt: skip


def test_every_table_says_where_it_is_from():
    assert len(all_costs()) == 11
    for table in all_costs():
        assert COST_TABLES[table.name][table.precision] is table
        assert len(table.source) > 40
        assert table.mac > 0
        assert table.ac > 0


def test_a_table_of_ones_own(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('name = "mine"\nprecision = "fp8"\nsource = "measured"\nmac = 1\nac = 0.5\n')
    assert read_costs(own) == Costs("mine", "fp8", "measured", mac=1.0, ac=0.5)
    assert costs_named(str(own)) == [read_costs(own)]
    assert [t.precision for t in costs_named("horowitz-45nm")] == ["fp32", "fp16", "int8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mac = ", "is not valid TOML"),
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
        costs_named("abacus")
    with pytest.raises(UserError, match=r"'horowitz-45' is unknown; did you mean 'horowitz-45nm'"):
        costs_named("horowitz-45")
    with pytest.raises(FileNotFoundError):
        costs_named("nowhere.toml")


def test_a_table_may_be_added_at_run_time_but_not_replaced():
    own = Costs("my chip", "int4", "its data sheet", mac=0.1, ac=0.02)
    add_costs(own)
    try:
        assert costs_named("my chip") == [own]
        add_costs(Costs("my chip", "int8", "its data sheet", mac=0.2, ac=0.04))
        assert [table.precision for table in costs_named("my chip")] == ["int4", "int8"]
        with pytest.raises(UserError, match="there is a cost table 'my chip' for int4 already"):
            add_costs(own)
    finally:
        del COST_TABLES["my chip"]


def test_the_original_meter_counts_one_token_for_all():
    """A layer of 3 x 5 weights, 4 tokens, 2 frames, a third of its inputs spiking."""
    layers = {"a": Operations(acs=8 * 1 * 5), "attention": Operations(acs=999)}
    assert published_sops(layers, frames=2, tokens={"a": 4}) == pytest.approx(1 / 3 * 3 * 5)
    # ViT of 65 tokens, width 256, depth 4, as in its own example.
    assert published_macs(65, 256, 4) == 4 * (
        4 * 65 * 256 * 256 + 2 * 65 * 65 * 256 + 2 * 65 * 256 * 4 * 256
    )
