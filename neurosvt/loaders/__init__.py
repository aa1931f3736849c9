"""Training batches: batch i from the seed and i alone, made ahead of time.

Every data set is entered in `DATASETS` by the loader of its kind, and may be by anybody.
"""

from neurosvt.loaders.clips import ClipBatch, ClipConfig, ClipData, ClipStream, load_clips
from neurosvt.loaders.images import ImageBatch, ImageConfig, ImageData, ImageStream
from neurosvt.loaders.occluded_recordings import NMNISTStream, TrackStream
from neurosvt.loaders.occlusion_batches import OcclusionBatch
from neurosvt.loaders.occlusions import (
    OcclusionConfig,
    OcclusionData,
    OcclusionStream,
    SceneStream,
)
from neurosvt.loaders.prefetch import ahead
from neurosvt.loaders.recordings import RecordingStream
from neurosvt.loaders.registry import DATASETS, TrainingData, find_dataset
from neurosvt.loaders.torch_datasets import CIFAR10, NMNIST, DVS128Gesture, EventFolder

__all__ = [
    "CIFAR10",
    "DATASETS",
    "NMNIST",
    "ClipBatch",
    "ClipConfig",
    "ClipData",
    "ClipStream",
    "DVS128Gesture",
    "EventFolder",
    "ImageBatch",
    "ImageConfig",
    "ImageData",
    "ImageStream",
    "NMNISTStream",
    "OcclusionBatch",
    "OcclusionConfig",
    "OcclusionData",
    "OcclusionStream",
    "RecordingStream",
    "SceneStream",
    "TrackStream",
    "TrainingData",
    "ahead",
    "find_dataset",
    "load_clips",
]
