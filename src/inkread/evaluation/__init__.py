"""Measure reading: error rates, line detection, intervals over documents, speed and memory beside other engines."""
