"""Measure reading: error rates, line detection, intervals over documents, confidence scores, speed and memory."""
