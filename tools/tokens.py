"""Write the table of docs/reference/tokens.md out of the code: `python -m tools.tokens`."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from callmesh.tokens import FORMS, Claims
from tools.protocol import filled, meanings, table

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "tokens.md"


def rendered(page: str) -> str:
    """The page with its table as the code has it now."""
    return filled(page, {"claims": table("claim | what it is | without it | meaning", _claims())})


def _claims() -> Iterator[tuple[str, ...]]:
    about = meanings(Claims)
    for field in msgspec.structs.fields(Claims):
        needed = field.required or field.name == "aud"
        without = "no entry" if needed else WITHOUT[field.name]
        yield f"`{field.name}`", FORMS[field.name], without, about[field.name]


WITHOUT = {"nbf": "`iat` alone counts", "name": "they say it", "wait": "`true`"}


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
