"""Tables of sensors that are no squares."""

from committed import markdown, rows_of, share
from tables_permanence import TIERS


def reads() -> str:
    """What weights of places keep whose number does not grow with the sensor."""
    rows = rows_of("reads")
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    cells = {(r["weights"], r["tier"]): share(r) for r in rows}
    numbers = {r["weights"]: str(r["numbers_of_64"]) for r in rows}
    return markdown(
        ["right beliefs, %", "numbers in place of 64", *(TIERS.get(t, t) for t in tiers)],
        ([name, many, *(cells[name, tier] for tier in tiers)] for name, many in numbers.items()),
    )
