from collections.abc import Callable
from types import TracebackType
from typing import Any

SOURCES: str
FLAVOUR: str
COMPILER: str

def features() -> list[str]: ...
def levels() -> list[str]: ...

class round_to_nearest:
    def __enter__(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

class rounded_to_nearest:
    __wrapped__: Callable[..., Any]
    def __init__(self, function: Callable[..., Any]) -> None: ...
    def __call__(self, *arguments: Any, **options: Any) -> Any: ...
