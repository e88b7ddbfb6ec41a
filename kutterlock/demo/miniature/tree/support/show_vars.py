"""Render make's variables as JSON: ``make show-vars`` pipes name, raw and expanded value in."""

import json
import sys


def main() -> None:
    """Read records from standard input, print one JSON object."""
    records = [record.split("\x1f") for record in sys.stdin.read().split("\x1e")]
    values = {
        record[0].strip(): {"expanded": record[2], "raw": record[1]}
        for record in records
        if len(record) == len(("name", "raw", "expanded"))
    }
    print(json.dumps(values))


if __name__ == "__main__":
    main()
