"""From bytes to ticks: sources, layouts, segments, reading."""
