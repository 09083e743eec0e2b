"""Write the descriptions of all operations: ``python -m geolivelihood.operations FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from geolivelihood.operations.registry import descriptions


def main(arguments: list[str]) -> int:
    """Write the JSON file that was named; 2 if none was."""
    if len(arguments) != 1:
        sys.stderr.write("Name the file to write: python -m geolivelihood.operations operations.json\n")
        return 2
    text = json.dumps(descriptions(), indent=2, sort_keys=True, ensure_ascii=False)
    Path(arguments[0]).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
