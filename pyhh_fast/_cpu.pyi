SOURCES: str
FLAVOUR: str
LEVEL: str
COMPILER: str

def features() -> list[str]: ...
