"""Plain data in, a checked dataclass out; and the same way back.

A run is described by frozen dataclasses, written as TOML by people and as JSON by us. `build` turns
the plain values into the dataclass and names the full path of whatever is wrong; `as_plain` is its
inverse. Knows no model.
"""

import copy
import dataclasses
import difflib
import tomllib
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")
V = TypeVar("V")


class UserError(ValueError):
    """Something that the user can mend: shown as one line, with exit code 2, and no traceback."""


class ConfigError(UserError):
    """A setting that is unknown, missing, of the wrong type, or refused by its dataclass."""


class Registry(dict[str, V]):
    """Things by name, in plain sight: what the package brings and what anybody adds at run time.

    >>> tiers = Registry("tier", {"blackout": 1, "curtain": 2})
    >>> tiers["fog"] = 3
    >>> tiers["courtain"]
    Traceback (most recent call last):
    neurosvt.config.UserError: tier 'courtain' is unknown; did you mean 'curtain'?
    >>> tiers["fog"] = 4
    Traceback (most recent call last):
    neurosvt.config.UserError: there is a tier 'fog' already; choose another name

    Args:
        what: what a message calls an entry, in the singular.
        entries: those that are there from the beginning.

    Raises:
        UserError: a name that is unknown is asked for, or one that is taken is given away.
    """

    def __init__(self, what: str, entries: Mapping[str, V] | None = None):
        super().__init__(entries or {})
        self.what = what

    def __setitem__(self, name: str, value: V) -> None:
        if name in self:
            raise UserError(f"there is a {self.what} {name!r} already; choose another name")
        super().__setitem__(name, value)

    def __missing__(self, name: str) -> V:
        hint = did_you_mean(name, self) or f"; choose from {', '.join(self)}"
        raise UserError(f"{self.what} {name!r} is unknown{hint}")


def build(cls: type[C], values: Mapping[str, Any], path: str = "") -> C:
    """Make `cls` from nested plain values, naming the full path of whatever is wrong.

    Understands int, float (an int will do), bool, str, tuples, Literal, None beside another type,
    and dataclasses of these. Never guesses: 1000.0 is no int, "3" is no float, True is no number.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Optim:
    ...     lr: float = 1e-3
    >>> build(Optim, {"lr": 3e-4})
    Optim(lr=0.0003)
    >>> build(Optim, {"lrr": 3e-4}, path="train.optim")
    Traceback (most recent call last):
    neurosvt.config.ConfigError: unknown setting 'train.optim.lrr'; did you mean 'lr'?

    Args:
        cls: a dataclass; its own ValueErrors (from `__post_init__`) are passed on with their path.
        values: setting name to value, as TOML or JSON give them; nested dataclasses are tables.
        path: where `values` stand in a larger configuration, dotted; only used in messages.

    Raises:
        ConfigError: the first thing found wrong, in one line.
    """
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    check_names(values, fields, path)
    hints = get_type_hints(cls)
    made = {}
    for name, field in fields.items():
        if name in values:
            made[name] = _convert(hints[name], values[name], _join(path, name))
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"setting {_join(path, name)!r} is missing")
    try:
        return cls(**made)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}" if path else str(error)) from error


def check_names(values: Mapping[str, Any], known: Iterable[str], path: str = "") -> None:
    """Raise a ConfigError, with a did-you-mean, for the first of `values` that is not `known`."""
    known = list(known)
    for name in values:
        if name not in known:
            raise ConfigError(f"unknown setting {_join(path, name)!r}{did_you_mean(name, known)}")


def build_kind(kinds: Registry[type[C]], values: Any, path: str = "") -> C:
    """`build` for settings whose `kind` says which of several dataclasses they are.

    A word stands for a kind as it is by default; without a kind it is the first that there is.

    Raises:
        ConfigError: as `build`; a kind that is unknown, with a did-you-mean.
    """
    table = _table({"kind": values} if isinstance(values, str) else values, path)
    try:
        cls = kinds[table.get("kind", next(iter(kinds)))]
    except UserError as error:
        raise ConfigError(f"{_join(path, 'kind')}: {error}") from error
    return build(cls, table, path)


def as_plain(config: Any) -> dict[str, Any]:
    """A dataclass as nested dicts, lists and scalars, ready for JSON; `build` makes it again.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Memory:
    ...     tau: tuple[float, float] = (4.0, 1000.0)
    >>> as_plain(Memory())
    {'tau': [4.0, 1000.0]}
    >>> build(Memory, as_plain(Memory())) == Memory()
    True
    """
    return {field.name: _plain(getattr(config, field.name)) for field in _settable(config)}


def override(values: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of `values` with each `key=value` put in its place: what `--set` does.

    Keys are dotted. Values are TOML literals, and anything else is a string, so that a word needs
    no quotes that the shell would eat. Whether a key exists is for `build` to say.

    >>> override({"train": {"steps": 10}}, ["train.steps=100", "model.memory=lif"])
    {'train': {'steps': 100}, 'model': {'memory': 'lif'}}
    """
    changed = copy.deepcopy(dict(values))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        *parents, last = (part.strip() for part in key.split("."))
        if not equals or not all([*parents, last]):
            raise ConfigError(f"expected key=value, as in train.steps=100; got {assignment!r}")
        table = changed
        for depth, parent in enumerate(parents):
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                outer = ".".join(parents[: depth + 1])
                raise ConfigError(f"cannot set {key!r}: {outer!r} is a value, not a table")
        table[last] = _literal(text.strip())
    return changed


def _literal(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # A line break could smuggle in a second key, and a date is a word as far as we are concerned.
    plain = isinstance(parsed["value"], (bool, int, float, str, list, dict))
    return parsed["value"] if len(parsed) == 1 and plain else text


def _convert(kind: Any, value: Any, path: str) -> Any:
    """`value` as an instance of the annotation `kind`, or a ConfigError that names `path`."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _convert_union(kind, value, path)
    if origin is Literal:
        # By type as well, because True == 1 and 1 == 1.0.
        if not any(type(value) is type(choice) and value == choice for choice in get_args(kind)):
            raise _wrong(kind, value, path, did_you_mean(value, get_args(kind)))
        return value
    if origin is tuple:
        return _convert_tuple(kind, value, path)
    if dataclasses.is_dataclass(kind):
        kinds = getattr(kind, "kinds", None)
        if kinds is not None:
            return build_kind(kinds, value, path)
        return build(kind, _table(value, path), path)  # type: ignore[arg-type]
    if kind is float and type(value) is int:
        return float(value)
    if kind not in _NAMES:
        raise TypeError(f"{path}: settings of type {kind} are not supported")  # our own mistake
    if type(value) is not kind:  # not isinstance: a bool is an int to Python, and not to us
        raise _wrong(kind, value, path)
    return value


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path} must be a table of settings, got {value!r}")
    return value


def _convert_union(kind: Any, value: Any, path: str) -> Any:
    members = get_args(kind)
    errors = []
    for member in members:
        try:
            return _convert(member, value, path)
        except ConfigError as error:
            errors.append(error)
    # TOML and the command line have no null, so the word stands for it where it can mean nothing
    # else: it was offered to the other members first.
    if types.NoneType in members and value == "none":
        return None
    if len(members) == 2 and types.NoneType in members and isinstance(value, (Mapping, list)):
        raise errors[0 if members[1] is types.NoneType else 1]  # names what is wrong inside
    raise _wrong(kind, value, path)


def _convert_tuple(kind: Any, value: Any, path: str) -> tuple[Any, ...]:
    members = get_args(kind)
    if not isinstance(value, (list, tuple)):
        raise _wrong(kind, value, path)
    if members[-1] is Ellipsis:
        members = members[:1] * len(value)
    if len(members) != len(value):
        raise _wrong(kind, value, path)
    pairs = zip(members, value, strict=True)
    return tuple(_convert(member, item, f"{path}[{i}]") for i, (member, item) in enumerate(pairs))


_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    types.NoneType: "none",
}
"""What a message calls a type."""


def _describe(kind: Any) -> str:
    origin, members = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in members)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(member) for member in members)
    if origin is tuple and members[-1] is Ellipsis:
        return f"a list, each {_describe(members[0])}"
    if origin is tuple:
        return f"a list of {len(members)}: " + ", ".join(_describe(member) for member in members)
    return _NAMES.get(kind, "a table of settings")


def _wrong(kind: Any, value: Any, path: str, hint: str = "") -> ConfigError:
    return ConfigError(f"{path} must be {_describe(kind)}; got {value!r}{hint}")


def first_line(error: Exception) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def did_you_mean(word: Any, known: Iterable[Any]) -> str:
    """The end of a message about a word that is unknown; empty where nothing is like it."""
    close = difflib.get_close_matches(str(word), [str(name) for name in known], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _settable(config: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(config) if field.init]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return as_plain(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
