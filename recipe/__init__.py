"""What made the bundled model: texts, n-grams, tuning, ablation. Not part of the wheel."""
