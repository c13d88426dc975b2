"""Run one stage: ``python -m inkread.pipeline filter_data``, in the folder of ``params.yaml``."""

from __future__ import annotations

import sys
from importlib import import_module

from inkread.pipeline.stage import MODEL_STAGES, STAGES, run_stage


def main() -> None:
    """The stage that the one argument names; exit status 2 where there is none of that name."""
    if len(sys.argv) != 2 or sys.argv[1] not in STAGES:
        print(f"usage: python -m inkread.pipeline STAGE, where STAGE is one of {', '.join(STAGES)}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    name = sys.argv[1]
    module = import_module(f"inkread.pipeline.{'model' if name in MODEL_STAGES else 'data'}_stages")
    run_stage(getattr(module, name))


if __name__ == "__main__":
    main()
