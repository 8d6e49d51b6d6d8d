SOURCES: str
LEVEL: str
COMPILER: str

def features() -> list[str]: ...
