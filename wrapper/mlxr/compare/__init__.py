"""Judging base against tuned: outputs in, scores, statistics, alarms and a verdict out."""
