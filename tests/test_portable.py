"""What Linux has and another system has not is asked for before it is used."""

import ast
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.clips import Clips
from neurosvt.datasets.mapped import map_array
from neurosvt.live import sources
from neurosvt.loaders import prefetch
from neurosvt.loaders.clips import ClipConfig, ClipStream
from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream

ROOT = Path(__file__).parent.parent
FILES = [
    file
    for folder in ("neurosvt", "benchmarks", "examples")
    for file in (ROOT / folder).rglob("*.py")
]
LINUX_ONLY = {ROOT / "benchmarks" / name for name in ("arm.py", "soak.py")}
"""Scripts for the machine that measured: qemu, and /proc."""

POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
POSIX_NAMES = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getpgid", "killpg", "mkfifo", "nice",
           "sched_getaffinity", "sched_setaffinity", "setsid", "sysconf", "uname", "wait"},
    "signal": {"SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP",
               "SIGTSTP", "SIGUSR1", "SIGUSR2", "alarm", "pause", "setitimer"},
    "socket": {"AF_UNIX"},
}  # fmt: skip
"""What Windows lacks; `getattr(signal, "SIGUSR1", None)`, `hasattr(os, ...)` or a handler of
AttributeError ask for it."""


def unguarded(source: str) -> list[str]:
    """Names that Windows lacks and that nobody asks for."""
    tree, found = ast.parse(source), []
    tried = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        and any(h.type and "AttributeError" in ast.unparse(h.type) for h in node.handlers)
        for part in node.body
        for inner in ast.walk(part)
    }
    tried |= {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        and any(h.type and "ImportError" in ast.unparse(h.type) for h in node.handlers)
        for part in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and node not in tried:
            found += [a.name for a in node.names if a.name in POSIX_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module in POSIX_MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            asked = f'hasattr({module}, "{name}")' in source
            if name in POSIX_NAMES.get(module, ()) and not asked and node not in tried:
                found.append(f"{module}.{name}")
    return found


def texts_without_encoding(source: str) -> list[int]:
    """Lines that read or write text in whatever encoding the system happens to have."""
    lines = []
    for node in (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name not in ("read_text", "write_text", "open", "run", "Popen", "check_output"):
            continue
        called = ast.unparse(node.func)
        named = {word.arg for word in node.keywords}
        written = [ast.unparse(arg) for arg in node.args]
        mode = ast.literal_eval(node.args[1]) if _is_word(node.args[1:2]) else ""
        opened = called == "open" and "mode" not in named and (mode or len(written) < 2)
        # Of a package's metadata: there, the encoding is fixed.
        packaged = "distribution(" in called
        as_text = (
            (name == "read_text" and not written and not packaged)
            or (name == "write_text" and len(written) < 2)
            or (opened and "b" not in mode)
            or (
                "text" in named & {"text", "universal_newlines"}
                and called.startswith("subprocess.")
            )
        )
        if as_text and "encoding" not in named:
            lines.append(node.lineno)
    return lines


def _is_word(nodes: list[ast.expr]) -> bool:
    return any(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_text_has_an_encoding_and_what_windows_lacks_is_asked_for(file):
    source = file.read_text(encoding="utf-8")
    assert texts_without_encoding(source) == []
    if file not in LINUX_ONLY:
        assert unguarded(source) == []


@pytest.mark.parametrize(
    "source",
    ["p.read_text()", "p.write_text(x)", "open(p)", "open(p, 'w')",
     "subprocess.run(x, text=True)"],
)  # fmt: skip
def test_text_without_an_encoding_is_found(source):
    assert texts_without_encoding(source) == [1]


@pytest.mark.parametrize(
    "source",
    ["p.read_text('utf-8')", "p.write_text(x, 'utf-8')", "p.read_text(encoding='utf-8')",
     "open(p, 'rb')", "open(p, mode)", "tarfile.open(p)"],
)  # fmt: skip
def test_text_with_an_encoding_and_bytes_pass(source):
    assert texts_without_encoding(source) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("signal.signal(signal.SIGUSR1, f)", ["signal.SIGUSR1"]),
        ("import fcntl", ["fcntl"]),
        ("from resource import getrusage", ["resource"]),
        ("os.killpg(1, 2)", ["os.killpg"]),
        ("getattr(signal, 'SIGUSR1', None)", []),
        ('if hasattr(os, "fork"):\n    os.fork()', []),
        ("try:\n    os.sysconf('x')\nexcept (AttributeError, OSError):\n    pass", []),
        ("signal.SIGINT, signal.SIGTERM", []),
    ],
)
def test_what_windows_lacks_is_found(source, found):
    assert unguarded(source) == found


def test_the_kernels_are_looked_for_under_the_ending_of_every_system():
    source = (ROOT / "neurosvt/native/__init__.py").read_text(encoding="utf-8")
    (pattern,) = re.findall(r'glob\("(.*neurosvt_kernels.*)"\)', source)
    for file in ("libneurosvt_kernels.so", "libneurosvt_kernels.dylib", "neurosvt_kernels.dll"):
        assert Path(file).match(pattern)


@pytest.fixture
def streams(tmp_path):
    """Streams of batches, as training takes them."""
    frames = np.random.default_rng(0).integers(0, 256, (600, 2, 128, 16), np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    labels = np.arange(60) % 11
    clips = Clips(map_array(tmp_path / "frames.npy"), np.arange(60) * 10, 10, labels, 128)
    scenes = OcclusionConfig(seen=(2, 4), hidden=(3, 9), after=2)
    return {
        "clips": ClipStream(clips, ClipConfig(), batch=4, steps=5, seed=0),
        "scenes": SceneStream(scenes, 2, 5, 0, size=32),
    }


@pytest.mark.parametrize("name", ["clips", "scenes"])
def test_a_worker_that_is_not_forked_makes_the_same_batches(name, streams):
    """macOS, Windows, and Linux from Python 3.14 on pickle what a worker is given."""
    sent = pickle.dumps((streams[name], prefetch._packed, prefetch._stand_apart))
    assert len(sent) < 100_000, "what is mapped is mapped again, and not sent"
    stream, packed, _ = pickle.loads(sent)
    made = prefetch._unpacked(pickle.loads(pickle.dumps(packed(stream[3]))))
    for one, other in zip(made, streams[name][3], strict=True):
        assert np.array_equal(one, other)


def test_standard_input_is_refused_where_nobody_can_wait_for_it(monkeypatch):
    monkeypatch.setattr(sources.os, "name", "nt")
    with pytest.raises(UserError, match="udp://HOST:PORT will do"):
        sources.check_source("-")
