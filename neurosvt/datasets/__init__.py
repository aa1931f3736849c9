"""Data sets: one file each, found in the folder of data sets that NEUROSVT_DATA names."""

from neurosvt.datasets.cifar10 import CIFAR10_CLASSES, load_cifar10
from neurosvt.datasets.dvs128_gesture import GESTURE_CLASSES, load_gestures
from neurosvt.datasets.handheld_objects import HANDHELD_CLASSES, load_handheld_objects
from neurosvt.datasets.mnist import MNIST_CLASSES, load_mnist
from neurosvt.datasets.nmnist import NMNIST_CLASSES, load_nmnist
from neurosvt.datasets.tracks import TRACK_CLASSES, load_tracks

__all__ = [
    "CIFAR10_CLASSES",
    "GESTURE_CLASSES",
    "HANDHELD_CLASSES",
    "MNIST_CLASSES",
    "NMNIST_CLASSES",
    "TRACK_CLASSES",
    "load_cifar10",
    "load_gestures",
    "load_handheld_objects",
    "load_mnist",
    "load_nmnist",
    "load_tracks",
]
