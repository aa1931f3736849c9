"""Shapes in signatures, checked at the first calls that each test makes."""

from functools import wraps

from beartype import beartype
from jaxtyping import config

CHECKS = 1000
"""In each test. Later calls are those of further steps, and a check costs 60 us."""

left: float = CHECKS


def begin(checks: float = CHECKS) -> None:
    """So many checks are to come."""
    global left
    left = checks
    config.update("jaxtyping_disable", False)


def at_first(function):
    """What `beartype` makes of a function. It is made at the first call: most are never called."""
    check = None

    @wraps(function)
    def checked(*args, **kwargs):
        nonlocal check
        global left
        left -= 1
        if left == 0:
            config.update("jaxtyping_disable", True)
        check = check or beartype(function)
        return check(*args, **kwargs)

    return checked
