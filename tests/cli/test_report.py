import pytest


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere"),
        (["dysvit", "--rows", "nothing.json"], "there are no results at nothing.json"),
        (["dysvit", "--image", "nothing.png"], "nothing.png"),
        (["dysvit", "--out", "nowhere/b.html"], "there is no folder nowhere"),
    ],
    ids=str,
)
def test_what_is_not_there_is_one_line(words, line, refused):
    assert line in refused("report", *words)
