"""run.json: what a run is and who runs it, always rewritten whole."""

import json
from typing import Any

from fs2keras.errors import UserError
from fs2keras.rundir.atomic import write_text
from fs2keras.rundir.layout import RunDir

FORMAT = 1


def read(rundir: RunDir) -> dict[str, Any]:
    """The fields of run.json, none when there is no such file. UserError when it is damaged or of a newer format."""
    path = rundir.run_json
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Move it away and run fit again: it is written anew."
        ) from error
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise UserError(f"{path}: is not the record of a run: it has no format.")
    if record["format"] > FORMAT:
        raise UserError(
            f"{path}: has format {record['format']}, this fs2keras knows {FORMAT}. Upgrade: pip install -U fs2keras"
        )
    return record


def write(rundir: RunDir, **fields: Any) -> None:
    """Write run.json anew with these fields."""
    write_text(rundir.run_json, json.dumps({"format": FORMAT} | fields, indent=2, ensure_ascii=False) + "\n")


def update(rundir: RunDir, **fields: Any) -> None:
    """Change or add these fields of run.json, and keep the others."""
    write(rundir, **{**read(rundir), **fields, "format": FORMAT})
