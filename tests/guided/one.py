"""One reader under atheris, which changes its file so that other lines run.

    python -m tests.guided.one READER CORPUS... LIBFUZZER_OPTION...

It ends at the first file that is neither read nor refused in one line, and leaves it.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

PARSERS = ("json", "tomllib", "csv", "zipfile", "pickletools", "numpy.lib", "PIL", "rosbags")
with atheris.instrument_imports(include=["neurosvt", *PARSERS]):
    from tests.guided.readers import READERS, judged


def main() -> None:
    """Give the reader one file after the other."""
    name, *options = sys.argv[1:]
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reader.make(folder)
        warnings.simplefilter("error")

        def read(data: bytes) -> None:
            (folder / reader.file).write_bytes(data)
            judged(reader, folder)

        atheris.Setup([sys.argv[0], *options], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
