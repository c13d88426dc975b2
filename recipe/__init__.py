"""What made the bundled model: plans, starting bundle, texts, language models, tuning, card. Not part of the wheel.

From sources of transcribed pages to the bundle, in the folder of the checkout::

    for source in SOURCES/*; do inkread ingest $source -o data/${source##*/} --licence LICENCE; done
    python -m recipe.pieces TEXTS -o data/pieces.txt       # what fonts write besides the transcriptions
    cp -r SOURCES/unipen-en data/                          # pen strokes are parquet files, not a dataset
    python scripts/fetch_fonts.py .fonts                   # fonts for rendered lines
    inkread train recipe/plans/recipe.json -o runs/next    # cuts the lines of the datasets into runs/lines, once
    inkread export runs/next -o bundle --version X.Y.Z --start-share 0.5
    python -m recipe.mean bundle:0.5 other:0.5 --store runs/lines/train --version X.Y.Z -o mean   # of several runs
    python -m recipe.digits --data data --bundle bundle -o src/inkread/recognition/digits.onnx
    python -m recipe.ngram --out lm.bin --data data --texts TEXTS
    python -m recipe.tuning --bundle bundle --lm lm.bin --data data --write
    python -m recipe.neural_lm train data TEXTS -o runs/neural-lm
    python -m recipe.neural_lm export runs/neural-lm -o lm.onnx
    python -m recipe.rescoring --bundle bundle --lm lm.onnx --data data --write
    inkread evaluate data/* --model bundle --json figures.json
    python -m recipe.card bundle figures.json

The first bundle of all was made by ``python -m recipe.start`` from the networks of PP-OCRv6; plans name it as their
start where they measure what training gives.
"""
