import numpy as np
import pytest
import torch

from neurosvt.config import UserError
from neurosvt.datasets.cifar10 import Images
from neurosvt.loaders.images import ImageConfig, ImageStream, augment_images, normalise_images

STILL = ImageConfig(shift=0, flip=False, mixup=0.0)


def made_up(count=10):
    """Images each of one grey, by which it is known again."""
    grey = np.arange(count, dtype=np.uint8)
    pixels = np.broadcast_to(grey[:, None, None, None], (count, 3, 32, 32)).copy()
    return Images(pixels, np.arange(count) % 10)


def stream(config=STILL, count=10, batch=3, steps=9, pure_from=9, seed=0):
    return ImageStream(made_up(count), config, batch, steps, pure_from, seed)


def test_an_epoch_shows_every_image_at_most_once():
    drawn = stream()
    for epoch in range(3):
        labels = torch.cat([drawn[3 * epoch + i].label for i in range(3)])
        assert len(labels.unique()) == 9


def test_epochs_differ_in_their_order_and_seeds_in_everything():
    one, two = stream(), stream(seed=1)
    assert not torch.equal(one[0].label, one[3].label)
    assert not torch.equal(one[0].label, two[0].label)


def test_a_batch_depends_on_seed_and_index_alone():
    config = ImageConfig()
    one, two = stream(config), stream(config)
    one[7], one[2]
    for first, second in zip(one[5], two[5], strict=True):
        assert torch.equal(torch.as_tensor(first), torch.as_tensor(second))


def test_an_image_keeps_its_label():
    batch = stream()[4]
    grey = batch.images[:, 0, 0, 0] * 0.2023 + 0.4914
    assert torch.equal((grey * 255).round().long() % 10, batch.label)
    assert batch.share == 1
    assert batch.images.shape == (3, 3, 32, 32)


def test_mixed_images_and_labels_have_the_same_share():
    """Grey mixes as labels do: the two can be told from the mixture."""
    batch = stream(ImageConfig(shift=0, flip=False, mixup=1.0))[4]
    grey = (batch.images[:, 0, 0, 0] * 0.2023 + 0.4914) * 255
    expected = batch.share * batch.label + (1 - batch.share) * batch.other
    torch.testing.assert_close(grey, expected.float(), atol=1e-3, rtol=0)
    assert 0 < batch.share < 1


def test_the_last_epochs_are_not_mixed():
    drawn = stream(ImageConfig(mixup=1.0), pure_from=6)
    assert [drawn[i].share == 1 for i in range(9)] == [False] * 6 + [True] * 3


def test_shifts_reach_every_corner_and_flips_half():
    pixels = np.zeros((2000, 1, 32, 32), np.uint8)
    pixels[:, 0, 10, 20] = 1
    out = augment_images(pixels, ImageConfig(shift=2, flip=True), np.random.default_rng(0))
    assert not np.shares_memory(out, pixels)
    _, _, y, x = out.nonzero()
    assert len(y) == 2000
    assert set(y) == set(range(8, 13))
    assert set(x) == set(range(18, 23)) | set(range(9, 14))
    assert 0.45 < (x < 16).mean() < 0.55


def test_black_comes_in_at_the_border():
    out = augment_images(
        np.full((50, 3, 32, 32), 255, np.uint8), ImageConfig(), np.random.default_rng(0)
    )
    assert (out == 0).any()
    assert (out[:, :, 4:-4, 4:-4] == 255).all()


def test_normalised_is_what_the_card_says():
    image = normalise_images(np.full((1, 3, 32, 32), 255, np.uint8))[0, :, 0, 0]
    assert image.tolist() == pytest.approx([0.5086 / 0.2023, 0.5178 / 0.1994, 0.5535 / 0.2010])


@pytest.mark.parametrize("settings", [{"shift": -1}, {"shift": 32}, {"mixup": -0.1}])
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        ImageConfig(**settings)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 3, 8, 8), np.float32), np.zeros((2, 3, 8, 8), bool), np.zeros((3, 8, 8), "u1"),
     np.zeros((2, 8, 8, 3), np.uint8)],
    ids=["float", "bool", "one image", "colours last"],
)  # fmt: skip
def test_what_is_no_image_of_bytes_is_refused(pixels):
    with pytest.raises(UserError, match=r"pixels must be bytes \(B, 3, Y, X\), 0 to 255; got"):
        normalise_images(pixels)


@pytest.mark.parametrize("batch", [0, 11])
def test_a_batch_that_the_images_do_not_fill_is_refused(batch):
    with pytest.raises(UserError, match=rf"batch must lie in \[1, 10\].*got {batch}"):
        stream(batch=batch)
