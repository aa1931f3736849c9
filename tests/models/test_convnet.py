import pytest
import torch

from neurosvt.models.convnet import ConvNet, ConvNetConfig

SMALL = ConvNetConfig(classes=3, image_size=12, stem=4, widths=(5, 7))


def test_images_in_scores_out_each_alone():
    model = ConvNet(SMALL)
    images = torch.randn(5, 3, 12, 12)
    model(images)
    model.eval()
    together = model(images)
    assert together.shape == (5, 3)
    for i in range(5):
        torch.testing.assert_close(model(images[i : i + 1])[0], together[i])


def test_what_stands_elsewhere_in_the_image_matters_little_and_what_is_gone_much():
    """A convolution sees a thing wherever it stands; away from the border, to the bit."""
    model = ConvNet(ConvNetConfig(image_size=64, stem=4, widths=(5,))).eval()
    images = torch.zeros(3, 3, 64, 64)
    thing = torch.randn(3, 8, 8)
    images[0, :, 20:28, 20:28] = images[1, :, 30:38, 34:42] = thing
    scores = model(images)
    torch.testing.assert_close(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": ()}, "must be above 0"),
        ({"stem": 0}, "stem 0"),
        ({"classes": 1}, "classes must be at least 2"),
        ({"image_size": 4}, "cannot be halved 3 times"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ConvNetConfig(**settings)
