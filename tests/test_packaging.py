"""What is published: metadata, files, extras; and that what runs elsewhere is what runs here."""

import ast
import fnmatch
import pydoc
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

import neurosvt

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
HOME = "https://github.com/neuro-svt/neuro-svt"
IMPORTED_AS = {
    "mkdocs-material": "material",
    "pillow": "PIL",
    "huggingface-hub": "huggingface_hub",
    "dv-processing": "dv_processing",
    "tensorboard": "torch.utils.tensorboard",
    "pyyaml": "yaml",
    "pyzmq": "zmq",
    "cupy-cuda12x": "cupy",
}
"""Package to module, where these differ."""
NAMED_IN = {
    "ruff": "Makefile",
    "mypy": "Makefile",
    "pytest-xdist": "pyproject.toml",  # pytest's -n
    "onnxscript": "neurosvt/export/onnx.py",  # PyTorch's exporter writes with it
    "pytest-cov": "Makefile",
    "types-pyyaml": "tests/test_packaging.py",  # mypy reads it beside yaml
    "mkdocs-material": "mkdocs.yml",
    "mkdocstrings": "mkdocs.yml",
    "ipykernel": "tests/test_notebook.py",
    "websockets": "neurosvt/app/serve.py",  # uvicorn talks by it
    "nvidia-cuda-nvrtc-cu12": "tests/native/nvrtc.py",  # its library is opened by ctypes
}
"""Packages that no line imports, and the file that says how they are used."""
WORD = {
    "nvidia-cuda-nvrtc-cu12": "nvidia.cuda_nvrtc",
    "pytest-xdist": '"-n"',
    "pytest-cov": "--cov",
    "mkdocs-material": "material",
    "types-pyyaml": "yaml",
}
"""How that file calls them, where it is not by their name."""


LARGEST = 25_000_000
"""Bytes that a wheel or the sdist may have; files are counted before they are packed."""


def committed() -> list[str]:
    """Paths of all files of the repository; of a copy without history, those that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def distribution(requirement: str) -> str:
    """`mkdocstrings[python]>=1` is mkdocstrings."""
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower()


@cache
def modules_imported(*folders: str) -> frozenset[str]:
    """Every module that some line imports, or asks pytest for, and the packages around it."""
    names = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Import():
                    names |= {alias.name for alias in node.names}
                case ast.ImportFrom(module=str(module), level=0):
                    names.add(module)
                case ast.Call(
                    func=ast.Attribute(attr="importorskip"), args=[ast.Constant(str(name))]
                ):
                    names.add(name)
    return frozenset(".".join(n.split(".")[:k]) for n in names for k in range(1, n.count(".") + 2))


def requirements() -> list[tuple[str, str]]:
    """(where it is asked for, package) of everything that pyproject.toml names."""
    asked = {"dependencies": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    found = [(where, distribution(r)) for where, rs in asked.items() for r in rs]
    return [(where, name) for where, name in found if name != "neurosvt"]


@pytest.mark.parametrize(("where", "name"), requirements())
def test_what_is_required_is_used(where, name):
    if name in NAMED_IN:
        assert WORD.get(name, name) in (ROOT / NAMED_IN[name]).read_text()
    else:
        around = ("tests", "benchmarks", "examples") if where in ("dev", "notebook") else ()
        assert IMPORTED_AS.get(name, name) in modules_imported("neurosvt", *around)


def test_an_extra_that_a_message_offers_is_there():
    offered = {
        extra
        for file in (ROOT / "neurosvt").rglob("*.py")
        for extra in re.findall(r"neurosvt\[([a-z]+)\]", file.read_text())
    }
    assert offered
    assert offered <= PROJECT["optional-dependencies"].keys()


CONTRIBUTORS = {"dev", "docs", "notebook"}
"""Extras that no user of the package needs."""

ONE_DEVICE = {"cuda"}
"""Extras that are of use on one kind of device alone, and large."""


def test_all_brings_every_extra_of_users():
    extras = PROJECT["optional-dependencies"]
    (line,) = extras["all"]
    (named,) = re.findall(r"^neurosvt\[(.*)\]$", line)
    assert {*named.split(",")} == extras.keys() - CONTRIBUTORS - ONE_DEVICE - {"all"}


def test_every_extra_brings_something_and_none_says_what_another_says():
    for extra, brought in PROJECT["optional-dependencies"].items():
        assert brought, extra
    own = [(where, name) for where, name in requirements() if where != "dependencies"]
    names = [name for where, name in own if where not in CONTRIBUTORS]
    assert len(names) == len(set(names))
    assert {where for where, _ in own} == PROJECT["optional-dependencies"].keys() - {"all"}


def test_every_version_that_is_pinned_is_of_something_required():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {distribution(line) for line in lines if line and not line.startswith("#")}
    plugins = {"mkdocstrings-python"}  # what mkdocstrings[python] brings
    assert pinned - plugins <= {name for _, name in requirements()}


def test_the_licence_covers_the_weights_and_travels_with_them():
    left_out = PYPROJECT["tool"]["scikit-build"]["wheel"]["exclude"]
    assert "neurosvt/weights/nmnist*.safetensors" in left_out  # the only ones under another
    assert PROJECT["license"] == "Apache-2.0"
    assert all((ROOT / path).is_file() for path in PROJECT["license-files"])
    notice = (ROOT / "neurosvt/weights/NOTICE").read_text()
    assert "neurosvt/weights/NOTICE" in PROJECT["license-files"]
    patterns = re.findall(r"(\S+\.safetensors)", notice)
    for weights in (ROOT / "neurosvt/weights").glob("*.safetensors"):
        assert any(fnmatch.fnmatch(weights.name, pattern) for pattern in patterns), weights.name
    assert "CC BY-SA 4.0" in notice


def test_links_lead_to_one_home_and_to_what_is_there():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["repository-code"] == PROJECT["urls"]["Source"] == HOME
    assert (citation["version"], citation["license"]) == (
        neurosvt.__version__,
        ["Apache-2.0", "CC-BY-SA-4.0"],
    )
    for link in PROJECT["urls"].values():
        assert link.startswith(HOME)
        for path in re.findall(r"/(?:blob|tree)/main/(.+)", link):
            assert (ROOT / path).exists()


def test_the_pythons_that_are_promised_are_those_that_ci_runs():
    prefix = "Programming Language :: Python :: 3."
    promised = [c[len(prefix) - 2 :] for c in PROJECT["classifiers"] if c.startswith(prefix)]
    for job in ("check", "elsewhere"):
        assert CI["jobs"][job]["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def as_on_pypi(text: str) -> str:
    """README.md after the substitutions that a build makes."""
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for rule in hook["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    return text


def test_no_link_of_the_readme_is_relative_on_pypi():
    text = as_on_pypi((ROOT / "README.md").read_text())
    targets = re.findall(r"\]\(([^)\s]+)|(?:src|href)=\"([^\"]+)", text)
    links = [a or b for a, b in targets]
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    for path in (link.split("/main/")[1] for link in links if f"{HOME}/" in link):
        assert (ROOT / path.split("#")[0]).exists(), path


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](docs/a.md#b)", f"[a]({HOME}/blob/main/docs/a.md#b)"),
        ("![a](docs/a.gif)", f"![a]({HOME}/raw/main/docs/a.gif)"),
        ('<img src="docs/a.gif" alt="a">', f'<img src="{HOME}/raw/main/docs/a.gif" alt="a">'),
        ('<a href="docs/a.md">', f'<a href="{HOME}/blob/main/docs/a.md">'),
        ("[a](https://b.org/c)", "[a](https://b.org/c)"),
        ("[a](#b)", "[a](#b)"),
        ("x[0](y)", f"x[0]({HOME}/blob/main/y)"),  # so code of that form stays out of the README
    ],
)
def test_a_link_is_made_whole(written, shown):
    assert as_on_pypi(written) == shown


def test_code_in_the_readme_is_shown_on_pypi_as_it_is_written():
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```(?s:.*?)^```|(?:^ {4}.*\n)+", readme, flags=re.M)
    assert blocks
    assert [block for block in blocks if as_on_pypi(block) != block] == []


def test_what_the_library_reads_at_run_time_lies_in_the_package():
    """Wheels take what is under neurosvt/, less what is excluded; a build is checked in CI."""
    excluded = PYPROJECT["tool"]["scikit-build"]["wheel"]["exclude"]
    packed = [
        path
        for path in committed()
        if path.startswith("neurosvt/")
        and not any(fnmatch.fnmatch(path, e.replace("**", "*")) for e in excluded)
    ]
    assert "neurosvt/py.typed" in packed
    assert "neurosvt/demo/page.html" in packed
    for name in ("permanence", "permanence_lif", "permanence_none", "dysvit"):  # demo, README
        assert f"neurosvt/weights/{name}.safetensors" in packed
    assert "neurosvt/weights/elsewhere.json" in packed
    assert not any("nmnist" in path for path in packed if path.endswith(".safetensors"))
    assert sum((ROOT / path).stat().st_size for path in packed) < LARGEST
    runs = [path for path in committed() if path.endswith(".toml") and "configs/" in path]
    assert runs
    assert {*runs} <= {*packed}
    texts = [path for path in committed() if path.endswith((".cu", ".cuh"))]  # compiled on GPUs
    assert texts
    assert {*texts} <= {*packed}
    of_c = [path for path in committed() if path.startswith("neurosvt/native/fixed/")]
    assert {path for path in of_c if path.endswith(".h")} <= {*packed}  # written out as C
    assert not {Path(path).suffix for path in packed} & {".cpp", ".hpp", ".txt"}
    assert any(path.endswith((".cpp", ".hpp")) for path in committed())  # so that less is less


def test_the_sdist_is_small_and_holds_the_weights_that_the_wheel_holds():
    settings = PYPROJECT["tool"]["scikit-build"]
    left_out = settings["sdist"]["exclude"]
    weights = [line for line in settings["wheel"]["exclude"] if line.endswith(".safetensors")]
    assert left_out == weights
    assert "include" not in settings["sdist"]  # which would win over what is excluded
    files = [p for p in committed() if not any(fnmatch.fnmatch(p, e) for e in left_out)]
    assert len(files) < len(committed())
    assert sum((ROOT / path).stat().st_size for path in files) < LARGEST


def moved_to() -> list[str]:
    """What the tables of CHANGELOG.md call the new names, written out."""
    cells = re.findall(r"^\| `neurosvt\..* \| (.*) \|$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    names = []
    for cell in cells:
        first, *more = re.findall(r"`([^`]+)`", cell)
        room = first.rpartition(".")[0]
        names += [first, *(n if n.startswith("neurosvt.") else f"{room}.{n}" for n in more)]
    return names


def test_the_changelog_names_many_moves():
    assert len(moved_to()) > 40


@pytest.mark.parametrize("name", moved_to())
def test_what_the_changelog_says_has_moved_is_where_it_says(name):
    assert pydoc.locate(name) is not None


def test_files_that_a_machine_reads_can_be_read():
    files = [p for p in committed() if p.endswith((".yml", ".yaml", ".cff")) and p != "mkdocs.yml"]
    assert {".github/workflows/ci.yml", ".pre-commit-config.yaml", "CITATION.cff"} <= {*files}
    assert all(isinstance(yaml.safe_load((ROOT / path).read_text()), dict) for path in files)


def test_an_issue_form_asks_for_something():
    for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        if path.name != "config.yml":
            assert form.keys() == {"name", "description", "labels", "body"}
            fields = [field["id"] for field in form["body"]]
            assert len(fields) == len(set(fields)) > 0


CI = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())


def commands(job: str) -> list[str]:
    return [line for step in CI["jobs"][job]["steps"] for line in step.get("run", "").splitlines()]


def test_ci_runs_what_a_contributor_runs():
    here = re.findall(r"^make .*$", (ROOT / ".ci/run").read_text(), flags=re.M)
    assert here
    assert commands("check") == ["make setup PYTHON=python", *here]


def test_every_target_that_ci_makes_is_there():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M)
    made = [line.split()[1] for job in CI["jobs"] for line in commands(job) if "make " in line]
    assert made
    assert {*made} <= {*targets}


def test_the_image_gets_what_the_wheel_is_built_from_and_runs_without_rights():
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in rules if line.startswith("!")}
    assert "*" in rules
    needed = {*PROJECT["license-files"], "pyproject.toml", "README.md", "neurosvt"}
    assert {path.split("/")[0] for path in needed} == let_in
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    words = [line.split()[0] for line in lines if re.match(r"[A-Z]+ ", line)]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert 'ENTRYPOINT ["neurosvt"]' in lines


def test_hooks_before_a_commit_use_the_tools_that_are_installed_here():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    for repo in config["repos"]:
        assert repo["repo"] == "local"  # so that none is fetched
        for hook in repo["hooks"]:
            assert hook["language"] == "system"
            assert hook["entry"].split()[0] in ("./.venv/bin/ruff", ".venv/bin/ruff")
