"""One reader of event files in a process of its own, which a damaged file may crash.

    python reader_of.py READER      then a path a line on standard input, an answer a line of JSON

Runs in any environment that has the reader's package: nothing of this project is imported but for
its own reader.
"""

import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np


def neurosvt(path: str) -> dict[str, Any]:
    from neurosvt.config import UserError
    from neurosvt.events.recording import EVENT
    from neurosvt.formats import open_events

    try:
        with open_events(path) as file:
            parts = [np.empty(0, EVENT), *(part.copy() for part in file.source.upright())]
            told = [*file.source.warnings()]
    except UserError as error:
        return {"refused": str(error)}
    t, x, y, p = (np.concatenate([part[name] for part in parts]) for name in "txyp")
    return events(t, x, y, p) | {"told": told}


def tonic_nmnist(path: str) -> dict[str, Any]:
    import tonic.io

    kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
    return of_table(tonic.io.read_mnist_file(path, kind))


def tonic_aedat2(path: str) -> dict[str, Any]:
    import tonic.io

    return of_table(tonic.io.read_davis_346(path)[1])


def tonic_aedat3(path: str) -> dict[str, Any]:
    import tonic.io

    return of_table(tonic.io.read_dvs_ibm(path)[1])


def tonic_aedat4(path: str) -> dict[str, Any]:
    import tonic.io

    return of_table(tonic.io.read_aedat4(path))


def spikingjelly_nmnist(path: str) -> dict[str, Any]:
    return of_table(spikingjelly_utils().load_ATIS_bin(path))


def spikingjelly_aedat3(path: str) -> dict[str, Any]:
    return of_table(spikingjelly_utils().load_aedat_v3(path))


def spikingjelly_utils() -> ModuleType:
    """Its readers, without torchvision, which they import and do not need."""
    import importlib
    from importlib.util import find_spec

    if "torchvision" not in sys.modules:
        sys.modules["torchvision"] = bare = ModuleType("torchvision")
        bare.transforms = None  # type: ignore[attr-defined]
        package = ModuleType("spikingjelly.datasets")
        found = find_spec("spikingjelly")
        assert found is not None
        assert found.submodule_search_locations
        package.__path__ = [f"{found.submodule_search_locations[0]}/datasets"]
        sys.modules["spikingjelly.datasets"] = package
    return importlib.import_module("spikingjelly.datasets.utils")


def of_table(table: Any) -> dict[str, Any]:
    return events(*(np.asarray(table[name]) for name in "txyp"))


def events(*columns: np.ndarray) -> dict[str, Any]:
    """How many, and what tells them from others."""
    whole = np.stack([np.asarray(column).astype(np.int64) for column in columns])
    return {"count": whole.shape[1], "digest": hash(whole.tobytes())}


READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "neurosvt": neurosvt,
    "tonic nmnist": tonic_nmnist,
    "tonic aedat2": tonic_aedat2,
    "tonic aedat3": tonic_aedat3,
    "tonic aedat4": tonic_aedat4,
    "spikingjelly nmnist": spikingjelly_nmnist,
    "spikingjelly aedat3": spikingjelly_aedat3,
}


def main() -> None:
    """Answer until there are no more paths."""
    read, answers = READERS[sys.argv[1]], sys.stdout
    sys.stdout = sys.stderr  # what packages print is no answer
    for line in sys.stdin:
        try:
            answer = read(line.rstrip("\n"))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            answer = {"raised": type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
