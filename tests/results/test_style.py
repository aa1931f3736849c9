import json
import re
from xml.etree import ElementTree

import pytest

from neurosvt.results.palette import COLOURS, INK, PALETTE, PAPER
from neurosvt.results.style import house_style, legend_below, line_styles, panels, write_figure


def luminance(colour):
    """Relative luminance as WCAG 2.1 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [*COLOURS, INK], ids=str)
def test_every_colour_is_seen_on_light_and_on_dark(colours):
    """WCAG asks 3 of graphics."""
    for colour, paper in zip(colours, PAPER, strict=True):
        assert contrast(colour, paper) >= 3


def test_no_two_lines_look_alike():
    styles = line_styles(f"model {i}" for i in range(14))
    assert len(set(styles.values())) == 14
    neighbours = list(styles.values())[:5]
    assert len({style.mark for style in neighbours}) == 5
    assert len({style.colour for style in neighbours}) == 5


def test_the_guess_takes_no_colour_from_a_model():
    without, guessed = line_styles(["a", "b"]), line_styles(["a", "constant", "b"])
    assert {name: guessed[name] for name in without} == without
    assert guessed["constant"].mark == ""


def test_a_page_can_take_the_palette_as_it_is():
    assert json.loads(json.dumps(PALETTE))["colours"] == [list(pair) for pair in COLOURS]


def drawn(path):
    with house_style():
        figure, (axes, other) = panels(2, (2.0, 2.0))
        for at, name in ((axes, "first"), (other, "second")):
            at.plot([0, 1], [0.123456, 1], label=name, **line_styles([name])[name].options())
            at.set(title=name, xlabel="time (s)")
        legend_below(figure)
        write_figure(path, figure)
    return path


def test_a_figure_is_light_or_dark_as_its_reader_prefers(tmp_path):
    text = drawn(tmp_path / "figure.svg").read_text()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for light_colour, dark_colour in (PAPER, INK, COLOURS[0]):
        assert light_colour in light
        assert dark_colour not in light
        assert dark_colour in dark


def test_a_figure_holds_text_as_text_and_is_small(tmp_path):
    path = drawn(tmp_path / "figure.svg")
    words = [e.text for e in ElementTree.parse(path).iter() if e.tag.endswith("text")]
    assert {"first", "second", "time (s)"} <= set(words)
    assert words.count("first") == 2  # a title, and the legend
    assert path.stat().st_size < 10_000
    assert not re.search(r"\d\.\d\d", path.read_text().partition("</style>")[2])


def test_the_same_rows_are_the_same_file_to_the_byte(tmp_path):
    one, two = drawn(tmp_path / "one.svg"), drawn(tmp_path / "two.svg")
    assert one.read_bytes() == two.read_bytes()


def test_the_ending_says_the_kind(tmp_path):
    assert drawn(tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
