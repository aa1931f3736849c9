"""`--to c`: the engine in whole numbers as one header and one source, with a trained model inside.

C11 that is C++17 too; no library but string.h, no memory of its own, no floating point.
"""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import neurosvt.native
from neurosvt.config import UserError
from neurosvt.engine.fixed_plan import FixedPlan
from neurosvt.files import write_whole
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.presence import Presence

HEADER, SOURCE = "neurosvt_model.h", "neurosvt_model.c"
WIDTHS = (16, 8)
"""Bits of a number that C is written with."""
CORE = Path(neurosvt.native.__file__).parent / "fixed"
INCLUDE = re.compile(r'^#include "(.*)"\n', re.MULTILINE)


def export_c(model: Any, folder: Path, bits: int = 8) -> list[Path]:
    """Write a NeuroSVT as a header and a source; the files that were written.

    Args:
        model: trained, with the leaky memory.
        folder: made where it is not there.
        bits: of weights, thresholds, decays and state: 16 or 8.

    Raises:
        UserError: other bits, or a model that has no such form.
    """
    if not isinstance(model, NeuroSVT):
        raise UserError(f"a {type(model).__name__} cannot be written as C; a NeuroSVT can")
    if bits not in WIDTHS:
        raise UserError(f"--bits must be 16 or 8 for --to c, got {bits}")
    plan = FixedPlan(model, bits)
    known = model.class_names or [f"class {i}" for i in range(plan.classes)]
    names = [re.sub(r"[^ -~]|[\"\\]", "?", name) for name in known]
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / HEADER, header(plan, model.config.frame_ms).encode())
    write_whole(folder / SOURCE, source_text(plan, names).encode())
    return [folder / HEADER, folder / SOURCE]


def header(plan: FixedPlan, frame_ms: float) -> str:
    """What a program includes."""
    sizes = {
        "SIDE": plan.c.side, "CLASSES": plan.classes, "KINDS": len(Presence),
        "FRAME_US": round(1000 * frame_ms), "STATE_BYTES": plan.c.at.bytes,
        "ANSWER_NUMBERS": plan.answer_size,
    }  # fmt: skip
    defined = "\n".join(f"#define NSVT_{name} {size}" for name, size in sizes.items())
    kinds = ", ".join(f"NSVT_{kind.name}" for kind in Presence)
    parts = "\n".join(f"    {kind} {name}[{size}];" for name, (kind, size) in plan.state.items())
    told = f"enum {{ {kinds} }}; /* kinds of presence */"
    return f"{PREAMBLE}\n{defined}\n\n{told}\n{INTERFACE % parts}"


def source_text(plan: FixedPlan, names: list[str]) -> str:
    """The engine, the model's numbers, and the functions of the header."""
    parts = [f'#include "{HEADER}"\n\n#include <stddef.h>\n#include <string.h>\n']
    parts += ["#define NSVT_EVENT", f"#define NSVT_BITS {16 if plan.bits == 16 else 8}"]
    parts += [whole_text("core.h"), *numbers(plan), FUNCTIONS]
    for what, words in (("class", names), ("presence", [kind.name.lower() for kind in Presence])):
        listed = ", ".join(f'"{word}"' for word in words)
        size = "NSVT_CLASSES" if what == "class" else "NSVT_KINDS"
        parts.append(f"const char *const nsvt_{what}_names[{size}] = {{{listed}}};\n")
    return "\n".join(parts)


def whole_text(name: str) -> str:
    """A file of the core with what it includes in its place."""
    text = (CORE / name).read_text(encoding="utf-8")
    return INCLUDE.sub(lambda m: "\n" + whole_text(m[1]), text)


def numbers(plan: FixedPlan) -> Iterator[str]:
    """Arrays, then structures of them, then the model."""
    names = {where: name for where, (name, _) in plan.arrays.items()}
    later = []
    for name, values in plan.arrays.values():
        if isinstance(values, np.ndarray):
            kind = "nsvt_number" if name.endswith("_weights") else f"{values.dtype}_t"
            listed = ",".join(map(str, values.ravel().tolist()))
            lines = "\n".join(re.findall(r".{1,110}(?:,|$)", listed))
            yield f"static const {kind} nsvt_the_{name}[] = {{\n{lines}}};"
        else:
            listed = ",\n".join(initialiser(one, names) for one in values)
            kind = C_TYPES[type(values[0]).__name__]
            later.append(f"static const {kind} nsvt_the_{name}[] = {{\n{listed}}};")
    yield from later
    yield f"static const nsvt_model nsvt_the_model = {initialiser(plan.c, names)};"


C_TYPES = {"FixedBlock": "nsvt_block", "FixedDense": "nsvt_dense"}
"""Structures that come one after the other."""


def initialiser(value: ctypes.Structure, names: dict[int, str]) -> str:
    """A structure as C initialises it."""
    found = []
    for name, kind, *_ in value._fields_:
        field = getattr(value, name)
        if isinstance(field, ctypes.Structure):
            found.append(initialiser(field, names))
        elif kind is ctypes.c_void_p:
            found.append("NULL" if field is None else f"nsvt_the_{names[field]}")
        else:
            found.append(str(field))
    return "{" + ", ".join(found) + "}"


PREAMBLE = """\
/* A NeuroSVT, trained: events of a camera in, what is there and where out, also while it is hidden.
 * Written by `neurosvt export --to c`. C11 or C++17; nothing is allocated, nothing is a float. */

#ifndef NEUROSVT_MODEL_H
#define NEUROSVT_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
"""

INTERFACE = """
#define NSVT_SCORE_ONE 16384 /* of scores and probabilities */
#define NSVT_PLACE_ONE 65536 /* of x and y: the side of the sensor */

typedef struct {
    uint16_t x, y; /* from the upper left, below NSVT_SIDE */
    uint8_t on;    /* brighter: not 0 */
} nsvt_event;

/* What has been seen; a copy of it is a state of its own. Its parts are nobody else's. */
typedef struct {
%s
} nsvt_state;

typedef struct {
    int32_t scores[NSVT_CLASSES], probabilities[NSVT_CLASSES];
    int32_t presence[NSVT_KINDS], presence_probabilities[NSVT_KINDS];
    int32_t x, y;
} nsvt_answer;

extern const char *const nsvt_class_names[NSVT_CLASSES];
extern const char *const nsvt_presence_names[NSVT_KINDS];

/* Nothing has been seen. */
void nsvt_start(nsvt_state *state);

/* Lets NSVT_FRAME_US pass, in which these events fell, in any order; the belief into `answer`,
 * which may be NULL. A silent step without an answer only counts. Returns 0, or -1 if an event
 * lies off the sensor: nothing has happened then. */
int nsvt_step(nsvt_state *state, const nsvt_event *events, int32_t count, nsvt_answer *answer);

/* The largest of `count` numbers: of scores, the most likely. */
int32_t nsvt_most(const int32_t *numbers, int32_t count);

#ifdef __cplusplus
}
#endif

#endif
"""

FUNCTIONS = """
/* The parts lie where the engine looks for them. */
typedef char nsvt_state_is_whole[sizeof(nsvt_state) == NSVT_STATE_BYTES ? 1 : -1];

void nsvt_start(nsvt_state *state) {
    const nsvt_session s = {&nsvt_the_model, (char *)state};
    nsvt_begin(&s);
}

int nsvt_step(nsvt_state *state, const nsvt_event *events, int32_t count, nsvt_answer *answer) {
    const nsvt_session s = {&nsvt_the_model, (char *)state};
    int32_t numbers[NSVT_ANSWER_NUMBERS];
    const int end = nsvt_pass(&s, events, count, answer ? numbers : NULL);
    if (answer && !end) memcpy(answer, numbers, sizeof numbers);
    return end;
}

int32_t nsvt_most(const int32_t *numbers, int32_t count) {
    int32_t best = 0, i;
    for (i = 1; i < count; ++i)
        if (numbers[i] > numbers[best]) best = i;
    return best;
}
"""
