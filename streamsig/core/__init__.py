"""The counting itself: pure, without files, threads, clocks or logs."""
