"""DVS128 Gesture as it is downloaded: 29 people making 11 gestures before an event camera.

    userNN_LIGHTING.aedat            one sitting of one person, AEDAT 3.1, 128 x 128 pixels
    userNN_LIGHTING_labels.csv       which gesture was made from when to when in it
    trials_to_train.txt, trials_to_test.txt    the official split, sittings by name

These lie in a folder, in `download/` of one, or in `DvsGesture/` of the archive DvsGesture.tar.gz.
Validation takes the last three people of the training part, so that whoever is validated on was
never trained on.

Source: Amir et al., "A Low Power, Fully Event-Based Gesture Recognition System", CVPR 2017; CC BY
4.0.
"""

import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.clips import Clips
from neurosvt.datasets.folder import SPLITS, data_root
from neurosvt.datasets.packed_cache import Builder, load_cache
from neurosvt.events.frames import into_counts, make_frames
from neurosvt.events.recording import Recording
from neurosvt.formats import read_events
from neurosvt.spread import Spread, one_by_one

GESTURE_CLASSES = (
    "hand_clapping", "right_hand_wave", "left_hand_wave", "right_arm_clockwise",
    "right_arm_counter_clockwise", "left_arm_clockwise", "left_arm_counter_clockwise", "arm_roll",
    "air_drums", "air_guitar", "other_gestures",
)  # fmt: skip
"""A label is an index into it: one less than in the files, which count from 1."""

OTHER_SIDE = {1: 2, 2: 1, 3: 6, 6: 3, 4: 5, 5: 4}
"""What a gesture becomes in a mirror: the other hand, and the other way round."""

GESTURE_SIDE = 128
"""Pixels per side of the camera."""
VALIDATION_USERS = ("user21", "user22", "user23")
GESTURE_FOLDER = "DVS128Gesture_Processed"
"""Folder of the packed frames, among the data sets."""
GESTURE_LISTS = {"train": "trials_to_train.txt", "test": "trials_to_test.txt"}
LABELS_HEADER = "class,startTime_usec,endTime_usec"


@dataclass(frozen=True)
class Trial:
    """One gesture of a sitting."""

    label: int
    start_us: int
    end_us: int


@dataclass(frozen=True)
class Sitting:
    """One recording, and what was done in it."""

    name: str
    """userNN_LIGHTING"""
    split: str
    trials: tuple[Trial, ...]


class Download:
    """The downloaded files, in a folder or in an archive.

    Args:
        source: folder or .tar.gz.

    Raises:
        FileNotFoundError: no such folder or archive.
        UserError: not DVS128 Gesture, or not all of it; names what is missing.
    """

    def __init__(self, source: str | Path):
        self.source = Path(source)
        if not self.source.exists():
            raise FileNotFoundError(f"{self.source}: no such folder or archive")
        self.archived = self.source.is_file()
        self.files = self._archive() if self.archived else self._folder()
        missing = [name for name in GESTURE_LISTS.values() if name not in self.files]
        if missing:
            raise UserError(f"{self.source} lacks {missing[0]}; is it DVS128 Gesture?")
        self.sittings = [s for split in GESTURE_LISTS for s in self._listed(split)]

    def _folder(self) -> dict[str, bytes | None]:
        """Every file's name, and the content of texts."""
        folders = [self.source / "download", self.source / "DvsGesture", self.source]
        folder = next((p for p in folders if (p / GESTURE_LISTS["train"]).is_file()), self.source)
        self.folder = folder
        return {
            path.name: path.read_bytes() if path.suffix in (".txt", ".csv") else None
            for path in folder.iterdir()
            if path.is_file()
        }

    def _archive(self) -> dict[str, bytes | None]:
        files: dict[str, bytes | None] = {}
        try:
            with tarfile.open(self.source) as archive:
                for member in archive:
                    name = PurePosixPath(member.name).name
                    # An archive of a Mac holds a shadow of every file.
                    if not member.isfile() or name.startswith("._"):
                        continue
                    text = name.endswith((".txt", ".csv"))
                    stream = archive.extractfile(member) if text else None
                    files[name] = stream.read() if stream else None
        except (tarfile.TarError, EOFError, OSError) as error:
            raise UserError(f"{self.source} is damaged, or is no archive ({error})") from error
        return files

    def _listed(self, split: str) -> Iterator[Sitting]:
        """The sittings of one official list."""
        listed = self._text(GESTURE_LISTS[split]).split()
        for file in sorted(set(listed)):
            name = file.removesuffix(".aedat")
            for needed in (f"{name}.aedat", f"{name}_labels.csv"):
                if needed not in self.files:
                    raise UserError(
                        f"{self.source} lacks {needed}, which {GESTURE_LISTS[split]} lists"
                    )
            held = split == "train" and name.split("_")[0] in VALIDATION_USERS
            yield Sitting(name, "validation" if held else split, self._trials(name))

    def _trials(self, name: str) -> tuple[Trial, ...]:
        file = f"{name}_labels.csv"
        header, *lines = self._text(file).split() or [""]
        if header != LABELS_HEADER:
            raise UserError(
                f"{self.source}: {file} begins with {header!r}, not with {LABELS_HEADER}"
            )
        trials = []
        for number, line in enumerate(lines, 2):
            try:
                label, start, end = map(int, line.split(","))
            except ValueError:
                label = start = end = 0
            if not 1 <= label <= len(GESTURE_CLASSES) or not 0 <= start < end:
                raise UserError(f"{self.source}: {file}, line {number}: {line!r} is no trial")
            trials.append(Trial(label - 1, start, end))
        return tuple(trials)

    def _text(self, name: str) -> str:
        return (self.files[name] or b"").decode("utf-8", "replace")

    def gestures(
        self, wanted: Callable[[Sitting], bool] = lambda sitting: True
    ) -> Iterator[tuple[Sitting, list[Recording]]]:
        """The gestures of every sitting that is wanted, each with its label, its times as recorded;
        in one pass, in the order in which the files lie.

        Raises:
            UserError: a recording that is damaged, or of another camera.
        """
        for sitting, path in self.recordings(wanted):
            yield sitting, read_gestures(sitting, path)

    def recordings(self, wanted: Callable[[Sitting], bool]) -> Iterator[tuple[Sitting, Path]]:
        """The sittings that are wanted, and where each can be read; of an archive, until the next
        one is asked for."""
        left = {f"{s.name}.aedat": s for s in self.sittings if wanted(s)}
        if not self.archived:
            for name, sitting in left.items():
                yield sitting, self.folder / name
            return
        with TemporaryDirectory() as folder, tarfile.open(self.source) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                stream = archive.extractfile(member) if name in left else None
                if stream is None:
                    continue
                path = Path(folder) / name
                with open(path, "wb") as out:
                    shutil.copyfileobj(stream, out)
                yield left.pop(name), path
                path.unlink()


def read_gestures(sitting: Sitting, path: Path) -> list[Recording]:
    """The gestures of a sitting, each with its label, its times as recorded.

    Raises:
        UserError: a recording that is damaged, or of another camera.
    """
    whole = read_events(path)
    if max(whole.width, whole.height) > GESTURE_SIDE:
        raise UserError(
            f"{path.name} is of a camera of {whole.width} x {whole.height} pixels, not "
            f"{GESTURE_SIDE} x {GESTURE_SIDE}"
        )
    t, made = whole.events["t"], []
    for i, trial in enumerate(sitting.trials):
        events = whole.events[(t >= trial.start_us) & (t < trial.end_us)]
        name = f"{sitting.name} {i}"
        made.append(Recording(events, GESTURE_SIDE, GESTURE_SIDE, trial.label, name))
    return made


def prepare_gestures(
    source: str | Path,
    destination: Path,
    *,
    frames: int = 16,
    on_sitting: Callable[[int, int], None] = lambda done, of: None,
    spread: Spread = one_by_one,
) -> bool:
    """Make the frames of all gestures, once; interrupted, it goes on where it stopped.

    A gesture becomes `frames` binary frames of equally many events, as is customary for this data
    set since Fang et al., "Incorporating Learnable Membrane Time Constant", ICCV 2021, sec. 5.1.

    Args:
        source: the download, see `Download`.
        destination: folder of the cache.
        frames: of a gesture.
        on_sitting: told how many sittings are done, and of how many.
        spread: who reads; see `spread_over`.

    Returns:
        Whether there was anything to do.

    Raises:
        FileNotFoundError, UserError: as `Download`, and as `packed_cache.Builder`; or workers would
            have to read an archive.
    """
    download = Download(source)
    names = sorted(s.name for s in download.sittings)
    settings = {
        "data": "dvs128", "frames": frames, "cut": "counts",
        "height": GESTURE_SIDE, "width": GESTURE_SIDE,
        "sittings": names,
    }  # fmt: skip
    builder = Builder(destination, settings)
    if builder.finished():
        return False
    done = sum(map(builder.has, names))
    on_sitting(done, len(names))
    if download.archived and spread is not one_by_one:
        raise UserError(f"workers read no archive: unpack {download.source}, and name its folder")
    missing = download.recordings(lambda s: not builder.has(s.name))
    for _, (name, made, labels) in spread(partial(_frames_of, frames), missing):
        builder.add(name, made, labels)
        done += 1
        on_sitting(done, len(names))
    builder.finish({
        split: sorted(s.name for s in download.sittings if s.split == split) for split in SPLITS
    })  # fmt: skip
    return True


def _frames_of(frames: int, part: tuple[Sitting, Path]) -> tuple[str, np.ndarray, np.ndarray]:
    """Of a sitting: name, frames (N, T, 2, 128, 128) bool and labels (N,)."""
    sitting, path = part
    gestures = read_gestures(sitting, path)
    made = [make_frames(g, into_counts(g.events, frames)) for g in gestures]
    shape = (len(gestures), frames, 2, GESTURE_SIDE, GESTURE_SIDE)
    labels = np.array([g.label for g in gestures], np.int64)
    return sitting.name, np.stack(made) if made else np.zeros(shape, bool), labels


def load_gestures(
    split: str, frames: int = 16, root: str | Path | None = None, *, in_memory: bool = True
) -> Clips:
    """The gestures that `prepare_gestures` packed.

    Args:
        split: "train", "validation" or "test".
        frames: of a gesture.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.
        in_memory: copied there, or mapped and read when they are asked for.

    Raises:
        FileNotFoundError, UserError: as `load_cache`; or they have another number of frames.
    """
    folder = data_root(root) / GESTURE_FOLDER
    try:
        clips = load_cache(folder, split, in_memory=in_memory)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}: neurosvt data prepare dvs128 SOURCE makes it") from error
    if clips.steps != frames:
        raise UserError(
            f"{folder} holds gestures of {clips.steps} frames, not {frames}; prepare others with "
            f"neurosvt data prepare dvs128 SOURCE --frames {frames}"
        )
    return clips
