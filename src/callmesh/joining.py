"""What `join` gives: a call to be entered with `async with`, and a sentence for other tries."""

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from callmesh.errors import BadInput

T = TypeVar("T")


class Joining(Generic[T]):
    """Joins at the beginning of the block and leaves at its end."""

    def __init__(self, block: AbstractAsyncContextManager[T]) -> None:
        self._block = block

    async def __aenter__(self) -> T:
        return await self._block.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._block.__aexit__(kind, error, trace)

    def __await__(self) -> Generator[Any, None, NoReturn]:
        raise _otherwise("await callmesh.join(…)")

    def __enter__(self) -> NoReturn:
        raise _otherwise("with callmesh.join(…)")

    def __exit__(self, *error: object) -> None:
        """Never reached."""


def _otherwise(tried: str) -> BadInput:
    return BadInput(
        f"`{tried}` would not know when to leave: use `async with callmesh.join(…) as call:`"
    )
