"""The pipeline: track, name, label, judge, write. Alone in writing observations; paints nothing."""
