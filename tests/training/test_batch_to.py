import torch

from neurosvt.loaders.images import ImageBatch
from neurosvt.training.loop import batch_to


def test_all_tensors_of_a_batch_go_to_the_device_and_nothing_else_changes():
    image, label = torch.zeros(2, 3, 4, 4), torch.arange(2)
    batch = {"images": ImageBatch(image, label, label, 0.5), "more": [(image, "name"), None]}
    moved = batch_to(batch, torch.device("meta"))
    assert isinstance(moved["images"], ImageBatch)
    assert moved["images"].share == 0.5
    assert [x.device.type for x in moved["images"][:3]] == ["meta"] * 3
    assert moved["more"][0][0].device.type == "meta"
    assert moved["more"][0][1] == "name"
    assert moved["more"][1] is None
